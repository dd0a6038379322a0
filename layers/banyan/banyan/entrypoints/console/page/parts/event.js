/** An event: as a row of a list, and in full. */
import { brief } from "../lib/format.js";
import { html, useEffect, useState } from "../lib/preact.js";
import { href } from "../lib/route.js";
import { Badge } from "./badge.js";
import { Json } from "./json.js";
import { Time } from "./time.js";

export const ROW_HEIGHT = 48;
const LEAST_TALL = 240;
const AROUND = 330;

/** How tall a list of events may be, for the window to hold it. */
export function useTall() {
  const [tall, setTall] = useState(room);
  useEffect(() => {
    const follow = () => setTall(room());
    addEventListener("resize", follow);
    return () => removeEventListener("resize", follow);
  }, []);
  return tall;
}

const room = () => Math.max(LEAST_TALL, innerWidth < 1000 ? Math.round(innerHeight * 0.45) : innerHeight - AROUND);

/** @param {{version: number, event: object | null | undefined, stream?: string}} given `undefined` is on its way, `null` is not there */
export function EventRow({ version, event, stream }) {
  if (!event) return html`<div class="event-row"><span class="version">${version}</span><span class="faint">${event === null ? "cannot be read: part of what stands before it" : "…"}</span></div>`;
  const { actor, correlationId } = event.metadata;
  return html`
    <div class="event-row">
      <span class="version">${version}</span>
      <span class="line"><bdi class="type">${brief(event.eventType)}</bdi>${event.error && html` <${Badge} kind="bad">error<//>`}${stream && html` <bdi class="mono faint">${brief(stream)}</bdi>`}</span>
      <span class="line small faint"><span class="when">${when(event.timestamp)}</span> <bdi>${brief(plain(actor), 60)}</bdi> <bdi class="mono">${brief(plain(correlationId), 40)}</bdi></span>
    </div>
  `;
}

const when = (timestamp) => (timestamp ? `${timestamp.replace("T", " ").replace("Z", "").slice(0, 23)}Z` : "");

/** @param {{stream: string, version: number, event: object | null | undefined, children?: any}} given `children` are links beside its title */
export function EventDetail({ stream, version, event, children }) {
  return html`
    <section class="card event" aria-labelledby="event-title">
      <header class="event-head">
        <h2 id="event-title">${event ? html`<bdi>${brief(event.eventType)}</bdi>, version ${version}` : `Version ${version}`}</h2>
        ${children}
      </header>
      ${event ? html`<${Content} key=${`${stream} ${version}`} stream=${stream} event=${event} />` : html`<p class="faint">${event === null ? "Nothing can be read under this version: what stands before it in its commit is damaged." : "Loading…"}</p>`}
    </section>
  `;
}

function Content({ stream, event }) {
  const { correlationId, causationId, actor, occurredAt, schemaVersion, traceparent, ...others } = event.metadata;
  return html`
    ${event.error && html`<p class="problem">${brief(event.error, 1000)}</p>`}
    <dl class="pairs">
      <${Fact} name="Recorded">${event.timestamp && html`<${Time} at=${event.timestamp} exact />`}<//>
      <${Fact} name="Occurred">${occurredAt && brief(plain(occurredAt))}<//>
      <${Fact} name="By">${actor && html`<bdi>${brief(plain(actor), 300)}</bdi>`}<//>
      <${Fact} name="Request">${correlationId && html`<a class="mono" href=${href(["traces", plain(correlationId)], { tenant: stream.split(":")[0] })}><bdi>${brief(plain(correlationId), 300)}</bdi></a>`}<//>
      <${Fact} name="Caused by">${causationId && html`<bdi class="mono">${brief(plain(causationId), 300)}</bdi>`}<//>
      <${Fact} name="Event">${event.eventId && html`<bdi class="mono">${brief(event.eventId, 300)}</bdi>`}<//>
      <${Fact} name="Schema version">${schemaVersion !== undefined && brief(plain(schemaVersion))}<//>
      <${Fact} name="Trace context">${traceparent && html`<bdi class="mono">${brief(plain(traceparent), 300)}</bdi>`}<//>
    </dl>
    ${Object.keys(others).length > 0 && html`<h3>Other metadata</h3><${Json} value=${others} label="Other metadata" />`}
    <h3>Payload${event.error && event.payload !== null && ", as it is stored"}</h3>
    ${event.payload === null ? html`<p class="faint">None that can be shown.</p>` : html`<${Json} value=${event.payload} label="Payload" />`}
  `;
}

const Fact = ({ name, children }) => (children ? html`<dt>${name}</dt><dd>${children}</dd>` : null);

/** Text of what ought to be text, and may be anything in a damaged event. */
const plain = (value) => (typeof value === "string" ? value : value === undefined || value === null ? "" : JSON.stringify(value, (_, each) => (typeof each === "bigint" ? String(each) : each)));
