/** Whether a stream is undamaged, from end to end. */
import { get } from "../../lib/api.js";
import { brief, count } from "../../lib/format.js";
import { ofStream } from "../../lib/contents.js";
import { html, useEffect, useRef, useState } from "../../lib/preact.js";
import { href } from "../../lib/route.js";
import { Badge } from "../../parts/badge.js";
import { ProblemBox } from "../../parts/problem.js";
import { Table } from "../../parts/table.js";
import { Time } from "../../parts/time.js";

export function Verify({ name }) {
  const [{ found, problem, working }, setState] = useState({});
  const reading = useRef(null);
  useEffect(() => () => reading.current?.abort(), []);
  const verify = async () => {
    reading.current = new AbortController();
    setState({ working: true });
    try {
      const answer = await get(ofStream(name, "verify"), {}, { signal: reading.current.signal });
      setState({ found: { ...answer, at: new Date().toISOString() } });
    } catch (refused) {
      if (refused.name !== "AbortError") setState({ problem: refused });
    }
  };
  return html`
    <p>Reads the whole stream and checks versions, times, digests, events and snapshots. It changes nothing. An answer has 29 seconds, which is some 100,000 events; a longer stream is verified by a full reconciliation.</p>
    <div class="actions"><button type="button" class="primary" disabled=${working} onClick=${verify}>${working ? "Verifying…" : found ? "Verify again" : "Verify the stream"}</button></div>
    ${problem && html`<${ProblemBox} problem=${problem} />`}
    <div role="status">${found && html`<${Summary} found=${found} />`}</div>
    ${found && !found.intact && html`<${Table} caption="Damage" columns=${columnsOf(name)} rows=${found.problems} rowKey=${(row) => `${row.kind} ${row.version} ${row.detail}`} />`}
  `;
}

function Summary({ found }) {
  return html`
    <div class="card">
      <p>${found.intact ? html`<${Badge} kind="ok">intact<//>` : html`<${Badge} kind="bad">damaged<//>`} Versions 1 to ${count(found.version)}, verified <${Time} at=${found.at} />.</p>
      <p class="small">Digest of the last commit: <code>${found.digest}</code></p>
    </div>
  `;
}

const columnsOf = (name) => [
  { title: "Version", numeric: true, cell: (row) => html`<a href=${href(["streams", name], { version: row.version })}>${row.version}</a>` },
  { title: "Kind", cell: (row) => html`<${Badge} kind="bad">${row.kind.replace("_", " ")}<//>` },
  { title: "What is wrong", wide: true, cell: (row) => brief(row.detail, 1000) },
];
