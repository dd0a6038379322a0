/** Pause, resume, park, retry or rebuild one stream, each after a question that says what will happen. */
import { post } from "../../lib/api.js";
import { counted } from "../../lib/format.js";
import { html } from "../../lib/preact.js";
import { ask } from "../../parts/dialog.js";
import { notify } from "../../parts/notices.js";
import { at, REACTOR } from "./words.js";

const REASON = { name: "reason", label: "Reason", required: true, max: 500, help: "It is recorded and shown, with your name." };
const STREAM = { name: "stream", label: "Stream", required: true, help: "tenant:entity:id" };

export function Actions({ projection, reload }) {
  const { projection: name, pause: paused } = projection;
  const then = (action) => async () => (await action(name)) && reload();
  return html`
    ${paused ? html`<button type="button" key="resume" class="primary" onClick=${then(resume)}>Resume…</button>` : html`<button type="button" key="pause" onClick=${then(pause)}>Pause…</button>`}
    <button type="button" onClick=${then(park)}>Park a stream…</button>
    <button type="button" onClick=${then(retryNamed)}>Retry a stream…</button>
    ${name !== REACTOR && html`<button type="button" onClick=${then(rebuildStream)}>Rebuild a stream…</button>`}
  `;
}

function pause(name) {
  const text =
    name === REACTOR
      ? html`<p>Policies react to nothing and nothing is published until it is resumed: sagas stand still. Commands are still accepted.</p>`
      : html`<p>${name} applies nothing until it is resumed. Queries answer from the rows that are there and say how stale they are; with a minimum version they fold the stream.</p>`;
  return ask({
    title: `Pause ${name}`,
    text: html`${text}<p>Nothing is lost, however long the pause is: resuming continues where it stopped. The alarm ProjectionPaused goes off.</p>`,
    fields: [REASON],
    button: "Pause",
    danger: true,
    work: (values) => post(at(name, "pause"), values),
    done: `${name} is paused.`,
  });
}

/** Ask, and let a projection continue. */
export async function resume(name) {
  const resumed = await ask({
    title: `Resume ${name}`,
    text: html`<p>${name} catches up on what it missed, here for up to 20 seconds; the scheduled catch-up continues with the rest. Parked streams stay parked: retry them.</p>${name === REACTOR && html`<p>Its policies then react to everything that happened during the pause.</p>`}`,
    button: "Resume",
    work: () => post(at(name, "resume")),
  });
  if (resumed) notify(caughtUp(name, resumed.generations));
  return resumed;
}

function caughtUp(name, generations) {
  const commits = Math.max(0, ...generations.map((each) => each.commits));
  const rest = generations.every((each) => each.complete) ? "is up to date" : "is resumed; the scheduled catch-up continues with the rest";
  return `${name} ${rest}: ${counted(commits, "commit")} looked at.`;
}

function park(name) {
  const still = name === REACTOR ? "No policy reacts to it" : "Its rows stay as they are";
  return ask({
    title: `Park a stream of ${name}`,
    text: html`<p>${name} applies nothing more of this stream until it is retried. ${still}; other streams, and other projections, continue.</p><p>It is announced as ProjectionPaused on the event bus, and the alarm ParkedStreamsStand goes off.</p>`,
    fields: [STREAM, REASON],
    button: "Park",
    danger: true,
    work: async (values) => ({ ...values, ...(await post(at(name, "park"), values)) }),
    done: `The stream is parked in ${name}.`,
  });
}

async function retryNamed(name) {
  const found = await ask({
    title: `Retry a stream of ${name}`,
    text: html`<p>Reads the stream from the event table and applies what is missing, parked or not, also while ${name} is paused. ${EFFECTS(name)}</p>`,
    fields: [STREAM],
    button: "Retry",
    work: async ({ stream }) => ({ stream, ...(await retry(name, stream)) }),
  });
  if (found) said(found);
  return found;
}

/** Ask, and retry one parked stream. */
export async function retryParked(name, parked) {
  const found = await ask({
    title: `Retry ${parked.stream}`,
    text: html`<p>Reads the stream from the event table and applies it from version ${parked.version} on. If that fails again it stays parked, with the new error. ${EFFECTS(name)}</p><p>If its code was at fault, deploy the mended code first.</p>`,
    button: "Retry",
    work: async () => ({ stream: parked.stream, ...(await retry(name, parked.stream)) }),
  });
  if (found) said(found);
  return found;
}

const EFFECTS = (name) => (name === REACTOR ? "Policies react to what they have not seen; a command that was sent already has no second effect." : "Its rows end equal to a fold of its events; nothing is sent.");

/** Retry one stream. @returns {Promise<{parked: object | null}>} why it is parked again, if it is */
export const retry = (name, stream) => post(at(name, "retry"), { stream });

function said({ stream, parked }) {
  if (parked) notify(`${stream} is parked again at version ${parked.version}: ${parked.error}`, "bad");
  else notify(`${stream} is up to date.`);
}

async function rebuildStream(name) {
  const found = await ask({
    title: `Rebuild a stream of ${name}`,
    text: html`<p>Replaces what the stream has in ${name}, one row or those it owns, by the fold of its events, in every generation that is kept up.</p><p>Rows that many streams share cannot be made again for one stream: there it only applies what is missing, and wrong sums need the whole rebuild.</p>`,
    fields: [STREAM],
    button: "Rebuild",
    work: async ({ stream }) => ({ stream, ...(await post(at(name, "rebuild", "stream"), { stream })) }),
  });
  if (found) notify(rebuilt(found));
  return found;
}

function rebuilt({ stream, generations }) {
  const replaced = Object.values(generations).every((each) => each.replaced);
  return replaced ? `${stream} is rebuilt from its events.` : `${stream} has applied what it missed; the rows that it shares were not made again.`;
}
