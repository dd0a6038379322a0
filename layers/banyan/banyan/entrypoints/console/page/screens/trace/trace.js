/** One trace: its events as a tree, each at its time, and the one that is chosen. */
import { get, segment } from "../../lib/api.js";
import { brief, counted, duration, visible } from "../../lib/format.js";
import { useLoad } from "../../lib/load.js";
import { html, useEffect, useMemo, useState } from "../../lib/preact.js";
import { href, setQuery } from "../../lib/route.js";
import { Badge } from "../../parts/badge.js";
import { Screen } from "../../parts/screen.js";
import { Details } from "./details.js";
import { Caused, causeOf, Compensation, kindOf, Sign } from "./marks.js";
import { Pending } from "./pending.js";
import { Rows } from "./rows.js";
import { milliseconds, scaleOf } from "./scale.js";
import { inTreeOrder } from "./tree.js";

const YOUNG_MS = 30_000;
const AGAIN_MS = 3000;

export function Trace({ id, tenant, query }) {
  const [young, setYoung] = useState(false);
  const load = useLoad((signal) => get(`/admin/correlations/${segment(id)}`, { tenant }, { signal }), [id, tenant], { every: young ? AGAIN_MS : undefined });
  useEffect(() => setYoung(isYoung(load.data)), [load.data]);
  const title = html`Trace <bdi class="mono">${brief(id)}</bdi>`;
  const actions = html`<button type="button" onClick=${load.reload}>Reload</button>`;
  return html`
    <${Screen} title=${title} trail=${[{ title: "Traces", href: href("traces") }]} actions=${actions} load=${load}>
      <${Found} trace=${load.data} tenant=${tenant} query=${query} />
    <//>
  `;
}

/** Whether more may follow: a trace is as new as the reactor, some seconds. */
function isYoung(trace) {
  const newest = trace?.entries.at(-1)?.timestamp;
  return Boolean(newest) && Date.now() - Date.parse(newest) <= YOUNG_MS;
}

function Found({ trace, tenant, query }) {
  const rows = useMemo(() => inTreeOrder(trace.entries), [trace]);
  const entities = useMemo(() => entitiesOf(trace.entries), [trace]);
  const scale = useMemo(() => scaleOf(trace.entries.map((each) => milliseconds(each.timestamp)), query.pauses === "whole"), [trace, query.pauses]);
  const chosen = rows.findIndex((each) => each.entry.eventId === query.event);
  const choose = (eventId) => setQuery({ event: eventId });
  return html`
    <${Summary} entries=${trace.entries} tenant=${tenant} span=${scale.span} />
    <${Pending} id=${trace.correlationId} tenant=${tenant} events=${trace.entries.length} />
    ${!trace.complete && html`<p class="notice"><${Badge} kind="warn">incomplete<//> There is more: the trace has too many commits to show. These are the events of its first 1,000 commits.</p>`}
    <${Legend} kinds=${new Set(rows.slice(1).map((each) => kindOf(each.entry)))} entities=${entities} scale=${scale} whole=${query.pauses === "whole"} />
    <div class="trace">
      <${Rows} rows=${rows} entities=${entities} scale=${scale} chosen=${chosen} choose=${choose} />
      <${Details} row=${rows[chosen]} label=${scale.label} choose=${choose} />
    </div>
  `;
}

function Summary({ entries, tenant, span }) {
  const streams = new Set(entries.map((each) => each.streamId)).size;
  const actors = Map.groupBy(entries, (each) => each.actor);
  const first = entries[0];
  return html`
    <p>
      ${counted(entries.length, "event")} on ${counted(streams, "stream")} of tenant <bdi>${visible(tenant)}</bdi> within ${duration(span)}, set off by <bdi>${visible(first.actor)}</bdi>.
    </p>
    <ul class="marks" aria-label="What took part">
      ${[...actors].filter(([actor]) => causeOf(actor).kind !== "request").map(([actor, caused]) => html`
        <li key=${actor}><${Caused} actor=${actor} /> ${counted(caused.length, "event")}${caused.some((each) => each.compensation) && html` <${Compensation} />`}</li>
      `)}
    </ul>
  `;
}

/** Entities of a trace with their numbers, in the order in which they appear. */
function entitiesOf(entries) {
  const names = [...new Set(entries.map((each) => each.streamId.split(":")[1]))];
  return new Map(names.map((name, number) => [name, number]));
}

const KINDS = { request: "of the same request", policy: "by a policy", deadline: "by a deadline", compensation: "takes something back" };

function Legend({ kinds, entities, scale, whole }) {
  return html`
    <div class="legend small">
      ${[...entities].map(([name, number]) => html`<span key=${name}><${Sign} number=${number} /> <bdi>${visible(name)}</bdi></span>`)}
      ${Object.entries(KINDS).map(([kind, words]) => kinds.has(kind) && html`<span key=${kind}><${Line} kind=${kind} /> ${words}</span>`)}
      ${(whole || scale.pauses.length > 0) && html`
        <label><input type="checkbox" checked=${!whole} onChange=${(event) => setQuery({ pauses: event.currentTarget.checked ? "" : "whole" })} /> Cut long pauses short</label>
      `}
    </div>
  `;
}

const Line = ({ kind }) => html`<svg class="key" width="30" height="10" aria-hidden="true"><line class=${`link ${kind}`} x1="1" x2="29" y1="5" y2="5" /></svg>`;
