/** Retries every parked stream, one after the other, and lists those that are parked again. */
import { get } from "../../lib/api.js";
import { count, counted, visible } from "../../lib/format.js";
import { html, useEffect, useRef, useState } from "../../lib/preact.js";
import { ask } from "../../parts/dialog.js";
import { ProblemBox } from "../../parts/problem.js";
import { Progress } from "../../parts/progress.js";
import { retry } from "./actions.js";
import { at, atLeast, parkedCount, REACTOR } from "./words.js";

export function RetryAll({ projection, reload }) {
  const [run, setRun] = useState(null);
  const stopped = useRef(false);
  useEffect(() => () => (stopped.current = true), []);
  const begin = async () => {
    if (!(await confirmed(projection))) return;
    stopped.current = false;
    await retryAll(projection.projection, () => stopped.current, setRun);
    reload();
  };
  return html`
    ${projection.parked.length > 0 && html`<div class="screen-head"><h2>Parked streams</h2><button type="button" disabled=${run?.running} onClick=${begin}>Retry all…</button></div>`}
    ${run && html`<${Run} run=${run} stop=${() => (stopped.current = true)} />`}
  `;
}

function confirmed(found) {
  const { projection, parkedComplete } = found;
  const streams = parkedCount(found);
  return ask({
    title: `Retry all parked streams of ${projection}`,
    text: html`
      <p>Retries ${atLeast(streams, parkedComplete)} ${streams === 1 ? "stream" : "streams"}, one after the other, each from the event table. One that fails again stays parked, with its new error.</p>
      <p>${projection === REACTOR ? "Policies react to what they have not seen; a command that was sent already has no second effect." : "Nothing is sent and no event is written."} Leaving this screen stops it; what was retried by then stays done.</p>
    `,
    button: "Retry all",
  });
}

function Run({ run, stop }) {
  const { running, tried, known, again, problem } = run;
  return html`
    <div class="card" role="group" aria-label="Retry of all parked streams">
      ${running
        ? html`<${Progress} value=${tried} max=${known} label="Streams retried" unit="streams retried" /><p><button type="button" onClick=${stop}>Stop</button></p>`
        : html`<p role="status">${counted(tried, "stream")} retried: ${count(tried - again.length)} up to date, ${count(again.length)} parked again.</p>`}
      ${again.length > 0 && html`<ul class="plain">${again.slice(0, 20).map((each) => html`<li><bdi class="mono">${visible(each.stream)}</bdi> is parked again at version ${each.version}: <bdi>${visible(each.error)}</bdi></li>`)}</ul>`}
      ${problem && html`<${ProblemBox} problem=${problem} />`}
    </div>
  `;
}

/** Retry until nothing new is parked, and report after each; the list shows only a part where many are. */
async function retryAll(name, stopped, report) {
  const run = { running: true, tried: 0, known: 0, again: [], problem: null };
  const reported = (patch) => report({ ...Object.assign(run, patch) });
  try {
    for await (const { stream, known } of parkedStreams(name, stopped)) {
      reported({ known });
      const { parked } = await retry(name, stream);
      reported({ tried: run.tried + 1, again: parked ? [...run.again, parked] : run.again });
    }
  } catch (problem) {
    run.problem = problem;
  }
  reported({ running: false });
}

/** Every parked stream once; what is known of their number is 0 while the list is not complete. */
async function* parkedStreams(name, stopped) {
  const seen = new Set();
  while (!stopped()) {
    const found = await get(at(name));
    const fresh = [...new Set(found.parked.map((each) => each.stream))].filter((stream) => !seen.has(stream));
    for (const stream of fresh) seen.add(stream);
    for (const stream of fresh) {
      if (stopped()) return;
      yield { stream, known: found.parkedComplete ? seen.size : 0 };
    }
    if (fresh.length === 0 || found.parkedComplete) return;
  }
}
