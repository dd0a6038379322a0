/** Whether all is well, and what needs a person. */
import { get } from "../lib/api.js";
import { html } from "../lib/preact.js";
import { useLoad } from "../lib/load.js";
import { Screen } from "../parts/screen.js";
import { Table } from "../parts/table.js";
import { Badge } from "../parts/badge.js";
import { duration } from "../lib/format.js";

export default function Overview() {
  const load = useLoad((signal) => get("/admin/projections", {}, { signal }), [], { every: 5000 });
  const columns = [
    { title: "Projection", cell: (row) => row.projection },
    { title: "Status", cell: (row) => html`<${Badge} kind=${row.status === "paused" ? "warn" : "ok"}>${row.status}<//>` },
    { title: "Lag", numeric: true, cell: (row) => duration(row.lag.milliseconds) },
    { title: "Parked", numeric: true, cell: (row) => row.parked.length },
  ];
  return html`<${Screen} title="Overview" load=${load}><${Table} caption="Projections" columns=${columns} rows=${load.data?.projections ?? []} rowKey=${(row) => row.projection} /><//>`;
}
