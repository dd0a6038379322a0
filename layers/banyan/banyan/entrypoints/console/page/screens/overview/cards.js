/** How each part of the platform does, in a card each; one that could not be read says so. */
import { count, counted, duration, visible } from "../../lib/format.js";
import { html } from "../../lib/preact.js";
import { href } from "../../lib/route.js";
import { noted } from "../../lib/series.js";
import { Badge } from "../../parts/badge.js";
import { Chart } from "../../parts/chart.js";
import { Time } from "../../parts/time.js";
import { share } from "../migration/words.js";
import { Ingest } from "./ingest.js";

export function Cards({ found, reload }) {
  const { deadlines, reconciliation, migration, ingest, unavailable } = found;
  return html`
    <div class="split rate"><${Rate} rate=${found.rate} unavailable=${unavailable.projections} /><${Lags} found=${found} /></div>
    <div class="cards wide">
      <${Part} title="Deadlines" link=${href("deadlines")} part=${deadlines} unavailable=${unavailable.deadlines}>${deadlines && html`<${Deadlines} ...${deadlines} />`}<//>
      <${Part} title="Reconciliation" link=${href("reconciliation")} part=${reconciliation} unavailable=${unavailable.reconciliation}>${reconciliation && html`<${Reconciliation} ...${reconciliation} />`}<//>
      <${Part} title="Migration" link=${href("migration")} part=${migration} unavailable=${unavailable.migration}>${migration && html`<${Migration} ...${migration} />`}<//>
      <${Part} title="Ingest" part=${ingest} unavailable=${unavailable.ingest}>${ingest && html`<${Ingest} parked=${ingest.parked} reload=${reload} />`}<//>
    </div>
  `;
}

function Part({ title, link, part, unavailable, children }) {
  if (!part && !unavailable) return null;
  return html`
    <section class="card">
      <h2>${link ? html`<a href=${link}>${title}</a>` : title}</h2>
      ${unavailable ? html`<${Unread} reason=${unavailable} />` : children}
    </section>
  `;
}

export const Unread = ({ reason }) => html`<p><${Badge} kind="warn">could not be read<//> ${visible(reason)}</p>`;

function Rate({ rate, unavailable }) {
  if (!rate) return html`<${Part} title="Events a second" unavailable=${unavailable ?? "not known"} />`;
  const least = rate.complete ? "" : "at least ";
  return html`
    <section class="card">
      <h2>Events a second</h2>
      <p class="figure">${least}${PACE.format(rate.eventsPerSecond)}</p>
      <p class="small faint">${counted(rate.events, "event")} in ${counted(rate.commits, "commit")} in the last ${count(Math.round(rate.seconds))} s</p>
      <${Chart} title="Since the page was opened" series=${[{ label: "events a second", points: noted("events a second") }]} unit="/s" height=${130} />
    </section>
  `;
}

const PACE = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

function Lags({ found }) {
  if (!found.projections) return null;
  const series = found.projections.map(({ projection }) => ({ label: projection, points: noted(`lag of ${projection}`) }));
  return html`
    <section class="card">
      <h2>Lag of projections</h2>
      <${Chart} title="Age of the oldest event that is not applied, since the page was opened" series=${series} unit="ms" format=${duration} height=${130} />
    </section>
  `;
}

function Deadlines({ due, waiting, parked, oldestDue, next, complete }) {
  const more = complete ? "" : " or more";
  return html`
    <p><strong>${count(due)}</strong> due${oldestDue && html`, the oldest <${Time} at=${oldestDue} />`}; <strong>${count(waiting)}</strong> waiting${next && html`, the next <${Time} at=${next} />`}${more}.</p>
    ${parked > 0 && html`<p><${Badge} kind="bad">${count(parked)} parked<//></p>`}
  `;
}

function Reconciliation({ run, latest }) {
  if (!latest && !run) return html`<p>Nothing has been compared yet.</p>`;
  const left = latest && latest.differences - latest.repaired;
  return html`
    ${run && html`<p><${Badge} kind="info">${run.working ? "running" : "to be continued"}<//> ${counted(run.rowsRead, "row")} read</p>`}
    ${latest &&
    html`
      <p>${left ? html`<${Badge} kind=${latest.drifted ? "bad" : "warn"}>${counted(left, "difference")}<//>` : html`<${Badge} kind="ok">equal<//>`}${latest.repaired > 0 && ` ${count(latest.repaired)} repaired`}</p>
      <p class="small">Ended <${Time} at=${latest.finishedAt} />: ${counted(latest.compared, "comparison")}. <a href=${href(["reconciliation", latest.id])}>Show the report</a></p>
    `}
  `;
}

function Migration({ entity, step, movingTo, next, nextBy, waitsFor, lagMs, mismatchRate, halfDone, parked }) {
  return html`
    <p>${visible(entity)} stands at <strong>${step}</strong>${movingTo && html` <${Badge} kind="info">on its way to ${movingTo}<//>`}</p>
    ${lagMs !== null && html`<p class="small">lag ${duration(lagMs)}, mismatch rate ${share(mismatchRate)}, ${counted(halfDone, "write")} half done, ${counted(parked, "row")} parked</p>`}
    ${next && html`<p class="small">Next: ${next}, made by the ${nextBy}${waitsFor.length > 0 && `; waits for ${counted(waitsFor.length, "condition")}`}.</p>`}
  `;
}
