/** What was decided about the migration, by whom, why, and on which evidence. */
import { get } from "../../lib/api.js";
import { visible } from "../../lib/format.js";
import { html, useState } from "../../lib/preact.js";
import { usePages } from "../../lib/pages.js";
import { Empty } from "../../parts/empty.js";
import { Json } from "../../parts/json.js";
import { More } from "../../parts/more.js";
import { ProblemBox } from "../../parts/problem.js";
import { Table } from "../../parts/table.js";
import { Time } from "../../parts/time.js";
import { at, stepName } from "./words.js";

const LIMIT = 20;

export function History({ found }) {
  const pages = usePages(page, [], [found.since, found.held, found.movingTo && stepName(found.movingTo)].join());
  const empty = html`<${Empty} title="Nothing was decided yet">Start the migration, and each decision stands here with its reason and its evidence.<//>`;
  return html`
    ${pages.problem && html`<${ProblemBox} problem=${pages.problem} retry=${pages.reload} />`}
    ${pages.data && html`<${Table} caption="Decisions" columns=${COLUMNS} rows=${pages.rows} rowKey=${(row) => row.version} empty=${empty} /><${More} pages=${pages} one="decision" />`}
  `;
}

async function page(before, signal) {
  const { decisions, next } = await get(at("history"), { before, limit: LIMIT }, { signal });
  return { rows: decisions, next };
}

const TYPES = { Moved: "moved to", MoveBegan: "began to move to", MoveReversed: "goes back from the move to", MoveGivenUp: "gave up the move to", Held: "stayed" };

const COLUMNS = [
  { title: "Version", numeric: true, cell: (row) => row.version },
  { title: "When", cell: (row) => html`<${Time} at=${row.at} exact />` },
  { title: "What", cell: (row) => `${TYPES[row.type] ?? row.type} ${row.details.to ? stepName(row.details.to) : ""}` },
  { title: "By", cell: (row) => html`<bdi>${visible(row.actor)}</bdi>` },
  { title: "Reason", wide: true, cell: (row) => visible(row.reason) },
  { title: "Evidence", wide: true, cell: (row) => (Object.keys(row.evidence).length ? html`<${Evidence} row=${row} />` : html`<span class="faint">none</span>`) },
];

function Evidence({ row }) {
  const [open, setOpen] = useState(false);
  return html`<details open=${open} onToggle=${(event) => setOpen(event.currentTarget.open)}><summary>Evidence of version ${row.version}</summary>${open && html`<${Json} value=${row.evidence} />`}</details>`;
}
