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

/** The API looks at so many of those that wait or are due, and at so many that are parked. */
const BOUND = 1000;
const SHOWN = 100;

export default function Deadlines({ query }) {
  const load = useLoad((signal) => get("/admin/deadlines", {}, { signal }), [], { every: 5000 });
  const found = load.data;
  const actions = found?.parked.length > 0 && html`<button type="button" class="primary" onClick=${() => retryAll(found.parked).then((done) => done && load.reload())}>Retry all parked…</button>`;
  return html`<${Screen} title="Deadlines" actions=${actions} load=${load}>${found && html`<${Found} found=${found} wanted=${query.q ?? ""} reload=${load.reload} />`}<//>`;
}

function Found({ found, wanted, reload }) {
  const { due, waiting, parked } = found;
  const matching = (rows) => rows.filter((row) => `${row.stream} ${row.name} ${row.error}`.toLowerCase().includes(wanted.toLowerCase()));
  const cut = due + waiting.length >= BOUND;
  if (due + waiting.length + parked.length === 0) {
    return html`<${Empty} title="No deadlines">A decider sets one with an event, as the orders' payment deadline; see docs/sagas.md.<//>`;
  }
  return html`
    <div class="cards dense">
      <${Figure} title="Due" figure=${count(due)}>${due ? "worked off by the schedule, every minute" : "nothing waits for the schedule"}<//>
      <${Figure} title="Waiting" figure=${cut ? `${count(waiting.length)} or more` : count(waiting.length)}>${waiting.length ? html`the next one is due <${Time} at=${waiting[0].due} />` : "for their time"}<//>
      <${Figure} title="Parked" figure=${parked.length >= BOUND ? `${count(parked.length)} or more` : count(parked.length)}>${parked.length ? "their commands kept failing" : "none keeps failing"}<//>
    </div>
    <form class="form" role="search" onSubmit=${(event) => event.preventDefault()}>
      <div class="field"><label for="deadlines-filter">Stream, name or error contains</label><input id="deadlines-filter" type="search" value=${wanted} onInput=${(event) => setQuery({ q: event.currentTarget.value })} autocomplete="off" /></div>
    </form>
    ${parked.length > 0 && html`<${Listed} title="Parked" rows=${matching(parked)} all=${parked.length} columns=${[STREAM, NAME, { ...DUE, title: "Was due" }, ATTEMPTS, ERROR]} bound=${parked.length >= BOUND} />`}
    <${Listed} title="Waiting" rows=${matching(waiting)} all=${waiting.length} columns=${[STREAM, NAME, DUE]} bound=${cut} />
  `;
}

const Figure = ({ title, figure, children }) => html`<section class="card"><h2 class="small faint">${title}</h2><p class="figure">${figure}</p><p class="small faint">${children}</p></section>`;

function Listed({ title, rows, all, columns, bound }) {
  const [most, setMost] = useState(SHOWN);
  const none = html`<p class="faint">${all ? "None that matches." : "None."}</p>`;
  return html`
    <section class="part">
      <h2>${title}</h2>
      <${Table} caption=${`${title} deadlines`} columns=${columns} rows=${rows.slice(0, most)} rowKey=${(row) => `${row.stream} ${row.name} ${row.due}`} empty=${none} />
      ${rows.length > most && html`<p><button type="button" onClick=${() => setMost(most + 5 * SHOWN)}>Show more of ${count(rows.length)}</button></p>`}
      ${bound && html`<p class="small faint">Of those that wait or are due, and of the parked, the first ${count(BOUND)} by their time are looked at; there may be more.</p>`}
    </section>
  `;
}

const STREAM = { title: "Stream", wide: true, cell: (row) => html`<a class="mono" href=${href(["streams", row.stream])}><bdi>${visible(row.stream)}</bdi></a>` };
const NAME = { title: "Deadline", cell: (row) => html`<bdi>${visible(row.name)}</bdi>` };
const DUE = { title: "Due", cell: (row) => html`<${Time} at=${row.due} />` };
const ATTEMPTS = { title: "Attempts", numeric: true, cell: (row) => row.attempts };
const ERROR = { title: "Error", wide: true, cell: (row) => html`<bdi>${visible(row.error)}</bdi>` };

const WHAT = html`<p>The schedule tries them within a minute, as if they had never failed: a command that has become pointless by now does nothing, and one that fires has its effect once. What keeps failing is parked again. Deploy the mended code first.</p>`;

async function retryAll(parked) {
  const done = await ask({
    title: "Retry all parked deadlines",
    text: html`<p>Lets ${parked.length >= BOUND ? `${count(parked.length)} or more deadlines` : counted(parked.length, "deadline")} wait for the schedule again.</p>${WHAT}`,
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
