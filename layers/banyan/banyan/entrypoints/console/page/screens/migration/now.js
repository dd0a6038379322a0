/** How the migration does: its gauges, what the next step waits for, and what is not as it should be. */
import { count, counted, duration, visible } from "../../lib/format.js";
import { html } from "../../lib/preact.js";
import { href } from "../../lib/route.js";
import { noted } from "../../lib/series.js";
import { Badge } from "../../parts/badge.js";
import { Chart } from "../../parts/chart.js";
import { Empty } from "../../parts/empty.js";
import { Gauge } from "../../parts/gauge.js";
import { Table } from "../../parts/table.js";
import { Time } from "../../parts/time.js";
import { amount, needed, primaryName, share, stepName } from "./words.js";

export function Now({ found }) {
  return html`
    <div class="cards">
      <${Gauge} label="Reads from the read models" value=${found.percentage} max=${100} shown=${`${found.percentage} %`} kind="info">${primaryName(found.leader)} decides commands<//>
      ${found.health && html`<${Judged} health=${found.health} limits=${found.limits} />`}
      ${found.quiet && html`<${Quiet} quiet=${found.quiet} limits=${found.limits} />`}
    </div>
    <${Next} found=${found} />
    ${found.health && html`<${Charts} limits=${found.limits} />`}
    <${Amiss} found=${found} />
  `;
}

function Judged({ health, limits }) {
  const { lagMs, mismatchRate, halfDone, parked, compared, differing } = health;
  return html`
    <${Gauge} label="Lag" value=${lagMs} max=${limits.lagMs} marks=${[limits.lagMs / 2]} shown=${duration(lagMs)} kind=${judged(lagMs, limits.lagMs)}><${Limit} kind=${judged(lagMs, limits.lagMs)} limit=${duration(limits.lagMs)} half=${duration(limits.lagMs / 2)} /><//>
    <${Gauge} label="Mismatch rate" value=${mismatchRate} max=${limits.mismatchRate} marks=${[limits.mismatchRate / 2]} shown=${share(mismatchRate)} kind=${judged(mismatchRate, limits.mismatchRate)}><${Limit} kind=${judged(mismatchRate, limits.mismatchRate)} limit=${share(limits.mismatchRate)} half=${share(limits.mismatchRate / 2)} /><//>
    <${Gauge} label="Compared reads" value=${compared} max=${limits.samples} shown=${count(compared)} kind=${compared < limits.samples ? "info" : "ok"}>${count(differing)} ${differing === 1 ? "differs" : "differ"}; ${counted(limits.samples, "read")} needed for each step of canary<//>
    <${Figure} label="Half-done writes" value=${halfDone} kind=${halfDone > 0 ? "warn" : "ok"}>${counted(parked, "row")} parked<//>
  `;
}

const judged = (value, limit) => (value > limit ? "bad" : value > limit / 2 ? "warn" : "ok");

const SAID = {
  ok: (limit, half) => `forward up to ${half}, back above ${limit}`,
  warn: (limit, half) => `too much for a step forward (${half}); back above ${limit}`,
  bad: (limit) => `above the limit of ${limit}: the controller goes back`,
};
const Limit = ({ kind, limit, half }) => SAID[kind](limit, half);

function Figure({ label, value, kind, children }) {
  return html`<div class="card"><h2 class="small faint">${label}</h2><p class="figure"><span class=${`sign ${kind}`} aria-hidden="true">${kind === "ok" ? "✓" : "!"}</span> ${count(value)}</p><p class="small">${children}</p></div>`;
}

function Quiet({ quiet, limits }) {
  return html`
    <div class="card">
      <h2 class="small faint">Legacy system not used since</h2>
      <p class="figure"><${Time} at=${quiet.since} /></p>
      <p class="small">${duration(limits.quietSeconds * 1000)} are needed; last looked <${Time} at=${quiet.lookedAt} /></p>
      <p class="small">${counted(quiet.noticed, "direct write")} noticed, ${count(quiet.refused)} refused${quiet.seen && html`; last seen: ${visible(quiet.seen)}`}</p>
    </div>
  `;
}

