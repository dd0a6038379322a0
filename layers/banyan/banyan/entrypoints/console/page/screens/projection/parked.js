/** Streams that stand still: why, at which event, and how they continue. */
import { get } from "../../lib/api.js";
import { visible } from "../../lib/format.js";
import { useLoad } from "../../lib/load.js";
import { html } from "../../lib/preact.js";
import { href, setQuery } from "../../lib/route.js";
import { Json } from "../../parts/json.js";
import { ProblemBox } from "../../parts/problem.js";
import { Table } from "../../parts/table.js";
import { Time } from "../../parts/time.js";
import { retryParked } from "./actions.js";
import { RetryAll } from "./retry-all.js";

export function Parked({ projection, query, reload }) {
  const { projection: name, parked, parkedComplete } = projection;
  const several = new Set(parked.map((each) => each.generation)).size > 1;
  const shown = parked.find((each) => each.stream === query.event);
  return html`
    <section class="part">
      ${parked.length === 0 && html`<h2>Parked streams</h2><p class="faint">None: every stream continues.</p>`}
      <${RetryAll} projection=${projection} reload=${reload} />
      ${parked.length > 0 && html`
        <${Table} caption="Parked streams" columns=${columns(name, several, query, reload)} rows=${parked} rowKey=${(row) => `${row.generation} ${row.stream}`} />
        ${!parkedComplete && html`<p class="small faint">The oldest 100 of each generation; there may be more.</p>`}
        ${shown && html`<${EventAt} key=${shown.stream} stream=${shown.stream} version=${shown.version} />`}
      `}
    </section>
  `;
}

const columns = (name, several, query, reload) => [
  { title: "Stream", wide: true, cell: (row) => html`<a class="mono" href=${href(["streams", row.stream], { version: row.version })}><bdi>${visible(row.stream)}</bdi></a>` },
  ...(several ? [{ title: "Generation", numeric: true, cell: (row) => row.generation }] : []),
  { title: "Stands at version", numeric: true, cell: (row) => row.version },
  { title: "Error", wide: true, cell: (row) => html`<bdi>${visible(row.error)}</bdi>` },
  { title: "Attempts", numeric: true, cell: (row) => row.attempts },
  { title: "Parked", cell: (row) => html`<${Time} at=${row.parkedAt} none="not yet" />` },
  { title: "Next attempt", cell: (row) => (row.nextTry ? html`<${Time} at=${row.nextTry} />` : "when retried") },
  {
    title: html`<span class="unseen">Actions</span>`,
    cell: (row) => html`
      <div class="row-actions">
        <button type="button" aria-expanded=${query.event === row.stream} aria-label=${`Event of ${row.stream}`} onClick=${() => setQuery({ event: query.event === row.stream ? null : row.stream })}>Event</button>
        <button type="button" aria-label=${`Retry ${row.stream}`} onClick=${async () => (await retryParked(name, row)) && reload()}>Retry…</button>
      </div>
    `,
  },
];

/** The event that could not be applied, loaded on demand. */
function EventAt({ stream, version }) {
  const load = useLoad((signal) => get(`/admin/streams/${encodeURIComponent(stream)}/events`, { after: version - 1, limit: 1 }, { signal }), [stream, version]);
  const event = load.data?.events[0];
  return html`
    <section class="card" aria-label="Event at fault">
      <h3>Version ${version} of <a class="mono" href=${href(["streams", stream], { version })}><bdi>${visible(stream)}</bdi></a></h3>
      ${load.problem && html`<${ProblemBox} problem=${load.problem} />`}
      ${load.loading && !event && html`<p class="waiting" role="status">Loading…</p>`}
      ${load.data && !event && html`<p>The stream has no event ${version} yet: it waits for what comes next.</p>`}
      ${event && html`
        <p><strong><bdi>${visible(event.eventType)}</bdi></strong> <${Time} at=${event.timestamp} /> ${event.metadata?.actor && html`by <bdi>${visible(event.metadata.actor)}</bdi>`}</p>
        ${event.error && html`<p class="callout warn"><bdi>${visible(event.error)}</bdi></p>`}
        <${Json} value=${event.payload} label="Payload" />
      `}
    </section>
  `;
}

