/** The steps of a migration as a line: where it stands, where it is on its way to, and where one move leads to. */
import { html } from "../../lib/preact.js";
import { Badge } from "../../parts/badge.js";
import { goTo } from "./actions.js";
import { primaryName, same, stepName } from "./words.js";

export function Path({ found, reload }) {
  const here = found.path.findIndex(({ step }) => same(step, found));
  return html`
    <ol class="steps" aria-label="Steps of the migration">
      ${found.path.map((each, index) => html`<${Rung} key=${stepName(each.step)} found=${found} rung=${each} before=${index < here} reload=${reload} />`)}
    </ol>
  `;
}

function Rung({ found, rung, before, reload }) {
  const { step, primary, reachable, noWayBack } = rung;
  const here = same(step, found);
  const state = here ? "here" : same(step, found.movingTo) ? "moving" : before ? "behind" : "ahead";
  const isNext = same(step, found.next?.step);
  return html`
    <li class=${`rung ${state}`} aria-current=${here ? "step" : undefined}>
      <p class="rung-name">${stepName(step)}</p>
      <p class="rung-state">${STATES[state]}${isNext && state === "ahead" && html`<${Badge} kind="off">next<//>`}</p>
      <p class="small faint">${primaryName(primary)} decides</p>
      ${noWayBack && html`<p class="small"><strong><span aria-hidden="true">⇥</span> no way back</strong></p>`}
      ${reachable && html`<button type="button" class="link" onClick=${() => goTo(found, rung, reload)}>${label(found, rung, before)}</button>`}
    </li>
  `;
}

const STATES = {
  here: html`<${Badge} kind="ok">stands here<//>`,
  moving: html`<${Badge} kind="info">on its way here<//>`,
  behind: html`<${Badge} kind="off">passed<//>`,
  ahead: "",
};

const label = (found, { step }, before) => (`${before ? "Roll back" : found.phase === "legacy" ? "Start" : same(step, found.next?.step) ? "Advance" : "Move"} to ${stepName(step)}…`);
