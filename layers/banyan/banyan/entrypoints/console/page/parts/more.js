/** The button below a list that has older pages. */
import { counted } from "../lib/format.js";
import { html } from "../lib/preact.js";

/** @param {{pages: {rows: any[], next: any, more: () => void, working: boolean}, one: string}} given of `usePages` */
export function More({ pages: { rows, next, more, working }, one }) {
  if (rows.length === 0) return null;
  if (next === null) return html`<p class="small faint">${counted(rows.length, one)}: that is all.</p>`;
  return html`<p><button type="button" onClick=${more} disabled=${working}>${working ? "Loading…" : "Show older ones"}</button> <span class="small faint">The newest ${counted(rows.length, one)} are shown.</span></p>`;
}
