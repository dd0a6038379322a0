/** A screen's frame: its title, its actions, and what is wrong with its data. */
import { html } from "../lib/preact.js";
import { ProblemBox } from "./problem.js";

/**
 * @param {{title: any, trail?: {title: string, href: string}[], actions?: any, load?: {data: any, problem: any, loading: boolean, reload: () => void}, children: any}} given
 * `load` of `useLoad`: its children are shown once there is data, and stay beside a later problem.
 */
export function Screen({ title, trail = [], actions, load, children }) {
  return html`
    <header class="screen-head">
      <div>
        ${trail.length > 0 && html`<p class="trail">${trail.map((each) => html`<a href=${each.href}>${each.title}</a> ${"›"} `)}</p>`}
        <h1 tabindex="-1">${title}</h1>
      </div>
      ${actions && html`<div class="actions">${actions}</div>`}
    </header>
    <${Loaded} load=${load}>${children}<//>
  `;
}

/** What is wrong with some data, and its children once there is any. */
export function Loaded({ load, children }) {
  return html`
    ${load?.problem && html`<${ProblemBox} problem=${load.problem} retry=${load.reload} />`}
    ${load && load.data === undefined ? !load.problem && html`<p class="waiting" role="status">Loading…</p>` : children}
  `;
}
