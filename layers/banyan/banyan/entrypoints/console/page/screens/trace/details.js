/** The event of a trace that is chosen: where it stands, what caused it, and its payload once it is asked for. */
import { forbidden, look, ofStream } from "../../lib/contents.js";
import { visible } from "../../lib/format.js";
import { useFocus } from "../../lib/focus.js";
import { useLoad } from "../../lib/load.js";
import { html, useEffect, useRef, useState } from "../../lib/preact.js";
import { href } from "../../lib/route.js";
import { Json } from "../../parts/json.js";
import { ProblemBox } from "../../parts/problem.js";
import { Time } from "../../parts/time.js";
import { Caused, Compensation } from "./marks.js";
import { milliseconds } from "./scale.js";

export function Details({ row, label, choose }) {
  const element = useRef(null);
  const first = useRef(true);
  const id = row?.entry.eventId;
  useEffect(() => {
    if (!first.current) element.current?.scrollIntoView({ block: "nearest" });
    first.current = false;
  }, [id]);
  if (!row) return html`<aside class="card details" aria-label="The chosen event"><p class="faint">Choose an event to see where it stands and what caused it.</p></aside>`;
  const { entry, cause } = row;
  return html`
    <aside ref=${element} class="card details" aria-label="The chosen event">
      <h2><bdi>${visible(entry.eventType)}</bdi> ${entry.compensation && html`<${Compensation} />`}</h2>
      <dl class="pairs">
        <dt>Stream</dt>
        <dd><a class="mono" href=${href(["streams", entry.streamId], { version: entry.version })}><bdi>${visible(entry.streamId)}</bdi>@${entry.version}</a></dd>
        <dt>Recorded</dt>
        <dd><${Time} at=${entry.timestamp} exact=${true} /> <span class="faint">${label(milliseconds(entry.timestamp))}</span></dd>
        <dt>By</dt>
        <dd><${Caused} actor=${entry.actor} /></dd>
        <dt>Caused by</dt>
        <dd>
          ${cause
            ? html`<button type="button" class="link" onClick=${() => choose(cause.eventId)}><bdi>${visible(cause.eventType)}</bdi></button> <bdi class="mono">${visible(cause.streamId)}@${cause.version}</bdi>`
            : html`the request <bdi class="mono">${visible(entry.causationId)}</bdi>`}
        </dd>
        <dt>Event id</dt>
        <dd class="mono">${visible(entry.eventId)}</dd>
      </dl>
      <${Payload} key=${id} entry=${entry} />
    </aside>
  `;
}

function Payload({ entry }) {
  const [asked, setAsked] = useState(false);
  if (forbidden()) return html`<p class="small">Its payload needs the scope <code>banyan/events</code>, which your token lacks.</p>`;
  if (asked) return html`<${Loaded} entry=${entry} />`;
  return html`<p><button type="button" onClick=${() => setAsked(true)}>Show the payload</button> <span class="small faint">The look is logged.</span></p>`;
}

function Loaded({ entry: { streamId, version } }) {
  const load = useLoad((signal) => look(ofStream(streamId, "events"), { after: version - 1, limit: 1 }, { signal }), [streamId, version]);
  const title = useRef(null);
  useFocus(title, [load.data]);
  if (load.problem) return html`<${ProblemBox} problem=${load.problem} retry=${load.reload} />`;
  const event = load.data?.events[0];
  if (!event) return html`<p class="waiting" role="status">${load.loading ? "Loading…" : "The stream has no such event any more."}</p>`;
  return html`
    ${event.error && html`<p class="problem">${visible(event.error)}</p>`}
    <h3 ref=${title} tabindex="-1">Payload${event.error && event.payload !== null && ", as it is stored"}</h3>
    ${event.payload === null ? html`<p class="faint">None that can be shown.</p>` : html`<${Json} value=${event.payload} label="Payload" />`}
    <h3>Metadata</h3>
    <${Json} value=${event.metadata} label="Metadata" />
  `;
}
