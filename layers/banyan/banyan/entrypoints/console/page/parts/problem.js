/** What the API refused or could not do, in its own words. */
import { html } from "../lib/preact.js";
import { visible } from "../lib/format.js";

export function ProblemBox({ problem, retry }) {
  return html`
    <div class="problem" role="alert">
      <p>${visible(problem.detail ?? problem.message)}</p>
      <p class="small">
        <code>${problem.code ?? problem.name}</code>
        ${problem.correlationId && html` · request <code>${problem.correlationId}</code>`}
        ${retry && html` · <button type="button" class="link" onClick=${retry}>Try again</button>`}
      </p>
    </div>
  `;
}
