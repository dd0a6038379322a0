/** The generations of a projection's rows, and what can be done with each. */
import { post } from "../../lib/api.js";
import { html } from "../../lib/preact.js";
import { setQuery } from "../../lib/route.js";
import { ask } from "../../parts/dialog.js";
import { Table } from "../../parts/table.js";
import { Time } from "../../parts/time.js";
import { switchTo } from "./decide.js";
import { at, StageBadge } from "./words.js";

/** As long queries may still read the generation that was live before. */
const READERS_MS = 10_000;

export function Generations({ projection, reload }) {
  const columns = [
    { title: "Generation", numeric: true, cell: (row) => row.number },
    { title: "Stage", cell: (row) => html`<${StageBadge} stage=${row.stage} /> <span class="small faint">${STAGES[row.stage]}</span>` },
    { title: "Begun", cell: (row) => html`<${Time} at=${row.startedAt} none="with the projection" />` },
    { title: "In this stage", cell: (row) => html`<${Time} at=${row.changedAt} none="from the beginning" />` },
    { title: "Made by version", numeric: true, cell: (row) => row.version ?? html`<span class="faint">not noted</span>` },
    { title: html`<span class="unseen">Actions</span>`, cell: (row) => html`<${Buttons} name=${projection.projection} live=${projection.live} generation=${row} reload=${reload} />` },
  ];
  return html`
    <section class="part">
      <h2>Generations</h2>
      <${Table} caption="Generations" columns=${columns} rows=${projection.generations} rowKey=${(row) => row.number} />
    </section>
  `;
}

const STAGES = {
  building: "being filled",
  ready: "complete, waits for its switch",
  live: "queries read it",
  kept: "kept up for the way back",
  dropping: "being deleted",
};

function Buttons({ name, live, generation, reload }) {
  const { number, stage, startedAt } = generation;
  const button = (label, action) => html`<button type="button" aria-label=${`${label} generation ${number}`} onClick=${async () => (await action()) && reload()}>${label}…</button>`;
  return html`
    <div class="row-actions">
      ${stage === "kept" && button("Switch to", () => switchTo(name, generation, live))}
      ${stage === "kept" && button("Drop", () => drop(name, generation))}
      ${stage === "dropping" && button("Retry the deletion of", () => retryDrop(name, number))}
      ${startedAt && stage !== "dropping" && html`<button type="button" class="link" aria-label=${`Rebuild of generation ${number}`} onClick=${() => setQuery({ rebuild: number })}>Rebuild</button>`}
    </div>
  `;
}

function drop(name, { number, changedAt }) {
  return ask({
    title: `Drop generation ${number} of ${name}`,
    text: html`<p>Deletes its rows, at the write rate of rebuilds and 65 seconds from now at the earliest. There is no way back to them: another rebuild would have to make them again.</p><p>If queries read it until just now, this waits until none does, for up to 10 seconds.</p>`,
    button: "Drop",
    danger: true,
    work: async () => {
      await untilUnread(changedAt);
      return post(at(name, "drop"), { generation: number });
    },
    done: `Generation ${number} of ${name} is being deleted.`,
  });
}

function untilUnread(changedAt) {
  const left = new Date(changedAt).getTime() + READERS_MS - Date.now();
  return new Promise((resolve) => setTimeout(resolve, Math.min(Math.max(left, 0), READERS_MS) + (left > 0 ? 300 : 0)));
}

const retryDrop = (name, number) =>
  ask({
    title: `Retry the deletion of generation ${number}`,
    text: html`<p>A deletion goes on by itself. When it has not ended after a long time, this sends what is left of the work to the worker again: nothing is deleted twice.</p>`,
    button: "Retry",
    work: () => post(at(name, "drop"), { generation: number }),
    done: `The deletion of generation ${number} of ${name} was sent again.`,
  });
