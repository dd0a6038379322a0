/** The run that is not finished, as it comes along, and what the last one came to. */
import { count, counted, percent } from "../../lib/format.js";
import { html } from "../../lib/preact.js";
import { href } from "../../lib/route.js";
import { Badge } from "../../parts/badge.js";
import { Progress } from "../../parts/progress.js";
import { Time } from "../../parts/time.js";
import { kindOf, scopeOf, second, verdict } from "./words.js";

export function Standing({ standing: { run, latest }, awaited }) {
  return html`
    <div class="split standing">
      <section class="card" aria-labelledby="standing-run">
        <h2 id="standing-run">Now</h2>
        ${run ? html`<${Running} run=${run} />` : html`<${Waiting} awaited=${awaited} />`}
      </section>
      ${latest && html`<section class="card" aria-labelledby="standing-latest"><h2 id="standing-latest">The last run</h2><${Latest} report=${latest} /></section>`}
    </div>
  `;
}

function Waiting({ awaited }) {
  if (!awaited) return html`<p>No reconciliation is running.</p>`;
  if (awaited.late) return html`<p><${Badge} kind="bad">late<//> It does not begin: the log of Reconciler says why.</p>`;
  return html`<p role="status">It has been started.</p><${Progress} value=${0} max=${0} label="Waits for the reconciler" unit="rows read" />`;
}

function Running({ run }) {
  return html`
    <p role="status">
      ${run.working ? html`<${Badge} kind="info">working<//>` : html`<${Badge} kind="warn">waiting<//> for its next segment, within five minutes, or at once with another run like it.`}
      ${" "}Compares ${scopeOf(run)}, since <${Time} at=${run.startedAt} />.
    </p>
    <${Progress} value=${run.rowsRead} max=${0} label="Rows read" unit="rows read" />
    <dl class="pairs">
      <dt>Section</dt><dd>${run.section ?? "beginning"}</dd>
      <dt>Segment</dt><dd>${count(run.segments)}</dd>
      <dt>Found so far</dt><dd>${counted(run.differences, "difference")}, ${count(run.repaired)} repaired</dd>
    </dl>
  `;
}

function Latest({ report }) {
  return html`
    <p><${Badge} kind=${kindOf(report)}>${verdict(report)}<//> <a href=${href(["reconciliation", report.id])}>Show the report</a></p>
    <dl class="pairs">
      <dt>Finished</dt><dd><${Time} at=${report.finishedAt} /></dd>
      <dt>Verified through</dt><dd>${second(report.verifiedThrough)}</dd>
      <dt>Compared</dt><dd>${count(report.compared)} (${scopeOf(report)})</dd>
      <dt>Drift</dt><dd><${Drift} report=${report} /></dd>
    </dl>
  `;
}

/** What of the compared differs, and what is tolerated. */
export function Drift({ report: { driftPercent, tolerancePercent, differences, repaired } }) {
  return html`${percent(driftPercent / 100)} of what was compared, tolerance ${percent(tolerancePercent / 100)}${repaired > 0 && `; ${count(repaired)} of ${counted(differences, "difference")} put right`}`;
}
