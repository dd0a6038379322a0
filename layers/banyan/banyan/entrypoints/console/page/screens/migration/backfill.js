/** The backfill: what it costs, how far it has come, and which rows it could not import. */
import { get, post } from "../../lib/api.js";
import { count, counted, visible } from "../../lib/format.js";
import { html, useEffect, useState } from "../../lib/preact.js";
import { useLoad } from "../../lib/load.js";
import { Badge } from "../../parts/badge.js";
import { ask } from "../../parts/dialog.js";
import { ProblemBox } from "../../parts/problem.js";
import { Progress } from "../../parts/progress.js";
import { Table } from "../../parts/table.js";
import { at } from "./words.js";

const QUIET_MS = 5000;
const BUSY_MS = 2000;
const PHASES = ["dual_write", "canary"];

export function Backfill({ found, reload }) {
  const [busy, setBusy] = useState(false);
  const load = useLoad((signal) => get(at("backfill"), { preview: false }, { signal }), [], { every: busy ? BUSY_MS : QUIET_MS });
  const { progress } = load.data ?? {};
  const estimate = useLoad((signal) => get(at("backfill"), {}, { signal }), [busy]);
  const preview = estimate.data?.preview;
  useEffect(() => setBusy(Boolean(progress && !progress.finished)), [load.data]);
  const again = () => Promise.all([load.reload(), estimate.reload()]);
  const begin = async () => (await asked(preview)) && Promise.all([load.reload(), reload()]);
  return html`
    ${(load.problem ?? estimate.problem) && html`<${ProblemBox} problem=${load.problem ?? estimate.problem} retry=${again} />`}
    ${load.data &&
    html`
      <section class="card">
        <h2>${progress ? "The newest backfill" : "No backfill was begun yet"} ${progress && (busy ? html`<${Badge} kind="info">running<//>` : html`<${Badge} kind=${progress.failures ? "warn" : "ok"}>ended<//>`)}</h2>
        <p>It imports every row that the event store lacks, resumes where it was interrupted, and leaves alone what commands append meanwhile.</p>
        ${progress && html`<${Progress} value=${progress.seen} max=${progress.rows} label="Rows seen" unit="rows seen" /><p>${counted(progress.imported, "row")} became events, ${count(progress.failures)} cannot.</p>`}
        ${preview && html`<p>${cost(preview)}</p>`}
        <div class="actions">
          <button type="button" class="primary" disabled=${busy || (!preview && estimate.loading) || !PHASES.includes(found.phase)} onClick=${begin}>Import rows…</button>
          ${!busy && html`<button type="button" onClick=${again}>Reload</button>`}
        </div>
        ${!PHASES.includes(found.phase) && html`<p class="small faint">A backfill runs in dual_write or canary, not in ${found.phase}.</p>`}
      </section>
      ${progress && html`<${Failed} failed=${progress.failed} failures=${progress.failures} />`}
    `}
  `;
}

const cost = ({ rows, writeUnits, price }) => `About ${counted(rows, "row")}: importing all of them costs about ${counted(writeUnits, "write unit")}, ${price.toFixed(4)} at the configured unit price.`;

const asked = (preview) =>
  ask({
    title: "Import rows of the legacy system",
    text: html`<p>Every row that no stream knows becomes an event. Commands and reads continue; what was imported stays. The controller does it in slices, by itself.</p>${preview && html`<p>${cost(preview)}</p>`}`,
    button: "Import rows",
    work: () => post(at("backfill")),
    done: "The backfill is running.",
  });

function Failed({ failed, failures }) {
  const rows = Object.entries(failed);
  if (rows.length === 0) return null;
  return html`<section class="part"><h2>Rows that cannot become events</h2><p class="small faint">The first ${count(rows.length)} of ${count(failures)}. Put them right in the legacy system, and run the backfill again.</p><${Table} caption="Rows that cannot become events" columns=${FAILED} rows=${rows} rowKey=${([row]) => row} /></section>`;
}

const FAILED = [
  { title: "Row", cell: ([row]) => html`<bdi>${visible(row)}</bdi>` },
  { title: "Why", wide: true, cell: ([, why]) => visible(why) },
];
