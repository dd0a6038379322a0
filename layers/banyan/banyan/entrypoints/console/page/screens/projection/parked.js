/** Streams that stand still: why, at which event, and how they continue. */
import { look, ofStream } from "../../lib/contents.js";
import { visible } from "../../lib/format.js";
import { useLoad } from "../../lib/load.js";
import { html } from "../../lib/preact.js";
import { href, setQuery } from "../../lib/route.js";
import { EventDetail } from "../../parts/event.js";
import { ProblemBox } from "../../parts/problem.js";
import { Table } from "../../parts/table.js";
import { Time } from "../../parts/time.js";
import { retryParked } from "./actions.js";
import { RetryAll } from "./retry-all.js";

export function Parked({ projection, query, reload }) {
  const { projection: name, parked, parkedComplete } = projection;
  const opened = rowKey(parked.find((each) => [each.stream, rowKey(each)].includes(query.event)) ?? {});
  const several = new Set(parked.map((each) => each.generation)).size > 1;
  return html`
    <section class="part">
      ${parked.length === 0 && html`<h2>Parked streams</h2><p class="faint">None: every stream continues.</p>`}
      <${RetryAll} projection=${projection} reload=${reload} />
      ${parked.length > 0 && html`
        <${Table} caption="Parked streams" columns=${columns(name, several, opened, reload)} rows=${parked} rowKey=${rowKey} detail=${(row) => rowKey(row) === opened && html`<${EventAt} stream=${row.stream} version=${row.version} />`} />
        ${!parkedComplete && html`<p class="small faint">The oldest 100 of each generation; there may be more.</p>`}
      `}
    </section>
  `;
}

const rowKey = ({ generation, stream }) => `${generation} ${stream}`;

const columns = (name, several, opened, reload) => [
  { title: "Stream", wide: true, cell: (row) => html`<a class="mono" href=${href(["streams", row.stream], { version: row.version })}><bdi>${visible(row.stream)}</bdi></a>` },
  ...(several ? [{ title: "Generation", numeric: true, cell: (row) => row.generation }] : []),
  { title: "Stands at version", numeric: true, cell: (row) => row.version },
  { title: "Error", wide: true, cell: (row) => html`<bdi>${visible(row.error)}</bdi>` },
  { title: "Attempts", numeric: true, cell: (row) => row.attempts },
  { title: "Parked", cell: (row) => (row.parkedAt ? html`<${Time} at=${row.parkedAt} />` : html`not yet, the next attempt is <${Time} at=${row.nextTry} />`) },
  {
    title: html`<span class="unseen">Actions</span>`,
    cell: (row) => html`
      <div class="row-actions">
        <button type="button" aria-expanded=${rowKey(row) === opened} aria-label=${`Event of ${row.stream}`} onClick=${() => setQuery({ event: rowKey(row) === opened ? null : several ? rowKey(row) : row.stream })}>Event</button>
        <button type="button" aria-label=${`Retry ${row.stream}`} onClick=${async () => (await retryParked(name, row)) && reload()}>Retry…</button>
      </div>
    `,
  },
];

/** The event that could not be applied. */
function EventAt({ stream, version }) {
  const load = useLoad((signal) => look(ofStream(stream, "events"), { after: version - 1, limit: 1 }, { signal }), [stream, version]);
  if (load.problem) return html`<${ProblemBox} problem=${load.problem} />`;
  if (load.data?.events.length === 0) return html`<p>The stream has no event ${version} yet: it waits for what comes next.</p>`;
  return html`<${EventDetail} stream=${stream} version=${version} event=${load.data?.events[0]}><a href=${href(["streams", stream], { version })}>In its stream</a><//>`;
}
