/** How projections and the reactor stand; below it, one of them. */
import { get, post } from "../lib/api.js";
import { count, duration, visible } from "../lib/format.js";
import { html } from "../lib/preact.js";
import { useLoad } from "../lib/load.js";
import { href } from "../lib/route.js";
import { noted } from "../lib/series.js";
import { ask } from "../parts/dialog.js";
import { Badge } from "../parts/badge.js";
import { Empty } from "../parts/empty.js";
import { notify } from "../parts/notices.js";
import { Screen } from "../parts/screen.js";
import { Sparkline } from "../parts/sparkline.js";
import { Table } from "../parts/table.js";
import { Projection } from "./projection/one.js";
import { at, atLeast, lagTime, noteLags, parkedCount, REACTOR, StatusBadge } from "./projection/words.js";

export default function Projections({ path, query }) {
  return path[0] ? html`<${Projection} key=${path[0]} name=${path[0]} query=${query} />` : html`<${List} />`;
}

function List() {
  const load = useLoad(seen, [], { every: 5000 });
  const actions = html`<button type="button" onClick=${remove}>Remove an undeclared projection…</button>`;
  const empty = html`<${Empty} title="No projections">Add one to the domain's <code>projections</code> and deploy.<//>`;
  return html`
    <${Screen} title="Projections and reactor" actions=${actions} load=${load}>
      <${Table} caption="Projections and reactor" columns=${COLUMNS} rows=${load.data?.projections ?? []} rowKey=${(row) => row.projection} empty=${empty} />
      <p class="small faint">Lag is counted in events and by the age of the oldest one that is not applied; parked streams are left out. The lines begin when the page was opened.</p>
    <//>
  `;
}

async function seen(signal) {
  const found = await get("/admin/projections", { newest: true }, { signal });
  noteLags(found.projections);
  return found;
}

const COLUMNS = [
  { title: "Projection", cell: (row) => html`<a href=${href(["projections", row.projection])}><bdi>${visible(row.projection)}</bdi></a>${row.projection === REACTOR && html` <span class="faint small">policies and notices</span>`}` },
  { title: "Status", cell: (row) => html`<${StatusBadge} status=${row.status} />` },
  { title: "Parked streams", numeric: true, cell: (row) => (row.parked.length ? html`<${Badge} kind="bad">${atLeast(parkedCount(row), row.parkedComplete)}<//>` : "0") },
  { title: "Lag (events)", numeric: true, cell: (row) => atLeast(row.lag.events, row.lag.complete) },
  { title: "Lag (time)", numeric: true, cell: (row) => lagTime(row.lag) },
  { title: "Lag since the page was opened", cell: (row) => html`<${Line} name=${row.projection} />` },
  { title: "Live generation", numeric: true, cell: (row) => (row.projection === REACTOR ? html`<span class="faint">none</span>` : row.live) },
];

function Line({ name }) {
  const points = noted(`lag of ${name}`);
  const worst = Math.max(0, ...points.map(([, value]) => value));
  return html`<${Sparkline} label=${`Lag of ${name} since the page was opened: at most ${duration(worst)}`} points=${points} least=${1000} />`;
}

async function remove() {
  const removed = await ask({
    title: "Remove an undeclared projection",
    text: html`
      <p>Deletes all rows, cursors and parked streams that are left of a projection which the deployed domain does not declare any more. This cannot be undone; a projection of that name that is added later begins empty.</p>
      <p>Such a projection is not in the list. One that is still declared is refused.</p>
    `,
    fields: [{ name: "name", label: "Its name", required: true }],
    button: "Remove",
    danger: true,
    work: async ({ name }) => ({ name, ...(await post(at(name, "remove"))) }),
  });
  if (removed) notify(`All that is left of ${removed.name} is being deleted: ${count(removed.generations.length)} of its generations.`);
}