function Next({ found }) {
  const { next, held } = found;
  if (found.movingTo) return html`<p role="status"><${Badge} kind="info">on its way to ${stepName(found.movingTo)}<//> The controller makes the move; commands wait until it is made or given up.</p>`;
  if (!next) return html`<p>The migration is complete: its history and its archive stay.</p>`;
  return html`
    <section class="card">
      <h2>Next step: ${stepName(next.step)}</h2>
      <p>${MADE_BY[next.by]} ${next.waitsFor.length ? `It waits for ${counted(next.waitsFor.length, "condition")}.` : "Nothing stands in its way."}</p>
      ${next.conditions.length ? html`<${Table} caption="Conditions of the next step" columns=${CONDITIONS} rows=${next.conditions} rowKey=${(row) => row.name} />` : next.waitsFor.map((each) => html`<p><${Badge} kind="warn">waits<//> ${visible(each)}</p>`)}
      ${held && html`<p class="small">The controller last stayed because: ${visible(held)}</p>`}
    </section>
  `;
}

const MADE_BY = { controller: "The controller makes it as soon as all conditions are met; a person may make it earlier.", operator: "A person makes it." };

const CONDITIONS = [
  { title: "Met", cell: (row) => (row.met ? html`<${Badge} kind="ok">met<//>` : html`<${Badge} kind="warn">not yet<//>`) },
  { title: "Condition", wide: true, cell: (row) => html`${row.name}${!row.met && html`<br /><span class="small faint">${visible(row.reason)}</span>`}` },
  { title: "Found", numeric: true, cell: (row) => (row.found === null ? "" : amount(row.found, row.unit)) },
  { title: "Needed", numeric: true, cell: needed },
];

function Charts({ limits }) {
  return html`
    <div class="split">
      <${Chart} title="Lag since the page was opened" series=${[{ label: "lag", points: noted("migration lag") }]} unit="ms" format=${duration} limit=${limits.lagMs} />
      <${Chart} title="Mismatch rate since the page was opened" series=${[{ label: "mismatch rate", points: noted("migration mismatches") }]} unit="%" limit=${limits.mismatchRate * 100} />
    </div>
  `;
}

function Amiss({ found }) {
  const differences = found.health?.differences ?? [];
  const none = found.halfDone.length + found.parked.length + differences.length === 0;
  if (none) return found.health && html`<${Empty} title="Nothing is half done, parked or diverged">Every write that was looked at is on both sides.<//>`;
  return html`
    <${Section} title="Half-done writes" rows=${found.halfDone} columns=${HALF_DONE} rowKey=${(row) => `${row.stream} ${row.version}`} note=${`The oldest ${count(found.halfDone.length)} of ${count(found.health?.halfDone ?? 0)}; the relay brings them into the event table, the follower into the legacy system.`} />
    <${Section} title="Parked rows" rows=${found.parked} columns=${PARKED} rowKey=${(row) => row.stream} note="Tried again every minute: fix the row or its column in the legacy system, and nothing else needs to be done. No step forward is made meanwhile." />
    <${Section} title="Rows that differ from their streams" rows=${differences} columns=${DIVERGED} rowKey=${(row) => row.stream} note=${html`Some of them. Rows that are not known to their streams need the <a href=${href("migration", { tab: "backfill" })}>backfill</a>; of others a <a href=${href("reconciliation")}>reconciliation</a> with repair writes what differs.`} />
  `;
}

function Section({ title, rows, columns, rowKey, note }) {
  if (rows.length === 0) return null;
  return html`<section class="part"><h2>${title}</h2><p class="small faint">${note}</p><${Table} caption=${title} columns=${columns} rows=${rows} rowKey=${rowKey} /></section>`;
}

export const StreamLink = ({ stream }) => html`<a href=${href(["streams", stream])}><bdi>${visible(stream)}</bdi></a>`;
const STREAM = { title: "Stream", cell: (row) => html`<${StreamLink} stream=${row.stream} />` };
const HALF_DONE = [STREAM, { title: "Version", numeric: true, cell: (row) => count(row.version) }, { title: "Age", numeric: true, cell: (row) => duration(row.ageMs) }, { title: "Completed by", cell: (row) => row.owner }];
const PARKED = [STREAM, { title: "Since", cell: (row) => html`<${Time} at=${row.since} />` }, { title: "Tried by", cell: (row) => row.owner }, { title: "Reason", wide: true, cell: (row) => visible(row.reason) }];
const DIVERGED = [STREAM, { title: "What is amiss", wide: true, cell: (row) => visible(row.what) }];
