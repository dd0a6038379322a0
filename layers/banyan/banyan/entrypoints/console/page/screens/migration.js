/** The way out of the legacy system: where it stands, what the next step waits for, and every step by hand. */
import { get } from "../lib/api.js";
import { visible } from "../lib/format.js";
import { html, useEffect, useRef, useState } from "../lib/preact.js";
import { useLoad } from "../lib/load.js";
import { setQuery } from "../lib/route.js";
import { note } from "../lib/series.js";
import { Empty } from "../parts/empty.js";
import { notify } from "../parts/notices.js";
import { Screen } from "../parts/screen.js";
import { Tabs } from "../parts/tabs.js";
import { goTo, stepBack, stepForward } from "./migration/actions.js";
import { Archive } from "./migration/archive.js";
import { Backfill } from "./migration/backfill.js";
import { Differences } from "./migration/differences.js";
import { History } from "./migration/history.js";
import { Now } from "./migration/now.js";
import { Path } from "./migration/path.js";
import { at, same, stepName } from "./migration/words.js";

const QUIET_MS = 5000;
const MOVING_MS = 1000;
const TABS = [
  { id: "now", title: "Now", part: Now },
  { id: "differences", title: "Reads that differ", part: Differences },
  { id: "backfill", title: "Backfill", part: Backfill },
  { id: "archive", title: "Archive", part: Archive },
  { id: "history", title: "History", part: History },
];

export default function Migration({ query }) {
  const [moving, setMoving] = useState(false);
  const load = useLoad(look, [], { every: moving ? MOVING_MS : QUIET_MS });
  const found = load.data;
  useEffect(() => setMoving(Boolean(found?.movingTo)), [found]);
  useArrival(found);
  useAsked(found, query.do, load.reload);
  if (found === OFF) return html`<${Screen} title="Migration"><${Off} /><//>`;
  const title = found ? html`Migration of <bdi>${visible(found.entity)}</bdi>` : "Migration";
  return html`<${Screen} title=${title} actions=${found && html`<${Actions} found=${found} reload=${load.reload} />`} load=${load}>${found && html`<${Shown} found=${found} reload=${load.reload} tab=${query.tab} />`}<//>`;
}

const OFF = { off: true };
let isOn = false;

/** How the migration stands. It is asked for only where the overview says that there is one. */
async function look(signal) {
  if (!isOn) {
    const { migration, unavailable } = await get("/admin/overview", {}, { signal });
    if (!migration && !unavailable.migration) return OFF;
    isOn = true;
  }
  const found = await get(at(), {}, { signal });
  note("migration lag", found.health?.lagMs ?? null);
  note("migration mismatches", found.health ? found.health.mismatchRate * 100 : null);
  return found;
}

/** Say so when a move that was under way was made, or not. */
function useArrival(found) {
  const before = useRef(null);
  useEffect(() => {
    const to = before.current;
    before.current = found?.movingTo ?? null;
    if (to && !found?.movingTo) arrived(to, found);
  }, [found]);
}

async function arrived(to, found) {
  if (same(to, found)) return notify(`The migration stands at ${stepName(to)}.`);
  return notify(`The move to ${stepName(to)} was not made${await reasonOf()}`, "bad");
}

/** What the newest decision gives as its reason, if that can be read. */
async function reasonOf() {
  try {
    const { decisions } = await get(at("history"), { limit: 1 });
    return decisions[0] ? `: ${visible(decisions[0].reason)}` : "";
  } catch {
    return ": the history says why";
  }
}

/** Open the dialog that a link asked for, once. */
function useAsked(found, wanted, reload) {
  useEffect(() => {
    if (!found || !wanted) return;
    setQuery({ do: null });
    const rung = found !== OFF && (wanted === "advance" ? stepForward(found) : wanted === "rollback" && stepBack(found));
    if (rung) goTo(found, rung, reload);
  }, [found, wanted]);
}

function Actions({ found, reload }) {
  const [forward, back] = [stepForward(found), stepBack(found)];
  return html`
    ${back && html`<button type="button" onClick=${() => goTo(found, back, reload)}>Roll back…</button>`}
    ${forward && html`<button type="button" class=${forward.noWayBack ? "danger" : "primary"} onClick=${() => goTo(found, forward, reload)}>${VERBS[found.phase] ?? "Advance…"}</button>`}
  `;
}

const VERBS = { legacy: "Start…", event_store: "Complete…" };

function Shown({ found, reload, tab }) {
  const { id, part } = TABS.find((each) => each.id === tab) ?? TABS[0];
  return html`
    <${Path} found=${found} reload=${reload} />
    <${Tabs} label="Parts of the migration" tabs=${TABS} chosen=${id} choose=${(chosen) => setQuery({ tab: chosen === "now" ? null : chosen })}><div class="stack"><${part} found=${found} reload=${reload} /></div><//>
  `;
}

function Off() {
  return html`
    <${Empty} title="There is no migration here">
      Write the adapter of your legacy system, name it in the domain's manifest, and deploy with the parameter <code>LegacyStore</code> set to <code>postgres</code> or <code>dynamodb</code>. The example orders has one; on one machine: <code>make run PARAMETERS="LegacyStore=dynamodb LegacyName=legacy-orders"</code>, or see a whole one with <code>make demo</code>.
    <//>
  `;
}
