/** What each projection holds of a stream, beside what its events say. */
import { look, ofStream } from "../../lib/contents.js";
import { differences } from "../../lib/diff.js";
import { brief, count } from "../../lib/format.js";
import { useLoad } from "../../lib/load.js";
import { html, useMemo, useState } from "../../lib/preact.js";
import { href } from "../../lib/route.js";
import { Badge } from "../../parts/badge.js";
import { Differences } from "../../parts/differences.js";
import { Empty } from "../../parts/empty.js";
import { Json } from "../../parts/json.js";
import { ProblemBox } from "../../parts/problem.js";
import { Loaded } from "../../parts/screen.js";
import { Table } from "../../parts/table.js";

const KINDS = { row: "one row", rows: "rows that the stream owns", view: "rows that many streams share" };
const EQUAL = new Map([
  [true, ["ok", "equal"]],
  [false, ["bad", "differs"]],
  [null, ["off", "not compared"]],
]);

export function Rows({ name }) {
  const load = useLoad((signal) => look(ofStream(name, "rows"), {}, { signal }), [name]);
  const { projections = [], version } = load.data ?? {};
  return html`
    <${Loaded} load=${load}>
      <p>The stream stands at version ${count(version ?? 0)}. Rows are compared with the events up to their own version.</p>
      ${projections.length === 0 && html`<${Empty} title="No projection reads this stream">No deployed projection is built from streams of this entity.<//>`}
      ${projections.map((each) => html`<${Projected} key=${each.projection} name=${name} stands=${version} found=${each} />`)}
    <//>
  `;
}

function Projected({ name, stands, found }) {
  const [kind, word] = EQUAL.get(found.equal);
  const has = found.held !== null || found.fold !== null;
  return html`
    <section class="card" aria-label=${`Projection ${found.projection}`}>
      <header class="event-head">
        <h2><a href=${href(["projections", found.projection])}>${brief(found.projection)}</a> <${Badge} kind=${kind}>${word}<//></h2>
        <p class="small faint">${KINDS[found.kind]} · generation ${found.generation} · at version ${count(found.version)}${found.version < stands ? ` of ${count(stands)}` : ""}</p>
      </header>
      ${found.detail && html`<p>${brief(found.detail, 1000)}</p>`}
      ${found.parked && html`<p class="problem">Parked at version ${found.parked.version}: ${brief(found.parked.error, 1000)}</p>`}
      ${!has && found.fields.length > 0 && html`<p>What differs: ${found.fields.map((each) => html`<code>${brief(each)}</code> `)}</p>`}
      ${has && html`<${Sides} name=${found.projection} held=${found.held} fold=${found.fold} />`}
      ${found.rows.length > 0 && html`<${Owned} name=${name} found=${found} />`}
      ${!has && found.rows.length === 0 && html`<p class="faint">It holds nothing of this stream that could be shown.</p>`}
    </section>
  `;
}

/** What is kept and what the events say; one of them where both are the same. */
function Sides({ name, held, fold }) {
  const found = useMemo(() => differences(fold, held), [held, fold]);
  const paths = new Set(found.map((each) => each.path));
  if (found.length === 0) return html`<details open><summary>The row, which is what the events say</summary><${Json} value=${held} label="Row" /></details>`;
  return html`
    ${held !== null && fold !== null && html`<${Differences} found=${found} before="Events say" after="Row holds" label=${`What differs in ${name}`} />`}
    <div class="split">
      <div><h3>Row</h3><${Side} value=${held} paths=${paths} label="Row" /></div>
      <div><h3>Events say</h3><${Side} value=${fold} paths=${paths} label="What the events say" /></div>
    </div>
  `;
}

/** Rows of one stream in one projection, page by page. */
function Owned({ name, found }) {
  const [{ rows, next, problem, loading }, setPage] = useState({ rows: found.rows, next: found.next });
  const more = async () => {
    setPage({ rows, next, loading: true });
    try {
      const answer = await look(ofStream(name, "rows"), { projection: found.projection, after: next });
      const [page] = answer.projections;
      setPage({ rows: page.rows, next: page.next });
    } catch (refused) {
      setPage({ rows, next, problem: refused });
    }
  };
  return html`
    <${Table} caption=${`Rows of ${found.projection}`} columns=${OWNED} rows=${rows} rowKey=${(row) => row.sort} />
    ${problem && html`<${ProblemBox} problem=${problem} retry=${more} />`}
    <div class="actions">
      ${rows !== found.rows && html`<button type="button" onClick=${() => setPage({ rows: found.rows, next: found.next })}>First rows</button>`}
      ${next && html`<button type="button" disabled=${loading} onClick=${more}>Next rows</button>`}
    </div>
  `;
}

const OWNED = [
  { title: "Row", cell: (row) => html`<bdi class="mono">${brief(row.sort, 300)}</bdi>` },
  { title: "Compared", cell: (row) => (differences(row.fold, row.held).length ? html`<${Badge} kind="bad">differs<//>` : html`<${Badge} kind="ok">equal<//>`) },
  { title: "Held", wide: true, cell: (row) => html`<${Side} value=${row.held} paths=${changed(row)} />` },
  { title: "Events say", wide: true, cell: (row) => html`<${Side} value=${row.fold} paths=${changed(row)} />` },
];

const changed = (row) => new Set(differences(row.fold, row.held).map((each) => each.path));

function Side({ value, paths, label }) {
  return value === null ? html`<p class="faint">No row.</p>` : html`<${Json} value=${value} label=${label} changed=${paths} />`;
}
