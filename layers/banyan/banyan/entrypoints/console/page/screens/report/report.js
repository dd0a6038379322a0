/** The report of one run: its sections, and what differed in each, down to the field. */
import { get, segment } from "../../lib/api.js";
import { count, counted, duration } from "../../lib/format.js";
import { useLoad } from "../../lib/load.js";
import { html } from "../../lib/preact.js";
import { href } from "../../lib/route.js";
import { Badge } from "../../parts/badge.js";
import { Screen } from "../../parts/screen.js";
import { Table } from "../../parts/table.js";
import { Time } from "../../parts/time.js";
import { repairAndFollow } from "./actions.js";
import { Findings, Moving } from "./findings.js";
import { Drift } from "./standing.js";
import { kindOf, nameOf, second, verdict } from "./words.js";

export function Report({ id }) {
  const load = useLoad((signal) => get(`/admin/reconciliation/reports/${segment(id)}`, {}, { signal }), [id]);
  const title = load.data ? html`Reconciliation of ${second(load.data.startedAt)}: <${Badge} kind=${kindOf(load.data)}>${verdict(load.data)}<//>` : "Reconciliation";
  return html`
    <${Screen} title=${title} trail=${[{ title: "Reconciliation", href: href("reconciliation") }]} actions=${load.data?.drifted && load.data.repaired < load.data.differences && html`<button type="button" class="danger" onClick=${repairAndFollow}>Repair</button>`} load=${load}>
      <${Content} report=${load.data} />
    <//>
  `;
}

function Content({ report }) {
  const differing = report.sections.filter((each) => each.differences > 0);
  const moving = report.sections.filter((each) => each.inFlight > 0);
  return html`
    <p>
      ${report.verifiedThrough ? html`Everything recorded until <strong>${second(report.verifiedThrough)}</strong> compared equal or is listed here.` : "Nothing can be said of any moment: see the sections."}
      ${" "}${report.full ? "Everything was read again." : "What changed since the last run was read."}
      ${report.repair && ` ${counted(report.repaired, "difference was", "differences were")} put right.`}
    </p>
    <dl class="pairs">
      <dt>Drift</dt><dd><${Drift} report=${report} /></dd>
      <dt>Began</dt><dd><${Time} at=${report.startedAt} exact /></dd>
      <dt>Took</dt><dd>${duration(new Date(report.finishedAt) - new Date(report.startedAt))} in ${counted(report.segments, "segment")}</dd>
    </dl>
    <h2>Sections</h2>
    <${Table} caption="Sections" columns=${COLUMNS} rows=${report.sections} rowKey=${(row) => row.name} />
    <p class="small faint"><code>streams</code> is the digest chain of every stream and its snapshots; ${report.sections.some(isLegacy) && html`<code>legacy</code> is the legacy system, whose primary is believed; `}the other sections are projections, compared with the fold of their events.</p>
    ${differing.map((section) => html`<${Findings} key=${section.name} section=${section} />`)}
    ${moving.map((section) => html`<${Moving} key=${section.name} section=${section} />`)}
  `;
}

const COLUMNS = [
  { title: "Section", cell: (row) => html`<${SectionName} section=${row} />` },
  { title: "State", cell: (row) => html`<${State} section=${row} />` },
  { title: "Compared", numeric: true, cell: (row) => count(row.compared) },
  { title: "Differences", numeric: true, cell: (row) => count(row.differences) },
  { title: "Repaired", numeric: true, cell: (row) => count(row.repaired) },
  { title: "In flight", numeric: true, cell: (row) => count(row.inFlight) },
  { title: "Rows read", numeric: true, cell: (row) => count(row.rowsRead) },
  { title: "Nodes read", numeric: true, cell: (row) => count(row.nodesRead) },
  { title: "Digest expected", cell: (row) => html`<${Root} digest=${row.expected} />` },
  { title: "Digest found", cell: (row) => html`<${Root} digest=${row.actual} />` },
];

const isLegacy = (section) => section.name === "legacy";

function SectionName({ section }) {
  if (section.name === "streams" || isLegacy(section)) return nameOf(section);
  return html`<a href=${href(["projections", section.name])}>${section.name}</a>${section.note && ` (not compared: ${section.note})`}`;
}

function State({ section }) {
  if (section.note) return html`<${Badge} kind="off">not compared<//>`;
  if (!section.differences) return html`<${Badge} kind="ok">equal<//>`;
  return section.repaired >= section.differences ? html`<${Badge} kind="warn">repaired<//>` : html`<${Badge} kind="bad">differs<//>`;
}

const Root = ({ digest }) => (digest ? html`<code title=${digest}>${digest.slice(0, 12)}…</code>` : html`<span class="faint">none</span>`);
