/** Reads that both sides answered, and differently, field by field. */
import { get } from "../../lib/api.js";
import { html } from "../../lib/preact.js";
import { usePages } from "../../lib/pages.js";
import { Empty } from "../../parts/empty.js";
import { Json } from "../../parts/json.js";
import { More } from "../../parts/more.js";
import { ProblemBox } from "../../parts/problem.js";
import { Table } from "../../parts/table.js";
import { Time } from "../../parts/time.js";
import { visible } from "../../lib/format.js";
import { StreamLink } from "./now.js";
import { at } from "./words.js";

const LIMIT = 50;

export function Differences({ found }) {
  const pages = usePages(page, [], found.since);
  const fields = pages.rows.flatMap((each, place) => each.fields.map((field) => ({ ...each, field, key: `${place} ${field.name}` })));
  const empty = html`<${Empty} title="No compared read has differed at this step">A share of the reads, ComparedPercent, is answered by both sides and compared, from dual_write on.<//>`;
  return html`
    <p>What the legacy system and the read models answered to the same read, since the migration got to this step. <button type="button" class="link" onClick=${pages.reload}>Reload</button></p>
    ${pages.problem && html`<${ProblemBox} problem=${pages.problem} retry=${pages.reload} />`}
    ${pages.data && html`<${Table} caption="Compared reads that differed" columns=${COLUMNS} rows=${fields} rowKey=${(row) => row.key} empty=${empty} /><${More} pages=${pages} one="read" />`}
  `;
}

async function page(before, signal) {
  const { differences, next } = await get(at("differences"), { before, limit: LIMIT }, { signal });
  return { rows: differences, next };
}

const COLUMNS = [
  { title: "When", cell: (row) => html`<${Time} at=${row.at} />` },
  { title: "Stream", cell: (row) => html`<${StreamLink} stream=${row.stream} />` },
  { title: "Field", cell: (row) => html`<code><bdi>${visible(row.field.name)}</bdi></code>` },
  { title: "Legacy system", wide: true, cell: (row) => html`<${Json} value=${row.field.expected} />` },
  { title: "Read model", wide: true, cell: (row) => html`<${Json} value=${row.field.actual} />` },
];
