/** Lines over time, and the same as a table for readers who do not see them. */
import { html, useEffect, useRef } from "../lib/preact.js";
import { moment } from "../lib/format.js";
import uPlot from "../vendor/uplot.js";

const HEIGHT = 180;
const READ_OUT = 20;
/** Seconds that are drawn at least. */
const SHORTEST = 60;
const COLOURS = ["--line-1", "--line-2", "--line-3", "--line-4", "--line-5", "--line-6"];

/**
 * @param {{title: string, series: {label: string, points: [number, number | null][]}[], unit: string, limit?: number, height?: number, format?: (value: number) => string}} given
 * `points` are pairs of seconds since 1970 and a value; `limit` is drawn as a line of its own; `format` words a value at
 * the axis, by default with its unit.
 */
export function Chart({ title, series, unit, limit, height = HEIGHT, format = (value) => `${value} ${unit}` }) {
  const element = useRef(null);
  const plot = useRef(null);
  const shape = JSON.stringify([series.map((each) => each.label), limit ?? null, unit]);
  const data = aligned(series, limit);
  const newest = useRef(data);
  newest.current = data;
  useEffect(() => {
    const place = element.current;
    const draw = () => {
      plot.current?.destroy();
      plot.current = new uPlot(options(series, format, limit, place.clientWidth, height), newest.current, place);
    };
    draw();
    const resized = new ResizeObserver(() => plot.current?.setSize({ width: place.clientWidth, height }));
    resized.observe(place);
    addEventListener("banyan-theme", draw);
    return () => {
      removeEventListener("banyan-theme", draw);
      resized.disconnect();
      plot.current.destroy();
      plot.current = null;
    };
  }, [shape, height]);
  useEffect(() => plot.current?.setData(data), [data]);
  return html`
    <figure class="chart">
      <figcaption>${title}</figcaption>
      <div ref=${element} aria-hidden="true"></div>
      <div class="unseen"><table>
        <caption>${title}, the newest ${READ_OUT} values</caption>
        <thead><tr><th scope="col">Time</th>${series.map((each) => html`<th scope="col">${each.label}${unit && ` (${unit})`}</th>`)}</tr></thead>
        <tbody>${data[0].slice(-READ_OUT).map((at, index, times) => html`<tr><td>${moment(at * 1000)}</td>${series.map((_, line) => html`<td>${data[line + 1].at(index - times.length) ?? "none"}</td>`)}</tr>`)}</tbody>
      </table></div>
    </figure>
  `;
}

function aligned(series, limit) {
  const known = [...new Set(series.flatMap((each) => each.points.map(([at]) => at)))].sort((one, other) => one - other);
  const times = known.length === 1 ? [known[0] - SHORTEST, known[0]] : known;
  const lines = series.map((each) => {
    const values = new Map(each.points);
    return times.map((at) => values.get(at) ?? null);
  });
  return limit === undefined ? [times, ...lines] : [times, ...lines, times.map(() => limit)];
}

/** What a colour of the theme is now: a canvas knows no variables. */
function colour(name) {
  const probe = document.documentElement;
  probe.style.accentColor = `var(${name})`;
  const found = getComputedStyle(probe).accentColor;
  probe.style.accentColor = "";
  return found;
}

/** `13:05:10` in UTC. */
const clock = (at) => new Date(at * 1000).toISOString().slice(11, 19);

function options(series, format, limit, width, height) {
  const axis = { stroke: colour("--faint"), grid: { stroke: colour("--hair"), width: 1 }, ticks: { stroke: colour("--hair"), width: 1 } };
  const lines = series.map((each, index) => ({ label: each.label, stroke: colour(COLOURS[index % COLOURS.length]), width: 2, spanGaps: true }));
  const drawn = limit === undefined ? lines : [...lines, { label: "limit", stroke: colour("--bad"), dash: [6, 4], width: 1 }];
  return {
    width: Math.max(width, 100),
    height,
    cursor: { drag: { x: false, y: false } },
    tzDate: (at) => uPlot.tzDate(new Date(at * 1000), "Etc/UTC"),
    axes: [{ ...axis, space: 70, values: (_, times) => times.map(clock) }, { ...axis, size: 64, values: (_, values) => values.map(format) }],
    scales: { x: { range: (_, low, high) => [Math.min(low, high - SHORTEST), high] }, y: { range: (_, low, high) => [Math.min(0, low ?? 0), Math.max(high ?? 1, 1) * 1.1] } },
    series: [{ label: "UTC", value: (_, at) => (at === null ? "--" : clock(at)) }, ...drawn],
  };
}
