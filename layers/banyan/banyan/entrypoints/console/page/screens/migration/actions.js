/** Start, advance, roll back, move and complete, each after a question that says what will happen. */
import { post, Problem } from "../../lib/api.js";
import { visible } from "../../lib/format.js";
import { html } from "../../lib/preact.js";
import { ask } from "../../parts/dialog.js";
import { notify } from "../../parts/notices.js";
import { at, primaryName, same, stepName } from "./words.js";

const REASON = { name: "reason", label: "Reason", required: true, max: 500, help: "It is recorded in the migration's history, with your name." };
const BACK = { dual_write: "legacy", canary: "dual_write" };

/** The step to which a roll back leads when none is named: a phase back. */
export const stepBack = (found) => found.path.find(({ step, reachable }) => reachable && step.phase === BACK[found.phase]);

/** The next step, if one move leads there. */
export const stepForward = (found) => found.path.find(({ step, reachable }) => reachable && same(step, found.next?.step));

/** Ask, and go to a step of the path, forward or back. */
export async function goTo(found, rung, reload) {
  const forward = found.path.indexOf(rung) > found.path.findIndex(({ step }) => same(step, found));
  const { send, ...question } = forward ? onward(found, rung) : back(found, rung);
  const moved = await ask({
    ...question,
    danger: rung.noWayBack,
    fields: [REASON, ...(rung.noWayBack ? understanding(rung.step) : [])],
    work: async (values) => send(confirmed(rung, values)),
  });
  if (!moved) return;
  notify(`The migration ${moved.movingTo ? "is on its way to" : "stands at"} ${stepName(rung.step)}.`);
  await reload();
}

/** What has to be filled in where there is no way back. */
const understanding = ({ phase }) => [
  { name: "understood", type: "checkbox", label: "I have understood that there is no way back", required: true },
  { name: "typed", label: `Type ${phase} to confirm`, required: true },
];

function confirmed({ step, noWayBack }, values) {
  if (!noWayBack || values.typed === step.phase) return values;
  throw new Problem({ status: 0, code: "not_confirmed", detail: `Type ${step.phase}, the name of the phase, to confirm.` });
}

function onward(found, rung) {
  const { step } = rung;
  const next = same(step, found.next?.step);
  return {
    title: `${found.phase === "legacy" ? "Start" : next ? "Advance" : "Move"}: ${stepName(found)} → ${stepName(step)}`,
    text: html`${effects(found, rung)}<${Waits} found=${found} />`,
    button: rung.noWayBack ? `Move to ${stepName(step)} for good` : `Move to ${stepName(step)}`,
    send: ({ reason }) => forwards(found, rung, next, reason),
  };
}

function forwards(found, { step, noWayBack }, next, reason) {
  if (found.phase === "legacy") return post(at("start"), { reason });
  if (step.phase === "complete") return post(at("complete"), { reason });
  const from = { phase: found.phase, percentage: found.percentage };
  if (next) return post(at("advance"), { reason, noWayBack, from });
  return post(at("move"), { reason, noWayBack, from, to: step });
}

function back(found, rung) {
  return {
    title: `Roll back: ${stepName(found)} → ${stepName(rung.step)}`,
    text: effects(found, rung),
    button: `Roll back to ${stepName(rung.step)}`,
    send: ({ reason }) => post(at("rollback"), { reason, to: rung.step }),
  };
}

function effects(found, { step, primary, noWayBack }) {
  const said = [EFFECTS[step.phase]?.(step), cutover(found.leader, primary)].filter(Boolean);
  return html`${said.map((each) => html`<p>${each}</p>`)}${noWayBack && html`<p><strong>There is no way back from ${stepName(step)}.</strong></p>`}`;
}

const EFFECTS = {
  legacy: () => "Commands become rows only, as before the migration. The events so far stay; when you return, what changed meanwhile becomes corrective events.",
  dual_write: () => "One transaction of the legacy system holds the row and what the event table is to get, for every command. Reads come from the legacy system. Then run the backfill, which imports the rows that were there before.",
  canary: ({ percentage }) => `${percentage} % of the streams, chosen by a hash of their names, are read from the read models${percentage < 100 ? ", the others from the legacy system" : ""}. The controller goes back to dual_write by itself when reads differ too often or something lags too long.`,
  event_store: () => "The legacy system takes no more writes: on PostgreSQL triggers refuse and count every direct one, on DynamoDB revoke other programs' permission yourself. Every row is compared with its stream once more before, for up to eight seconds.",
  complete: () => "The migration ends. It is refused unless the legacy system was not used for long enough and an archive was written, read back, is old enough and still equal to the tables. Banyan drops no table.",
};

function cutover(from, to) {
  if (to === "off" || from === to) return null;
  const rest = to === "events" ? "what is half done is relayed" : "the legacy rows are up to date";
  return `The primary changes: ${primaryName(to)} decides commands from then on. Commands that come meanwhile wait for up to two seconds and are then answered 503 with Retry-After, until ${rest}. The controller does it at once; if it cannot be done, ${primaryName(from)} stays the primary.`;
}

/** What a step by hand does not wait for. */
function Waits({ found }) {
  const waits = found.next?.waitsFor ?? [];
  if (waits.length === 0) return null;
  const lead = found.phase === "event_store" ? "It is refused while this holds:" : found.next.by === "controller" ? "The controller would still wait, because:" : "Not yet met:";
  return html`
    <div>
      <p>${lead}</p>
      <ul>${waits.map((each) => html`<li>${visible(each)}</li>`)}</ul>
      ${found.phase !== "event_store" && html`<p class="small">By hand it does not wait for its window, but is refused where going back would lose something.</p>`}
    </div>
  `;
}
