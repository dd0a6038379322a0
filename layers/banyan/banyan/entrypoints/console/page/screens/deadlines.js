/** What waits for its time, is due or parked. */
import { get, post } from "../lib/api.js";
import { count, counted, visible } from "../lib/format.js";
import { useLoad } from "../lib/load.js";
import { html, useState } from "../lib/preact.js";
import { href, setQuery } from "../lib/route.js";
import { ask } from "../parts/dialog.js";
import { Empty } from "../parts/empty.js";
import { notify } from "../parts/notices.js";
import { Screen } from "../parts/screen.js";
import { Table } from "../parts/table.js";
import { Time } from "../parts/time.js";
import { atLeast } from "./projection/words.js";

/** So many are looked at, and as many are retried by one request. */
const BOUND = 1000;
const SHOWN = 100;
const FEW_MS = 5000;
const MANY_MS = 30_000;

/** Each answer reads what it lists: many are looked at less often. */
const pace = (found) => (found && found.due + found.waiting.length + found.parked.length > SHOWN ? MANY_MS : FEW_MS);

export default function Deadlines({ query }) {
  const load = useLoad((signal) => get("/admin/deadlines", {}, { signal }), [], { every: pace });
  const found = load.data;
  const actions = found?.parked.length > 0 && html`<button type="button" class="primary" onClick=${async () => (await retryAll(found)) && load.reload()}>Retry all parked…</button>`;
  return html`<${Screen} title="Deadlines" actions=${actions} load=${load}>${found && html`<${Found} found=${found} wanted=${query.q ?? ""} reload=${load.reload} />`}<//>`;
}

function Found({ found, wanted, reload }) {
  const { due, overdue, waiting, parked, complete, parkedComplete } = found;
  if (due + waiting.length + parked.length === 0) {
    return html`<${Empty} title="No deadlines">A policy schedules one: an order that is placed gets one for its payment. It waits here until its time.<//>`;
  }
  const text = wanted.toLowerCase();
  const matching = (rows) => rows.filter((row) => `${row.stream} ${row.name} ${row.command} ${row.error}`.toLowerCase().includes(text));
  return html`
    <div class="cards dense">
      <${Figure} title="Due" figure=${atLeast(due, complete || waiting.length > 0)}>${due ? "the schedule works them off, every minute" : "nothing waits for the schedule"}<//>
      <${Figure} title="Waiting" figure=${atLeast(waiting.length, complete)}>${waiting.length ? html`the next one is due <${Time} at=${waiting[0].due} />` : "for their time"}<//>
      <${Figure} title="Parked" figure=${atLeast(parked.length, parkedComplete)}>${parked.length ? "commands that kept failing" : "no command keeps failing"}<//>
    </div>
    <form class="form" role="search" onSubmit=${(event) => event.preventDefault()}>
      <div class="field"><label for="deadlines-filter">Stream, name, command or error contains</label><input id="deadlines-filter" type="search" value=${wanted} onInput=${(event) => setQuery({ q: event.currentTarget.value })} autocomplete="off" /></div>
    </form>
    ${parked.length > 0 && html`<${Listed} title="Parked" rows=${matching(parked)} columns=${[...WHICH, { ...DUE, title: "Was due" }, ...TRIED, retrying(reload)]} complete=${parkedComplete} />`}
    ${overdue.length > 0 && html`<${Listed} title="Due" rows=${matching(overdue)} columns=${[...WHICH, DUE, ...TRIED]} complete=${complete || waiting.length > 0} />`}
    <${Listed} title="Waiting" rows=${matching(waiting)} columns=${[...WHICH, DUE]} complete=${complete} />
  `;
}

const Figure = ({ title, figure, children }) => html`<section class="card"><h2 class="small faint">${title}</h2><p class="figure">${figure}</p><p class="small faint">${children}</p></section>`;

function Listed({ title, rows, columns, complete }) {
  const [most, setMost] = useState(SHOWN);
  return html`
    <section class="part">
      <h2>${title}</h2>
      <${Table} caption=${`${title} deadlines`} columns=${columns} rows=${rows.slice(0, most)} rowKey=${(row) => `${row.stream} ${row.name} ${row.due}`} empty=${html`<p class="faint">None.</p>`} />
      ${rows.length > most && html`<p><button type="button" onClick=${() => setMost(most + 5 * SHOWN)}>Show more of ${count(rows.length)}</button></p>`}
      ${!complete && html`<p class="small faint">${title === "Parked" ? `The first ${count(BOUND)} of the parked` : `Of those that are due or wait, the first ${count(BOUND)}`} by their time are looked at; there are more.</p>`}
    </section>
  `;
}

const WHICH = [
  { title: "Stream", wide: true, cell: (row) => html`<a class="mono" href=${href(["streams", row.stream])}><bdi>${visible(row.stream)}</bdi></a>` },
  { title: "Deadline", cell: (row) => html`<bdi>${visible(row.name)}</bdi>` },
  { title: "Command", cell: (row) => html`<bdi>${visible(row.command)}</bdi>` },
  { title: "Scheduled by", cell: (row) => html`<a href=${href(["traces", row.correlationId], { tenant: row.stream.split(":")[0] })}><bdi>${visible(row.scheduledBy)}</bdi></a>` },
];
const DUE = { title: "Due", cell: (row) => html`<${Time} at=${row.due} />` };
const TRIED = [
  { title: "Attempts", numeric: true, cell: (row) => row.attempts },
  { title: "Error", wide: true, cell: (row) => (row.error ? html`<bdi>${visible(row.error)}</bdi>` : html`<span class="faint">none</span>`) },
];
const retrying = (reload) => ({
  title: html`<span class="unseen">Actions</span>`,
  cell: (row) => html`<button type="button" aria-label=${`Retry ${row.name} of ${row.stream}`} onClick=${async () => (await retryOne(row)) && reload()}>Retry…</button>`,
});

const WHAT = html`<p>The schedule tries them within a minute, as if they had never failed: a command that has become pointless does nothing, and one that fires has its effect once. What keeps failing is parked again. Deploy the mended code first.</p>`;

/** Ask, and let a parked deadline wait for the schedule again. */
export const retryOne = ({ stream, name }) =>
  ask({
    title: `Retry the deadline ${name}`,
    text: html`<p>Lets what is parked under this name of <bdi class="mono">${visible(stream)}</bdi> wait for the schedule again.</p>${WHAT}`,
    button: "Retry",
    work: () => post("/admin/deadlines/retry", { stream, name }),
    done: `${name} of ${stream} waits again.`,
  });

async function retryAll({ parked, parkedComplete }) {
  const done = await ask({
    title: "Retry all parked deadlines",
    text: html`<p>Lets ${parkedComplete ? counted(parked.length, "deadline") : `more than ${count(parked.length)} deadlines`} wait for the schedule again.</p>${WHAT}`,
    button: "Retry all",
    work: async () => ({ retried: await unparkAll() }),
  });
  if (done) notify(`Waiting again: ${counted(done.retried, "deadline")}.`);
  return done;
}

async function unparkAll() {
  let all = 0;
  for (;;) {
    const { retried } = await post("/admin/deadlines/retry");
    all += retried;
    if (retried < BOUND) return all;
  }
}
