/** A word with a colour and a sign: a state at a glance, also without the colour. */
import { html } from "../lib/preact.js";

const SIGNS = { ok: "✓", warn: "!", bad: "✕", info: "•", off: "–" };

/** @param {{kind: "ok" | "warn" | "bad" | "info" | "off", children: any}} given */
export function Badge({ kind, children }) {
  return html`<span class=${`badge ${kind}`}><span aria-hidden="true">${SIGNS[kind]}</span> ${children}</span>`;
}
