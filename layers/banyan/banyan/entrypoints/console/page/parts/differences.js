/** What differs between two values, path by path, with both values. */
import { brief, counted } from "../lib/format.js";
import { html, useState } from "../lib/preact.js";
import { Badge } from "./badge.js";
import { Json } from "./json.js";
import { Table } from "./table.js";

const MOST = 100;
const KINDS = { added: "ok", removed: "bad", changed: "warn" };

/** @param {{found: {path: string, kind: string, before?: any, after?: any}[], before: string, after: string, label: string}} given the titles of both sides */
export function Differences({ found, before, after, label }) {
  const [most, setMost] = useState(MOST);
  if (found.length === 0) return html`<p class="faint">Nothing.</p>`;
  const columns = [
    { title: "Field", cell: (row) => html`<bdi class="mono">${brief(row.path || "(all of it)", 300)}</bdi>` },
    { title: "Change", cell: (row) => html`<${Badge} kind=${KINDS[row.kind]}>${row.kind}<//>` },
    { title: before, cell: (row) => row.kind !== "added" && html`<${Json} value=${row.before} />` },
    { title: after, cell: (row) => row.kind !== "removed" && html`<${Json} value=${row.after} />` },
  ];
  return html`
    <p class="small">${counted(found.length, "field")}</p>
    <${Table} caption=${label} columns=${columns} rows=${found.slice(0, most)} rowKey=${(row) => `${row.kind} ${row.path}`} />
    ${found.length > most && html`<button type="button" class="link" onClick=${() => setMost(most + 500)}>Show more of ${found.length}</button>`}
  `;
}
