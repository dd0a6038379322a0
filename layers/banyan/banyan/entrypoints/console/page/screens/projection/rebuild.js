/** A rebuild: how far it has come, what the comparison found, and the decision. */
import { get, post } from "../../lib/api.js";
import { count, counted, duration, visible } from "../../lib/format.js";
import { useLoad } from "../../lib/load.js";
import { html, useEffect } from "../../lib/preact.js";
import { href, setQuery } from "../../lib/route.js";
import { Badge } from "../../parts/badge.js";
import { ask } from "../../parts/dialog.js";
import { Facts } from "../../parts/facts.js";
import { ProblemBox } from "../../parts/problem.js";
import { Progress } from "../../parts/progress.js";
import { Table } from "../../parts/table.js";
import { Time } from "../../parts/time.js";
import { cancel, switchTo } from "./decide.js";
import { at, isEqual, StageBadge, verdict } from "./words.js";

const EVERY_MS = 1500;
const IDLE_MS = 300_000;
const PHASES = [
  ["counting", "counts the streams in the log"],
  ["healing", "applies every stream from the event table", "applying"],
  ["catching_up", "applies what went to the old rows only"],
  ["comparing", "compares every row with the live one"],
  ["compared", "complete"],
];

export function Rebuild({ projection, generation, reload }) {
  const { number, stage } = generation;
  const name = projection.projection;
  const building = stage === "building";
  const load = useLoad((signal) => get(at(name, "rebuild"), { generation: number }, { signal }), [name, number], { every: building ? EVERY_MS : undefined });
  const found = load.data;
  useEffect(() => {
    if (found && found.stage !== stage) reload();
  }, [found?.stage]);
  useEffect(() => {
    if (found && found.stage !== stage) load.reload();
  }, [stage]);
  return html`
    <section class="card" aria-label="Rebuild">
      <div class="screen-head">
        <h2>Rebuild: generation ${number} <${StageBadge} stage=${found?.stage ?? stage} /></h2>
        <div class="actions"><${Decisions} projection=${projection} generation=${generation} progress=${found} reload=${reload} /></div>
      </div>
      ${load.problem && html`<${ProblemBox} problem=${load.problem} retry=${load.reload} />`}
      ${found && html`<${Course} found=${found} /><${Findings} found=${found} />`}
    </section>
  `;
}

function Decisions({ projection, generation, progress, reload }) {
  const name = projection.projection;
  const then = (action) => async () => (await action()) && reload();
  return html`
    ${generation.stage === "building" && html`<button type="button" key="again" onClick=${then(() => sendAgain(name, generation.number))}>Send the work again…</button>`}
    ${generation.stage === "ready" && html`<button type="button" key="switch" class="primary" disabled=${progress?.phase !== "compared"} onClick=${then(() => switchTo(name, generation, projection.live, progress))}>Switch…</button>`}
    ${["building", "ready"].includes(generation.stage)
      ? html`<button type="button" key="cancel" onClick=${then(() => cancel(name, generation.number))}>Cancel the rebuild…</button>`
      : html`<button type="button" key="hide" class="quiet" onClick=${() => setQuery({ rebuild: null })}>Hide</button>`}
  `;
}

const sendAgain = (name, number) =>
  ask({
    title: `Send the rebuild of ${name} to the worker again`,
    text: html`<p>A rebuild goes on by itself. When nothing has moved for a while, this sends the work on generation ${number} to the worker again: each part continues from where it stopped, and nothing is done twice.</p>`,
    button: "Send the work again",
    work: () => post(at(name, "rebuild"), { generation: number }),
    done: `The work on generation ${number} of ${name} was sent again.`,
  });

const idleMs = (progress) => Date.now() - new Date(progress.updatedAt);

function Course({ found }) {
  const reached = PHASES.findIndex(([phase]) => phase === (found.phase === "caught_up" ? "catching_up" : found.phase));
  return html`
    <ol class="phases" aria-label="Phases">
      ${PHASES.map(([phase, says, shown = phase.replace("_", " ")], index) => html`<li aria-current=${index === reached ? "step" : undefined} class=${index < reached ? "past" : undefined} title=${says}>${shown}</li>`)}
    </ol>
    ${found.stage === "building" && html`<${Progress} value=${found.streams} max=${found.total ?? 0} label="Streams applied" unit="streams" /><p class="small faint">${PHASES[reached]?.[1]}</p>`}
    ${found.stage === "building" && idleMs(found) > IDLE_MS && html`<p class="callout">Nothing has moved for ${duration(idleMs(found))}. The log of RebuildWorker may say why; send the work again to go on.</p>`}
    <${Facts} items=${[
      ["Streams", found.total === null ? count(found.streams) : `${count(found.streams)} of ${count(found.total)}`],
      ["Events", `${count(found.events)} (${count(Math.round(found.eventsPerSecond))} a second)`],
      ["Time left", found.stage === "building" && found.etaSeconds !== null && found.total !== found.streams ? duration(found.etaSeconds * 1000) : null],
      ["Consumed", `${count(Math.round(found.readUnits))} read, ${count(Math.round(found.writeUnits))} write units`],
      ["Begun", html`<${Time} at=${found.startedAt} />`],
      ["Last progress", html`<${Time} at=${found.updatedAt} />`],
    ]} />
  `;
}

function Findings({ found }) {
  const { differences, stuck, first, stage } = found;
  return html`
    ${found.phase === "compared" && html`<p>${isEqual(found) ? html`<${Badge} kind="ok">equal<//>` : html`<${Badge} kind="bad">${found.different && !first ? "differs" : "incomplete"}<//>`} ${verdict(found)}${stage === "ready" ? decision(found) : ""}</p>`}
    ${found.phase !== "compared" && found.failed > 0 && html`<p><${Badge} kind="bad">failed<//> ${counted(found.failed, "stream")} could not be applied so far.</p>`}
    ${first && html`<p class="small faint">The live rows had not seen all of the log when it began: what they lack does not count as a difference.</p>`}
    ${stuck.length > 0 && html`<${Table} caption="Streams that could not be applied" columns=${STUCK} rows=${stuck} rowKey=${(row) => row.stream} />`}
    ${differences.length > 0 && html`<${Table} caption="Rows that differ" columns=${DIFFERENT} rows=${differences} rowKey=${(row) => row.row} />`}
    ${(found.failed > stuck.length || found.different > differences.length) && html`<p class="small faint">The first ${stuck.length ? counted(stuck.length, "stream") : ""}${stuck.length && differences.length ? " and " : ""}${differences.length ? counted(differences.length, "row") : ""}.</p>`}
  `;
}

function decision(found) {
  if (isEqual(found)) return " Switch, so that queries read the new rows, or cancel.";
  return found.failed ? " Deploy the fix and retry what could not be applied; then switch and accept it, or cancel." : " Look at what differs; then switch and accept it, or cancel.";
}

const STUCK = [
  { title: "Stream that could not be applied", wide: true, cell: (row) => html`<a class="mono" href=${href(["streams", row.stream], { version: row.version })}><bdi>${visible(row.stream)}</bdi></a>` },
  { title: "Version", numeric: true, cell: (row) => row.version },
  { title: "Error", wide: true, cell: (row) => html`<bdi>${visible(row.error)}</bdi>` },
];

const DIFFERENT = [
  { title: "Row that differs", wide: true, cell: (row) => html`<bdi class="mono">${visible(row.row)}</bdi>` },
  { title: "Fields", wide: true, cell: (row) => html`<bdi>${visible(row.fields.join(", "))}</bdi>` },
];
