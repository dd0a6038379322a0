/** A value against its limit, as a figure and a bar. */
import { html } from "../lib/preact.js";

const KINDS = { ok: "✓", warn: "!", bad: "✕", info: "", off: "" };

/**
 * @param {{label: string, value: number, max: number, shown: string, kind: "ok" | "warn" | "bad" | "info", marks?: number[], children: any}} given
 * `shown` is the value in words, `marks` are drawn on the bar; what stands below says what they mean.
 */
export function Gauge({ label, value, max, shown, kind, marks = [], children }) {
  const share = (part) => `${max > 0 ? Math.min(100, (100 * part) / max) : 0}%`;
  return html`
    <div class="card gauge">
      <h2 class="small faint">${label}</h2>
      <p class="figure">${KINDS[kind] && html`<span class=${`sign ${kind}`} aria-hidden="true">${KINDS[kind]}</span> `}${shown}</p>
      <div class="gauge-bar" role="meter" aria-label=${label} aria-valuemin="0" aria-valuemax=${max} aria-valuenow=${Math.min(value, max)} aria-valuetext=${shown}>
        <div class=${`gauge-fill ${kind}`} style=${{ width: share(value) }}></div>
        ${marks.map((each) => html`<div class="gauge-mark" style=${{ left: share(each) }}></div>`)}
      </div>
      <div class="small">${children}</div>
    </div>
  `;
}
