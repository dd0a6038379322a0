/** How far something has come. */
import { html } from "../lib/preact.js";
import { count } from "../lib/format.js";

/** @param {{value: number, max: number, label: string, unit?: string}} given `max` 0: nothing is known of the end */
export function Progress({ value, max, label, unit = "" }) {
  const known = max > 0;
  return html`
    <div class="progress">
      <progress aria-label=${label} max=${known ? max : undefined} value=${known ? Math.min(value, max) : undefined}></progress>
      <span>${count(value)}${known ? ` of ${count(max)}` : ""}${unit && ` ${unit}`}</span>
    </div>
  `;
}
