/** One projection, or the reactor: how it stands, and what an operator does to it. */
import { get } from "../../lib/api.js";
import { duration, visible } from "../../lib/format.js";
import { useLoad } from "../../lib/load.js";
import { html, useEffect } from "../../lib/preact.js";
import { href, setQuery } from "../../lib/route.js";
import { noted } from "../../lib/series.js";
import { Chart } from "../../parts/chart.js";
import { Screen } from "../../parts/screen.js";
import { Time } from "../../parts/time.js";
import { Actions } from "./actions.js";
import { Generations } from "./generations.js";
import { Parked } from "./parked.js";
import { NewRebuild } from "./new-rebuild.js";
import { Rebuild } from "./rebuild.js";
import { at, atLeast, lagTime, noteLags, parkedCount, REACTOR, StatusBadge } from "./words.js";

const TRAIL = [{ title: "Projections and reactor", href: href("projections") }];

export function Projection({ name, query }) {
  const load = useLoad((signal) => seen(name, signal), [name], { every: 3000 });
  const found = load.data;
  const actions = found && html`<${Actions} projection=${found} reload=${load.reload} />`;
  return html`
    <${Screen} title=${html`<bdi>${visible(name)}</bdi>`} trail=${TRAIL} actions=${actions} load=${load}>
      ${found && html`
        <${Standing} projection=${found} />
        <${Lag} name=${name} />
        <${Parked} projection=${found} query=${query} reload=${load.reload} />
        ${name !== REACTOR && html`<${Rows} projection=${found} query=${query} reload=${load.reload} />`}
      `}
    <//>
  `;
}

async function seen(name, signal) {
  const found = await get(at(name), { newest: true }, { signal });
  noteLags([found]);
  return found;
}

function Standing({ projection }) {
  const { status, lag, pause, parkedComplete, live } = projection;
  const stand = parkedCount(projection);
  return html`
    <div class="cards dense">
      <${Card} title="Status" figure=${html`<${StatusBadge} status=${status} />`}>${meaning(projection)}<//>
      <${Card} title="Lag" figure=${atLeast(lag.events, lag.complete)}>${lag.events || !lag.complete ? `${lag.events === 1 ? "event" : "events"} not applied, the oldest ${lagTime(lag)} old` : "every event is applied"}<//>
      <${Card} title="Parked streams" figure=${atLeast(stand, parkedComplete)}>${stand ? `${stand === 1 ? "stands" : "stand"} still; all others continue` : "every stream continues"}<//>
      ${projection.projection !== REACTOR && html`<${Card} title="Live generation" figure=${live}>the rows that queries read<//>`}
    </div>
    ${pause && html`<p class="callout warn"><strong>Paused</strong> by <bdi>${visible(pause.by)}</bdi> <${Time} at=${pause.since} />: <bdi>${visible(pause.reason)}</bdi>${pause.by === BREAKER && html`<br />It paused itself, since so many streams failing is not the fault of one event. Mend the cause, resume, then retry all.`}</p>`}
    ${status === "outdated" && html`<p class="callout warn"><strong>Outdated.</strong> Another version of the projection made the live rows. Rebuild it, and switch.</p>`}
  `;
}

function meaning({ projection, status, generations }) {
  if (status === "rebuilding" && generations.some((each) => each.stage === "ready")) return "a second generation is complete and waits for your decision; queries read the live one";
  return MEANING[projection === REACTOR ? "reactor" : "rows"][status];
}

/** Who pauses what fails in too many streams. */
const BREAKER = "breaker";

const MEANING = {
  rows: {
    active: "applies every commit",
    outdated: "applies every commit; another version made its rows",
    rebuilding: "also builds a second generation; queries read the live one",
    paused: "applies nothing; queries answer from what is there and say how stale it is",
  },
  reactor: { active: "policies react to every commit", paused: "neither reacts nor publishes" },
};

const Card = ({ title, figure, children }) => html`<section class="card"><h2 class="small faint">${title}</h2><p class="figure">${figure}</p><p class="small faint">${children}</p></section>`;

function Lag({ name }) {
  return html`
    <section class="card" aria-label="Lag">
      <div class="split">
        <${Chart} title="Events not applied, since the page was opened" series=${[{ label: "events", points: noted(`events that ${name} lacks`) }]} unit="" height=${120} />
        <${Chart} title="Age of the oldest one, since the page was opened" series=${[{ label: "age", points: noted(`lag of ${name}`) }]} unit="ms" format=${duration} height=${120} />
      </div>
    </section>
  `;
}

const FOLLOWED = new Set(["building", "ready"]);
const SHOWN = new Set(["building", "ready", "live", "kept"]);

/** The generations, and the rebuild that the URL names or that is not decided yet. */
function Rows({ projection, query, reload }) {
  const unfinished = projection.generations.find((each) => FOLLOWED.has(each.stage));
  const named = query.rebuild ?? (unfinished && String(unfinished.number));
  const rebuilt = projection.generations.find((each) => String(each.number) === named && each.startedAt && SHOWN.has(each.stage));
  useEffect(() => {
    if (named !== query.rebuild || (named && !rebuilt)) setQuery({ rebuild: rebuilt && named });
  }, [named, query.rebuild, rebuilt]);
  return html`
    ${rebuilt && html`<${Rebuild} key=${named} projection=${projection} generation=${rebuilt} reload=${reload} />`}
    <${Generations} projection=${projection} reload=${reload} />
    ${!unfinished && html`<${NewRebuild} projection=${projection} reload=${reload} />`}
  `;
}
