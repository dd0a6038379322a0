/** Begin a run: of what changed, of everything, or of everything with repairs. */
import { post } from "../../lib/api.js";
import { html } from "../../lib/preact.js";
import { go, read } from "../../lib/route.js";
import { ask } from "../../parts/dialog.js";

const FOLLOWED = "The page follows it to its report. While it works, another run is refused.";

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

/** Stands for the newest report while there is none. */
const NONE_YET = "none";

const WAITS = html`<p>A run waits for its next segment: another one like it continues it, one of another kind begins again.</p>`;

/** Ask, and begin a run; what the API answered, or null. */
const begin = ({ text, ...question }, body, waits) =>
  ask({ ...question, text: html`${text}${waits && WAITS}`, work: () => post("/admin/reconciliation/run", body) });

/** Repair from the report of what differs, and follow that on the page of the runs, unless the report was left. */
export async function repairAndFollow() {
  const { path } = read();
  const answer = await begin(REPAIR, { repair: true });
  if (answer) go("reconciliation", { since: newestOf(answer) }, path);
}

/** The report before that of a run which has begun just now: others may have come to theirs while the question was open. */
const newestOf = (answer) => answer.latest?.id ?? NONE_YET;

export function Actions({ standing, awaited, begun }) {
  const busy = !standing || standing.run?.working || (awaited && !awaited.late);
  const on = (question, body) => async () => {
    const answer = await begin(question, body, standing.run);
    if (answer) begun(newestOf(answer));
  };
  return html`
    <button type="button" class="primary" disabled=${busy} onClick=${on(RUN, {})}>Run</button>
    <button type="button" disabled=${busy} onClick=${on(FULL, { full: true })}>Run full</button>
    <button type="button" class="danger" disabled=${busy} onClick=${on(REPAIR, { repair: true })}>Repair</button>
  `;
}
