/** The newest requests, grouped from the events that they recorded: a look at contents, so only when it is asked for. */
import { forbidden, look } from "../../lib/contents.js";
import { brief, count, visible } from "../../lib/format.js";
import { useFocus } from "../../lib/focus.js";
import { usePages } from "../../lib/pages.js";
import { html, useRef } from "../../lib/preact.js";
import { go, href } from "../../lib/route.js";
import { Empty } from "../../parts/empty.js";
import { More } from "../../parts/more.js";
import { Loaded } from "../../parts/screen.js";
import { Table } from "../../parts/table.js";
import { Time } from "../../parts/time.js";
import { Caused } from "./marks.js";

const COMMITS = 100;

export function Newest({ tenant, asked }) {
  if (forbidden()) {
    return html`<section class="newest"><h2>Newest requests</h2><p>They are found by reading the newest events, which needs the scope <code>banyan/events</code>, and your token lacks it. A trace whose id you know does not need it.</p></section>`;
  }
  if (asked) return html`<${Listed} tenant=${tenant} />`;
  return html`
    <section class="newest">
      <h2>Newest requests</h2>
      <p>They are found by reading the newest events, and each look at events is logged.</p>
      <p><button type="button" onClick=${() => go("traces", { tenant, newest: "yes" })}>Load the newest requests</button></p>
    </section>
  `;
}

function Listed({ tenant }) {
  const page = async (before, signal) => {
    const { events, next, atEnd } = await look("/admin/events", { tenant, limit: COMMITS, order: "descending", after: before }, { signal });
    return { rows: events, next: atEnd ? null : next };
  };
  const pages = usePages(page, [tenant]);
  const title = useRef(null);
  useFocus(title, []);
  return html`
    <section class="newest" aria-busy=${pages.loading}>
      <div class="screen-head">
        <h2 ref=${title} tabindex="-1">Newest requests</h2>
        <div class="actions"><button type="button" onClick=${pages.reload} disabled=${pages.loading}>Reload</button></div>
      </div>
      <${Loaded} load=${pages}>
        <${Table} caption="Newest requests" columns=${COLUMNS} rows=${requestsOf(pages.rows)} rowKey=${(row) => row.key} empty=${NONE} />
        ${pages.next !== null && html`<p class="small faint">Some of the oldest requests here may have begun earlier, and have more events.</p>`}
        <${More} pages=${pages} one="event" />
      <//>
    </section>
  `;
}

const NONE = html`<${Empty} title="No requests">A POST to the API makes the first one.<//>`;

const COLUMNS = [
  { title: "Request", cell: (row) => html`<a class="mono" href=${href(["traces", row.id], { tenant: row.tenant })}><bdi>${brief(row.id)}</bdi></a>` },
  { title: "Began", cell: (row) => html`<${Time} at=${row.at} />` },
  { title: "By", cell: (row) => html`<${Caused} actor=${row.actor} />` },
  { title: "Tenant", cell: (row) => html`<bdi>${visible(row.tenant)}</bdi>` },
  { title: "First event", cell: (row) => html`<bdi>${brief(row.type)}</bdi>` },
  { title: "Events", numeric: true, cell: (row) => count(row.events) },
  { title: "Streams", numeric: true, cell: (row) => count(row.streams.size) },
];

/** Requests of events that come newest first: in the order of their newest ones, so that older pages move none. */
function requestsOf(events) {
  const found = new Map();
  for (const event of events) {
    const tenant = event.stream.split(":")[0];
    if (!tenant.startsWith("_") && event.eventId) add(found, tenant, event);
  }
  return [...found.values()];
}

/** Metadata of a damaged event may hold anything. */
const text = (value) => (typeof value === "string" ? value : "");

function add(found, tenant, { eventId, eventType, stream, timestamp, metadata }) {
  const id = text(metadata.correlationId) || eventId;
  const key = `${tenant} ${id}`;
  const { events = 0, streams = new Set() } = found.get(key) ?? {};
  found.set(key, { key, id, tenant, at: timestamp, actor: text(metadata.actor), type: eventType, events: events + 1, streams: streams.add(stream) });
}
