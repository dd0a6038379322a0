/** Records of the ingested stream that were refused: which ones, and putting them back. */
import { get, post } from "../../lib/api.js";
import { counted, visible } from "../../lib/format.js";
import { html, useState } from "../../lib/preact.js";
import { Badge } from "../../parts/badge.js";
import { ask } from "../../parts/dialog.js";
import { notify } from "../../parts/notices.js";
import { ProblemBox } from "../../parts/problem.js";
import { Table } from "../../parts/table.js";

const SHOWN = 100;

export function Ingest({ parked, reload }) {
  const [seen, setSeen] = useState({});
  const look = async () => {
    try {
      setSeen({ records: (await get("/admin/ingest/parked", { limit: SHOWN })).records });
    } catch (problem) {
      setSeen({ problem });
    }
  };
  if (parked === 0) return html`<p><${Badge} kind="ok">no record is parked<//></p>`;
  return html`
    <p><${Badge} kind="bad">about ${counted(parked, "record")} parked<//></p>
    <div class="actions">
      <button type="button" onClick=${look}>Look at them</button>
      <button type="button" onClick=${async () => (await putBack()) && reload()}>Put them back…</button>
    </div>
    ${seen.problem && html`<${ProblemBox} problem=${seen.problem} retry=${look} />`}
    ${seen.records && html`<p class="small faint">At most ${SHOWN}, in no order; what they hold is not shown.</p><${Table} caption="Parked records" columns=${COLUMNS} rows=${seen.records} rowKey=${(row) => `${row.shard} ${row.sequenceNumber} ${row.arrivedAt}`} />`}
  `;
}

const COLUMNS = [
  { title: "Code", cell: (row) => html`<code>${visible(row.code)}</code>` },
  { title: "Reason", wide: true, cell: (row) => visible(row.reason ?? "") },
  { title: "Stream", cell: (row) => html`<bdi>${visible(row.stream ?? "")}</bdi>` },
  { title: "Arrived", cell: (row) => visible(row.arrivedAt ?? "") },
];

/** Ask, and let refused records be ingested again. */
export async function putBack() {
  const done = await ask({
    title: "Put parked records back on their stream",
    text: html`<p>They are ingested again; those that are refused again are parked again. Records that their stream no longer has stay parked and are named.</p><p>Deploy what mends them first.</p>`,
    fields: [{ name: "code", label: "Only those refused with this code", help: "All of them without one." }, { name: "limit", label: "At most", type: "number", value: SHOWN, min: 1, max: 500 }],
    button: "Put them back",
    work: ({ code, limit }) => post("/admin/ingest/parked/retry", { code, limit: limit ?? SHOWN }),
  });
  if (done) notify(`${counted(done.records, "record")} put back${done.gone.length ? `; ${counted(done.gone.length, "message")} gone from the stream` : ""}.`, done.gone.length ? "bad" : "ok");
  return done;
}
