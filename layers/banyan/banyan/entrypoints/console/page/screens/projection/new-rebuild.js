/** A new generation: what it would cost, and how to begin. */
import { post } from "../../lib/api.js";
import { count, counted, duration, percent } from "../../lib/format.js";
import { html, useRef, useState } from "../../lib/preact.js";
import { setQuery } from "../../lib/route.js";
import { ask, Field } from "../../parts/dialog.js";
import { Facts } from "../../parts/facts.js";
import { ProblemBox } from "../../parts/problem.js";
import { at } from "./words.js";

export function NewRebuild({ projection, reload }) {
  const name = projection.projection;
  const form = useRef(null);
  const [state, setState] = useState({});
  const options = () => ({ writesPerSecond: form.current.elements.writes.valueAsNumber || null });
  const preview = async (event) => {
    event.preventDefault();
    const asked = options();
    setState({ working: true });
    setState(await post(at(name, "rebuild"), { ...asked, dryRun: true }).then((preview) => ({ preview, asked }), (problem) => ({ problem })));
  };
  const begin = async () => {
    if (!form.current.reportValidity()) return;
    const chosen = { ...options(), switchWhenEqual: form.current.elements.switch.checked };
    const begun = await start(projection, chosen, state.asked?.writesPerSecond === chosen.writesPerSecond ? state.preview : null);
    if (!begun) return;
    setQuery({ rebuild: begun.generation }, ["projections", name]);
    reload();
  };
  return html`
    <section class="card" aria-label="New rebuild">
      <h2>Rebuild</h2>
      <p class="small faint">Fills a new generation of rows from the events, beside the one that queries read, compares both, and then waits for your decision. Without a rate it keeps to the stack's RebuildWriteUnits.</p>
      <form class="form" ref=${form} onSubmit=${preview}>
        <${Field} name="writes" type="number" min=${1} label="Write units per second, at most" />
        <${Field} name="switch" type="checkbox" label="Switch as soon as it proves equal" />
        <div class="actions">
          <button type="submit" disabled=${state.working}>${state.working ? "Estimating…" : "Preview"}</button>
          <button type="button" class="primary" onClick=${begin}>Rebuild…</button>
        </div>
      </form>
      ${state.problem && html`<${ProblemBox} problem=${state.problem} />`}
      ${state.preview && html`<${Preview} preview=${state.preview} />`}
    </section>
  `;
}

function Preview({ preview }) {
  return html`
    <div role="group" aria-label="Preview">
      <${Facts} items=${[
        ["Streams, events, rows", `${count(preview.streams)}, ${count(preview.events)}, ${count(preview.rows)}`],
        ["Read units", count(Math.round(preview.readUnits))],
        ["Write units", count(Math.round(preview.writeUnits))],
        ["Price", price(preview)],
        ["Time at the write rate", duration(preview.seconds * 1000)],
        ["Estimated from", `${counted(preview.sampled, "stream")}, ${preview.walked} of ${preview.parts} parts of the log`],
        ["Bounds", bounds(preview)],
      ]} />
      <p class="small faint">Nothing was written. The price is in the currency of ReadUnitPrice and WriteUnitPrice; snapshots, and about five seconds in which projectors learn of the rebuild, are not in it.</p>
    </div>
  `;
}

const price = ({ price }) => price.toFixed(4);
const bounds = ({ complete, margin }) => (complete ? `± ${percent(margin)}` : "at least that: the log is long");

function start({ projection: name, live, status }, options, preview) {
  const cost = preview
    ? `By the preview it consumes about ${count(Math.round(preview.readUnits))} read and ${counted(Math.round(preview.writeUnits), "write unit")}, ${price(preview)} in your currency, and takes ${duration(preview.seconds * 1000)} or more.`
    : "It reads every event of its streams and writes every row: a preview at this rate says what that costs.";
  const end = options.switchWhenEqual
    ? status === "outdated"
      ? "Queries read the new rows as soon as all streams are applied, though rows differ, since another version made the old ones."
      : "Queries read the new rows as soon as they prove equal; otherwise it waits for your decision."
    : "When it is complete it waits for your decision: switch, or cancel.";
  return ask({
    title: `Rebuild ${name}`,
    text: html`
      <p>Builds a new generation beside generation ${live}, which queries keep reading, at ${options.writesPerSecond ? `${counted(options.writesPerSecond, "write unit")} per second` : "the write rate of the stack"} at most. New events go into both. Nothing is sent or decided.</p>
      <p>${cost}</p>
      <p>${end}</p>
    `,
    button: "Rebuild",
    work: () => post(at(name, "rebuild"), options),
    done: `The rebuild of ${name} has begun.`,
  });
}
