/** Whether all is well, and what needs a person. */
import { get } from "../lib/api.js";
import { counted, moment } from "../lib/format.js";
import { useLoad } from "../lib/load.js";
import { html } from "../lib/preact.js";
import { note } from "../lib/series.js";
import { Badge } from "../parts/badge.js";
import { Screen } from "../parts/screen.js";
import { Attention, worst } from "./overview/attention.js";
import { Cards } from "./overview/cards.js";
import { Projections } from "./overview/projections.js";
import { noteLags } from "./projection/words.js";

const EVERY_MS = 5000;

export default function Overview() {
  const load = useLoad(look, [], { every: EVERY_MS });
  const found = load.data;
  return html`
    <${Screen} title="Overview" actions=${found && html`<${Refreshed} at=${found.asOf} />`} load=${load}>
      ${found &&
      html`
        <${Verdict} found=${found} />
        <${Attention} attention=${found.attention} reload=${load.reload} />
        <${Cards} found=${found} reload=${load.reload} />
        <${Projections} found=${found} />
      `}
    <//>
  `;
}

async function look(signal) {
  const found = await get("/admin/overview", {}, { signal });
  const at = new Date(found.asOf).getTime();
  note("events a second", found.rate?.eventsPerSecond ?? null, at);
  noteLags(found.projections ?? [], at);
  if (found.migration) {
    note("migration lag", found.migration.lagMs, at);
    note("migration mismatches", found.migration.mismatchRate === null ? null : found.migration.mismatchRate * 100, at);
  }
  return found;
}

const Refreshed = ({ at }) => html`<span class="small faint">As of <time datetime=${at}>${moment(at).slice(11, 19)} UTC</time>, refreshed every 5 s</span>`;

/** In a sentence, read out when it changes. */
function Verdict({ found }) {
  const things = found.attention.length;
  const unread = Object.keys(found.unavailable).length;
  return html`<p class="verdict" role="status">${things ? html`<${Badge} kind=${worst(found.attention)}>${counted(things, "thing")} ${things === 1 ? "needs" : "need"} a person<//>` : !unread && html`<${Badge} kind="ok">All is well<//>`}${unread > 0 && html` <${Badge} kind="warn">${counted(unread, "part")} could not be read<//>`}${!things && unread > 0 && " Nothing else is known to need a person."}</p>`;
}
