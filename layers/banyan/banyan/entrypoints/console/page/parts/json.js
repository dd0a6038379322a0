/** JSON as text: in order, folded where it is deep, and cut where it is long until the rest is asked for. */
import { html, useState } from "../lib/preact.js";
import { brief, counted, visible } from "../lib/format.js";

const MOST_MEMBERS = 100;
const MOST_TEXT = 2000;
const OPEN_DEPTH = 2;

/**
 * @param {{value: any, label?: string, changed?: Set<string>}} given `changed` has the paths that are marked: `lines.0.quantity`
 * With a `label` it scrolls on its own, also with the keyboard; without one it is as long as it is, within a table.
 */
export function Json({ value, label, changed }) {
  return html`<div class="json" dir="ltr" aria-label=${label} role=${label ? "group" : undefined} tabindex=${label ? 0 : undefined}><${Value} value=${value} depth=${0} path="" changed=${changed} /></div>`;
}

function Value({ value, depth, path, changed }) {
  if (typeof value === "string") return html`<${LongText} text=${value} />`;
  if (value === null || typeof value !== "object") return html`<span class="literal">${String(value)}</span>`;
  const members = Array.isArray(value) ? value.map((each, index) => [index, each]) : Object.entries(value);
  if (members.length === 0) return html`<span class="faint">${Array.isArray(value) ? "[]" : "{}"}</span>`;
  const listed = html`<${Members} ...${{ members, depth, path, changed }} />`;
  if (depth === 0) return listed;
  return html`<${Fold} open=${depth < OPEN_DEPTH && members.length <= MOST_MEMBERS} title=${counted(members.length, Array.isArray(value) ? "item" : "field")}>${listed}<//>`;
}

/** Opens and closes; what is closed is not made. */
function Fold({ open, title, children }) {
  const [shown, setShown] = useState(open);
  return html`<details open=${shown} onToggle=${(event) => setShown(event.currentTarget.open)}><summary>${title}</summary>${shown && children}</details>`;
}

function Members({ members, depth, path, changed }) {
  const [most, setMost] = useState(MOST_MEMBERS);
  return html`
    <ul>
      ${members.slice(0, most).map(([name, each]) => {
        const own = path === "" ? String(name) : `${path}.${name}`;
        return html`<li key=${name} class=${changed?.has(own) ? "changed" : undefined}><span class="key"><bdi>${brief(String(name), 200)}</bdi></span>${changed?.has(own) && html`<span class="unseen">changed</span>`} <${Value} value=${each} depth=${depth + 1} path=${own} changed=${changed} /></li>`;
      })}
    </ul>
    ${members.length > most && html`<button type="button" class="link" onClick=${() => setMost(most + 1000)}>Show more of ${members.length}</button>`}
  `;
}

function LongText({ text }) {
  const [most, setMost] = useState(MOST_TEXT);
  return html`<span class="text"><bdi>"${visible(text.slice(0, most))}"</bdi></span>${text.length > most && html` <button type="button" class="link" onClick=${() => setMost(most + 20_000)}>${most} of ${text.length} characters: show more</button>`}`;
}
