/** What needs a person, the most urgent first, each with what helps. */
import { visible } from "../../lib/format.js";
import { html } from "../../lib/preact.js";
import { href } from "../../lib/route.js";
import { Badge } from "../../parts/badge.js";
import { Time } from "../../parts/time.js";

/** What is called so, and how bad it is. */
const CODES = {
  projection_stopped: ["stopped", "bad"],
  stream_parked: ["parked", "bad"],
  deadlines_overdue: ["overdue", "bad"],
  deadline_parked: ["deadline parked", "bad"],
  migration_half_done: ["half done", "bad"],
  migration_row_parked: ["row parked", "bad"],
  reconciliation_differs: ["differences", "bad"],
  migration_differs: ["rows differ", "warn"],
  projection_lagging: ["lagging", "warn"],
  rebuild_idle: ["rebuild idle", "warn"],
  rebuild_differs: ["rebuild differs", "warn"],
  records_parked: ["records parked", "warn"],
  projection_paused: ["paused", "warn"],
  reconciliation_old: ["not compared", "warn"],
  projection_outdated: ["outdated", "warn"],
  rebuild_ready: ["rebuild ready", "info"],
  migration_waits: ["step waits", "info"],
};

const projection = (words) => ({ names }) => [words, href(["projections", names.projection])];
const report = (words) => ({ names }) => [words, href(["reconciliation", names.report])];
const deadlines = (words) => () => [words, href("deadlines")];
const migration = (words, query) => () => [words, href("migration", query)];

/** Where a person is helped with it, and what the link says. */
const HELP = {
  projection_stopped: projection("Resume it"),
  projection_paused: projection("Resume it"),
  projection_lagging: projection("Look at it"),
  projection_outdated: projection("Rebuild it"),
  stream_parked: ({ names }) => projection(names.stream ? "Retry it" : "Look at them")({ names }),
  rebuild_idle: projection("Look at the rebuild"),
  rebuild_differs: projection("Look at the rebuild"),
  rebuild_ready: projection("Switch to it"),
  deadlines_overdue: deadlines("Look at it"),
  deadline_parked: deadlines("Retry it"),
  reconciliation_differs: report("Look at the report"),
  reconciliation_old: () => ["Run one", href("reconciliation")],
  migration_half_done: migration("Look at them"),
  migration_row_parked: migration("Look at it"),
  migration_differs: migration("Look at them"),
  migration_waits: migration("Advance it", { do: "advance" }),
};

export function Attention({ attention }) {
  if (attention.length === 0) return null;
  return html`
    <section class="part">
      <h2>What needs a person</h2>
      <ul class="attention">${attention.map((each) => html`<${Thing} key=${`${each.code} ${each.subject} ${each.names.projection ?? ""}`} thing=${each} />`)}</ul>
    </section>
  `;
}

function Thing({ thing }) {
  const [word, kind] = CODES[thing.code] ?? [thing.code, "warn"];
  const [words, link] = HELP[thing.code]?.(thing) ?? [];
  return html`
    <li>
      <${Badge} kind=${kind}>${word}<//>
      <p class="thing"><bdi>${visible(thing.text)}</bdi>${thing.since && html` <span class="small faint">since <${Time} at=${thing.since} /></span>`}</p>
      ${link && html`<a class="button" href=${link} aria-label=${`${words}: ${visible(thing.subject)}`}>${words}</a>`}
    </li>
  `;
}
