/** What stands where there is nothing to show: why, and what to do. */
import { html } from "../lib/preact.js";

export function Empty({ title, children }) {
  return html`<div class="empty"><p><strong>${title}</strong></p><p>${children}</p></div>`;
}
