/** Projections and the reactor, one line each. */
import { visible } from "../../lib/format.js";
import { html } from "../../lib/preact.js";
import { href } from "../../lib/route.js";
import { Badge } from "../../parts/badge.js";
import { Table } from "../../parts/table.js";
import { atLeast, lagTime, StatusBadge } from "../projection/words.js";
import { Unread } from "./cards.js";

export function Projections({ found }) {
  return html`
    <section class="part">
      <h2>Projections and reactor</h2>
      ${found.projections ? html`<${Table} caption="Projections and reactor" columns=${COLUMNS} rows=${found.projections} rowKey=${(row) => row.projection} />` : html`<${Unread} reason=${found.unavailable.projections ?? "not known"} />`}
    </section>
  `;
}

const COLUMNS = [
  { title: "Projection", cell: (row) => html`<a href=${href(["projections", row.projection])}><bdi>${visible(row.projection)}</bdi></a>` },
  { title: "Status", cell: (row) => html`<${StatusBadge} status=${row.status} />` },
  { title: "Lag (events)", numeric: true, cell: ({ lag }) => atLeast(lag.events, lag.complete) },
  { title: "Lag (time)", numeric: true, cell: ({ lag }) => lagTime(lag) },
  { title: "Parked streams", numeric: true, cell: (row) => (row.parked ? html`<${Badge} kind="bad">${atLeast(row.parked, row.parkedComplete)}<//>` : "0") },
  { title: "Other generation", cell: (row) => (row.rebuild ? html`<${Badge} kind="info">${row.rebuild}<//>` : html`<span class="faint">none</span>`) },
];
