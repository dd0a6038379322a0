/** What a request set off: one trace, or a way to find one. */
import { html } from "../lib/preact.js";
import { go } from "../lib/route.js";
import { session } from "../lib/session.js";
import { Screen } from "../parts/screen.js";
import { SearchForm } from "../parts/search-form.js";
import { Newest } from "./trace/newest.js";
import { Trace } from "./trace/trace.js";

const FIELDS = [
  { name: "id", label: "Correlation id: X-Correlation-Id of an answer", required: true, maxlength: 128, size: 40 },
  { name: "tenant", label: "Tenant", required: true },
];

export default function Traces({ path, query }) {
  const tenant = query.tenant ?? session.claims.tenant ?? "";
  if (path[0]) return html`<${Trace} key=${`${tenant}#${path[0]}`} id=${path[0]} tenant=${tenant} query=${query} />`;
  const find = ({ id, tenant: named }) => go(["traces", id], { tenant: named });
  return html`
    <${Screen} title="Traces">
      <${SearchForm} label="Find a trace" fields=${FIELDS} values=${{ tenant }} button="Show the trace" primary search=${find} />
      <${Newest} tenant=${query.tenant ?? ""} asked=${query.newest === "yes"} />
    <//>
  `;
}
