/** A line without axes, to be seen beside others. */
import { html } from "../lib/preact.js";

const WIDTH = 120;
const HEIGHT = 24;

/** @param {{label: string, points: [number, number][], least?: number}} given pairs of seconds and a value; a line at `least` reaches the top */
export function Sparkline({ label, points, least = 1 }) {
  if (points.length < 2) return html`<span class="faint small">begins now</span>`;
  const from = points[0][0];
  const across = WIDTH / (points.at(-1)[0] - from || 1);
  const up = (HEIGHT - 3) / Math.max(least, ...points.map(([, value]) => value));
  const line = points.map(([at, value]) => `${((at - from) * across).toFixed(1)},${(HEIGHT - 1.5 - value * up).toFixed(1)}`);
  return html`<svg class="sparkline" role="img" aria-label=${label} viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} width=${WIDTH} height=${HEIGHT}><polyline points=${line.join(" ")} /></svg>`;
}
