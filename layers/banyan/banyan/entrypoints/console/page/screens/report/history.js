/** What runs came to, over time. */
import { count, duration } from "../../lib/format.js";
import { html } from "../../lib/preact.js";
import { href } from "../../lib/route.js";
import { Badge } from "../../parts/badge.js";
import { Chart } from "../../parts/chart.js";
import { Empty } from "../../parts/empty.js";
import { Table } from "../../parts/table.js";
import { Time } from "../../parts/time.js";
import { kindOf, scopeOf, second, verdict } from "./words.js";

const MOST = 100;

const took = (report) => new Date(report.finishedAt) - new Date(report.startedAt);

const COLUMNS = [
  { title: "Run", cell: (row) => html`<a class="mono" href=${href(["reconciliation", row.id])}>${second(row.startedAt)}</a>` },
  { title: "Began", cell: (row) => html`<${Time} at=${row.startedAt} />` },
  { title: "Verdict", cell: (row) => html`<${Badge} kind=${kindOf(row)}>${verdict(row)}<//>` },
  { title: "Read", cell: scopeOf },
  { title: "Compared", numeric: true, cell: (row) => count(row.compared) },
  { title: "Rows read", numeric: true, cell: (row) => count(row.rowsRead) },
  { title: "Differences", numeric: true, cell: (row) => count(row.differences) },
  { title: "Repaired", numeric: true, cell: (row) => count(row.repaired) },
  { title: "Took", numeric: true, cell: (row) => duration(took(row)) },
  { title: "Verified through", cell: (row) => second(row.verifiedThrough) },
];

const CHARTS = [
  { title: "Differences", unit: "", value: (row) => row.differences },
  { title: "Rows read", unit: "", value: (row) => row.rowsRead },
  { title: "Duration", unit: "s", value: (row) => took(row) / 1000 },
];

export function History({ reports, few, running }) {
  const empty = running ? html`<p class="faint">None is complete yet.</p>` : html`<${Empty} title="No report yet">Run one: it compares everything that is derived with what it is derived from. By itself a run begins every 6 hours, unless the parameter <code>ReconciliationSchedule</code> says otherwise.<//>`;
  return html`
    <h2>Runs</h2>
    ${reports.length > 1 && html`<div class="charts">${CHARTS.map((each) => html`<div class="card" key=${each.title}><${Chart} title=${`${each.title} by run`} unit=${each.unit} height=${130} series=${[{ label: each.title, points: pointsOf(reports, each.value) }]} /></div>`)}</div>`}
    <div class="runs"><${Table} caption="Runs, newest first" columns=${COLUMNS} rows=${reports} rowKey=${(row) => row.id} empty=${empty} /></div>
    ${reports.length >= few && html`<p class="small faint">The newest ${count(reports.length)}.${reports.length === few && html` <a href=${href("reconciliation", { limit: MOST })}>Show up to ${MOST}</a>`}</p>`}
  `;
}

const pointsOf = (reports, value) => reports.map((row) => [Date.parse(row.startedAt) / 1000, value(row)]).reverse();
