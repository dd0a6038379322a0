/** The archive of the legacy system, and its restoration. */
import { get, post } from "../../lib/api.js";
import { count, counted, visible } from "../../lib/format.js";
import { html, useEffect, useState } from "../../lib/preact.js";
import { useLoad } from "../../lib/load.js";
import { Badge } from "../../parts/badge.js";
import { ask } from "../../parts/dialog.js";
import { Empty } from "../../parts/empty.js";
import { ProblemBox } from "../../parts/problem.js";
import { Progress } from "../../parts/progress.js";
import { Table } from "../../parts/table.js";
import { Time } from "../../parts/time.js";
import { at } from "./words.js";

const QUIET_MS = 5000;
const BUSY_MS = 2000;
const STAGES = { writing: "info", checking: "info", verified: "ok", damaged: "bad" };

export function Archive({ found, reload }) {
  const [busy, setBusy] = useState(false);
  const load = useLoad((signal) => get(at("archive"), {}, { signal }), [], { every: busy ? BUSY_MS : QUIET_MS });
  const { archive, restoration } = load.data ?? {};
  useEffect(() => setBusy(isBusy(archive) || isRestoring(restoration)), [load.data]);
  const then = (question) => async () => (await ask(question)) && Promise.all([load.reload(), reload()]);
  const offered = found.phase === "event_store";
  return html`
    ${load.problem && html`<${ProblemBox} problem=${load.problem} retry=${load.reload} />`}
    ${load.data &&
    html`
      <div class="actions">
        <button type="button" class=${archive ? "" : "primary"} disabled=${!offered || isBusy(archive)} onClick=${then(archiving(archive))}>${archive ? "Archive again…" : "Archive…"}</button>
        <button type="button" disabled=${!archive || isBusy(archive) || isRestoring(restoration)} onClick=${then(restoring(archive))}>Restore…</button>
      </div>
      ${!offered && html`<p class="small faint">The legacy system is archived in event_store, when its writes are off; it stands at ${found.phase}.</p>`}
      ${archive ? html`<${Archived} archive=${archive} />` : html`<${Empty} title="The legacy system was not archived yet">At event_store, archive it; complete waits for an archive that was read back.<//>`}
      ${restoration && html`<${Restored} restoration=${restoration} />`}
    `}
  `;
}

const isBusy = (archive) => archive?.stage === "writing" || archive?.stage === "checking";
const isRestoring = (restoration) => Boolean(restoration) && !restoration.endedAt && !restoration.damage;

function Archived({ archive }) {
  return html`
    <section class="card">
      <h2>Archive <code>${archive.id}</code> <${Badge} kind=${STAGES[archive.stage]}>${archive.stage}<//></h2>
      <p>Begun <${Time} at=${archive.begunAt} />${archive.verifiedAt && html`; read back <${Time} at=${archive.verifiedAt} />`}. ${counted(archive.rows, "row")} in ${counted(archive.parts, "part")}.</p>
      ${archive.damage && html`<p role="alert"><${Badge} kind="bad">damaged<//> ${visible(archive.damage)}</p>`}
      <${Progress} value=${archive.checked} max=${archive.parts} label="Parts read back" unit="parts read back" />
      <${Table} caption="Tables of the archive" columns=${TABLES} rows=${archive.tables} rowKey=${(row) => row.name} />
      ${archive.manifestSha256 && html`<p class="small">sha256 of the manifest: <code>${archive.manifestSha256}</code></p>`}
    </section>
  `;
}

const TABLES = [
  { title: "Table", cell: (row) => visible(row.name) },
  { title: "Rows", numeric: true, cell: (row) => count(row.rows) },
  { title: "Digest", wide: true, cell: (row) => html`<code>${row.digest}</code>` },
];

function Restored({ restoration }) {
  const state = restoration.damage ? ["bad", "given up"] : restoration.endedAt ? ["ok", "complete"] : ["info", "running"];
  return html`
    <section class="card">
      <h2>Restoration of <code>${restoration.archive}</code> <${Badge} kind=${state[0]}>${state[1]}<//></h2>
      <p>Begun <${Time} at=${restoration.begunAt} />${restoration.endedAt && html`; ended <${Time} at=${restoration.endedAt} />`}. ${counted(restoration.compared, "row")} compared with the manifest.</p>
      ${restoration.damage && html`<p role="alert"><${Badge} kind="bad">given up<//> ${visible(restoration.damage)}</p>`}
      <${Progress} value=${restoration.written} max=${restoration.checked} label="Parts written" unit="checked parts written" />
    </section>
  `;
}

const archiving = (archive) => ({
  title: archive ? "Archive the legacy system again" : "Archive the legacy system",
  text: html`<p>Copies every table of the legacy system into the bucket ArchiveBucket, encrypted and locked for ArchiveLockDays, and reads each object back. The tables themselves stay. The controller does it in slices, by itself.</p>${archive && html`<p>Archive ${archive.id} stays in the bucket; complete then looks at the new one, whose age begins again.</p>`}`,
  button: "Archive",
  work: () => post(at("archive"), archive ? { anew: true, insteadOf: archive.id } : {}),
  done: "The archive is being written.",
});

const restoring = (archive) => ({
  title: "Restore the legacy system from an archive",
  text: html`<p>Puts the rows of an archive back into the legacy system's tables, which must be empty and have the same schema; tables that hold rows are refused. Every object is checked before the first row is written, and the tables are compared with the manifest in the end.</p>`,
  button: "Restore",
  danger: true,
  fields: [{ name: "archive", label: "Archive", value: archive?.id, help: "Its id; the newest one unless another is named." }],
  work: (values) => post(at("restore"), values),
  done: "The restoration is running.",
});
