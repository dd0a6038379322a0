/** Names and what they are, side by side. */
import { html } from "../lib/preact.js";

/** @param {{items: [any, any][]}} given pairs; one whose value is null or undefined is left out */
export function Facts({ items }) {
  const known = items.filter(([, value]) => value !== null && value !== undefined);
  return html`<dl class="facts-grid">${known.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}
