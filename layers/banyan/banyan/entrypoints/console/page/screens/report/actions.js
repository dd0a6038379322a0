/** Begin a run: of what changed, of everything, or of everything with repairs. */
import { post } from "../../lib/api.js";
import { html } from "../../lib/preact.js";
import { ask } from "../../parts/dialog.js";

const FOLLOWED = "This page follows it to its report. Nothing else is refused or delayed meanwhile.";

const RUN = {
  title: "Compare what changed?",
  button: "Run",
  text: html`<p>Everything that changed since the last run is compared with what it is derived from: rows and snapshots with the fold of their events, digest chains from end to end, and legacy rows while there is a migration. It only reads, and stores a report.</p><p>${FOLLOWED}</p>`,
};

const FULL = {
  title: "Compare everything?",
  button: "Run full",
  text: html`<p>Every stream, row and snapshot is read again, not only what changed. It only reads, and stores a report; on a large table that takes long and costs read units for all of it.</p><p>${FOLLOWED}</p>`,
};

const REPAIR = {
  title: "Compare everything, and repair?",
  button: "Repair",
  danger: true,
  text: html`
    <p>Everything is read again. What can be put right then is written:</p>
    <ul>
      <li>a row that differs is replaced by the fold of its events, unless it is written meanwhile; a row without a stream is removed</li>
      <li>events that never arrived are applied again from the event table</li>
      <li>a forged snapshot is replaced by the fold</li>
      <li>during a migration the primary is believed: an event records what the legacy row is, or the legacy row is replaced</li>
    </ul>
    <p>Never written: commits (restore them from a backup), a legacy row that contradicts itself, and rows of a stream whose commits are damaged. The report names what was done and what was not. What was replaced is not kept.</p>
  `,
};

export function Actions({ standing, awaited, begun }) {
  const busy = !standing || standing.run?.working || (awaited && !awaited.late);
  const begin = (question, body) => async () => {
    const answer = await ask({ ...question, work: () => post("/admin/reconciliation/run", body) });
    if (answer) begun();
  };
  return html`
    <button type="button" class="primary" disabled=${busy} onClick=${begin(RUN, {})}>Run</button>
    <button type="button" disabled=${busy} onClick=${begin(FULL, { full: true })}>Run full</button>
    <button type="button" class="danger" disabled=${busy} onClick=${begin(REPAIR, { repair: true })}>Repair</button>
  `;
}
