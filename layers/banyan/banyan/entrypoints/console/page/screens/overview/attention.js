/** What needs a person, the most urgent first, each with what helps. */
import { visible } from "../../lib/format.js";
import { html } from "../../lib/preact.js";
import { href } from "../../lib/route.js";
import { Badge } from "../../parts/badge.js";
import { Time } from "../../parts/time.js";
import { retryOne } from "../deadlines.js";
import { resume, retryParked } from "../projection/actions.js";
import { putBack } from "./ingest.js";

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
  deletion_idle: ["deletion idle", "warn"],
  migration_idle: ["migration idle", "warn"],
  rebuild_differs: ["rebuild differs", "warn"],
  records_parked: ["records parked", "warn"],
  projection_paused: ["paused", "warn"],
  reconciliation_old: ["not compared", "warn"],
  projection_outdated: ["outdated", "warn"],
  rebuild_ready: ["rebuild ready", "info"],
  migration_waits: ["step waits", "info"],
};

const KINDS = ["bad", "warn", "info"];

const projection = (words) => ({ words, link: ({ projection: name }) => href(["projections", name]) });
const deadlines = (words) => ({ words, link: ({ stream }) => href("deadlines", { q: stream }) });
const migration = (words, query) => ({ words, link: () => href("migration", query) });
const RESUME = { words: "Resume…", act: ({ projection: name }) => resume(name) };
const RETRY = { words: "Retry…", act: (names) => retryParked(names.projection, names) };

/** What helps: a question that is asked here, or the place where a person can look and decide. */
const HELP = {
  projection_stopped: RESUME,
  projection_paused: RESUME,
  projection_lagging: projection("Look at it"),
  projection_outdated: projection("Rebuild it"),
  stream_parked: RETRY,
  rebuild_idle: projection("Look at the rebuild"),
  deletion_idle: projection("Look at the deletion"),
  migration_idle: migration("Look at it"),
  rebuild_differs: projection("Look at the rebuild"),
  rebuild_ready: projection("Switch to it"),
  deadlines_overdue: deadlines("Look at it"),
  deadline_parked: { words: "Retry…", act: retryOne },
  reconciliation_differs: { words: "Look at the report", link: ({ report }) => href(["reconciliation", report]) },
  reconciliation_old: { words: "Run one", link: () => href("reconciliation") },
  migration_half_done: migration("Look at them"),
  migration_row_parked: migration("Look at it"),
  migration_differs: migration("Look at them"),
  migration_waits: migration("Advance…", { do: "advance" }),
  records_parked: { words: "Put them back…", act: putBack },
};

/** What stands for others names none of them: it leads to where they are listed. */
const OTHERS = {
  stream_parked: projection("Look at them"),
  deadline_parked: { words: "Look at them", link: () => href("deadlines") },
};

const helpFor = ({ code, names }) => (names.stream ? HELP[code] : (OTHERS[code] ?? HELP[code]));

/** How bad the worst of these things is. */
export const worst = (attention) => KINDS.find((kind) => attention.some((each) => kindOf(each)[1] === kind));

const kindOf = ({ code }) => CODES[code] ?? [code, "warn"];

export function Attention({ attention, reload }) {
  if (attention.length === 0) return null;
  return html`
    <section class="part">
      <h2>What needs a person</h2>
      <ul class="attention">${attention.map((each) => html`<${Thing} key=${`${each.code} ${each.subject} ${each.names.projection ?? ""}`} thing=${each} reload=${reload} />`)}</ul>
    </section>
  `;
}

function Thing({ thing, reload }) {
  const [word, kind] = kindOf(thing);
  const help = helpFor(thing);
  return html`
    <li>
      <${Badge} kind=${kind}>${word}<//>
      <p class="thing"><bdi>${visible(thing.text)}</bdi>${thing.since && html` <span class="small faint">(<${Time} at=${thing.since} />)</span>`}</p>
      ${help && html`<${Help} ...${help} thing=${thing} reload=${reload} />`}
    </li>
  `;
}

function Help({ words, link, act, thing, reload }) {
  const label = `${words} ${visible(thing.subject)}`;
  if (link) return html`<a class="button" href=${link(thing.names)} aria-label=${label}>${words}</a>`;
  return html`<button type="button" aria-label=${label} onClick=${async () => (await act(thing.names)) && reload()}>${words}</button>`;
}
