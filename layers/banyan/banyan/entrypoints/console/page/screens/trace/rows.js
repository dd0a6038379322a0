/** Events of a trace, one in a row: on the left the tree of causes, on the right its time. */
import { brief, count, visible } from "../../lib/format.js";
import { html, useEffect, useState } from "../../lib/preact.js";
import { useTall } from "../../parts/event.js";
import { VirtualList } from "../../parts/virtual-list.js";
import { Caused, Compensation, kindOf, Shape, Sign } from "./marks.js";
import { milliseconds } from "./scale.js";

const WIDE = { query: "(min-width: 800px)", height: 54 };
const NARROW_HEIGHT = 92;
const INDENT = 16;
const DEEPEST = 10;

export function Rows({ rows, entities, scale, chosen, choose }) {
  const height = useHeight();
  const tall = useTall();
  const row = (index) => html`<${Row} row=${rows[index]} ...${{ entities, scale, height }} />`;
  return html`
    <div class="trace-rows">
      <${Axis} scale=${scale} />
      <${VirtualList} label="Events of the trace, each below its cause" count=${rows.length} ...${{ height, row, tall }} selected=${chosen} onSelect=${(index) => choose(rows[index].entry.eventId)} />
    </div>
  `;
}

function useHeight() {
  const [wide, setWide] = useState(() => matchMedia(WIDE.query).matches);
  useEffect(() => {
    const media = matchMedia(WIDE.query);
    const changed = () => setWide(media.matches);
    media.addEventListener("change", changed);
    return () => media.removeEventListener("change", changed);
  }, []);
  return wide ? WIDE.height : NARROW_HEIGHT;
}

function Axis({ scale }) {
  return html`
    <div class="trace-row axis" aria-hidden="true">
      <div></div>
      <svg class="time" height="22">
        ${scale.ticks.map((tick) => html`<text x=${percent(tick.at)} y="15" text-anchor=${tick.at > 0.9 ? "end" : tick.at < 0.05 ? "start" : "middle"}>${tick.label}</text>`)}
        ${scale.pauses.map((pause) => html`<text class="pause" x=${percent((pause.from + pause.to) / 2)} y="15" text-anchor="middle">⋯ ${pause.label}</text>`)}
      </svg>
    </div>
  `;
}

function Row({ row, entities, scale, height }) {
  const { entry, depth, cause } = row;
  const [, entity] = entry.streamId.split(":");
  return html`
    <div class=${`trace-row${entry.compensation ? " compensation" : ""}`}>
      <div class="event">
        <${Branches} row=${row} height=${height} />
        <${Sign} number=${entities.get(entity)} />
        <div class="what">
          <p>
            <strong><bdi>${brief(entry.eventType)}</bdi></strong>
            <span class="unseen">, level ${count(depth + 1)}${cause && html`, caused by <bdi>${brief(cause.eventType)}</bdi>`}, at ${scale.label(milliseconds(entry.timestamp))}</span>
            ${entry.compensation && html`<${Compensation} />`}
            ${depth > DEEPEST && html` <span class="small faint">level ${count(depth + 1)}</span>`}
          </p>
          <p class="small stream"><bdi class="mono" title=${visible(entry.streamId)}>${visible(entry.streamId.split(":").slice(1).join(":"))}</bdi><span class="mono">@${entry.version}</span></p>
          <p class="small by"><${Caused} actor=${entry.actor} /></p>
        </div>
      </div>
      <${Moment} row=${row} number=${entities.get(entity)} scale=${scale} />
    </div>
  `;
}

/** Lines from an event up to its cause. */
function Branches({ row: { depth, open, entry }, height }) {
  const levels = open.slice(1).slice(0, DEEPEST);
  if (levels.length === 0) return null;
  const own = (levels.length - 0.5) * INDENT;
  return html`
    <span class="indent" style=${{ width: `${levels.length * INDENT}px` }}><svg class="branches" width=${levels.length * INDENT} height=${height} aria-hidden="true">
      ${levels.slice(0, -1).map((continues, index) => continues && html`<line class="branch" x1=${(index + 0.5) * INDENT} x2=${(index + 0.5) * INDENT} y1="0" y2=${height} />`)}
      <path class=${`link ${kindOf(entry)}`} d=${`M${own},0 V18 H${own + INDENT / 2}`} />
      ${open[depth] && depth <= DEEPEST && html`<line class="branch" x1=${own} x2=${own} y1="18" y2=${height} />`}
    </svg></span>
  `;
}

/** An event at its time, with a line from the time of its cause. */
function Moment({ row: { entry, cause }, number, scale }) {
  const time = milliseconds(entry.timestamp);
  const at = scale.at(time);
  const left = at > 0.6;
  return html`
    <svg class="time" aria-hidden="true">
      ${scale.ticks.map((tick) => html`<line class="grid" x1=${percent(tick.at)} x2=${percent(tick.at)} y1="0" y2="100%" />`)}
      ${scale.pauses.map((pause) => html`<rect class="pause" x=${percent(pause.from)} width=${`${(pause.to - pause.from) * 96}%`} y="0" height="100%" />`)}
      ${cause && html`<line class=${`link ${kindOf(entry)}`} x1=${percent(scale.at(milliseconds(cause.timestamp)))} x2=${percent(at)} y1="50%" y2="50%" />`}
      <svg x=${percent(at)} y="50%" overflow="visible"><${Shape} number=${number} /><text x=${left ? -10 : 12} y=${left ? -7 : 4} text-anchor=${left ? "end" : "start"}>${scale.label(time)}</text></svg>
    </svg>
  `;
}

const percent = (share) => `${2 + share * 96}%`;
