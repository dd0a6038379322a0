/** Which streams there are. */
import { get } from "../lib/api.js";
import { visible } from "../lib/format.js";
import { useLoad } from "../lib/load.js";
import { html } from "../lib/preact.js";
import { href } from "../lib/route.js";
import { Empty } from "../parts/empty.js";
import { Screen } from "../parts/screen.js";
import { Table } from "../parts/table.js";
import { Time } from "../parts/time.js";

export default function Streams({ query }) {
  const load = useLoad((signal) => get("/admin/streams", query, { signal }), [JSON.stringify(query)], { every: 5000 });
  const columns = [
    { title: "Stream", cell: (row) => html`<a class="mono" href=${href(["streams", row.stream])}><bdi>${visible(row.stream)}</bdi></a>` },
    { title: "Version", numeric: true, cell: (row) => row.version },
    { title: "Last change", cell: (row) => html`<${Time} at=${row.recordedAt} />` },
    { title: "Types", cell: (row) => row.types.join(", ") },
  ];
  const empty = html`<${Empty} title="No streams">Append an event: a POST to the API makes the first one.<//>`;
  return html`<${Screen} title="Streams" load=${load}><${Table} caption="Streams" columns=${columns} rows=${load.data?.streams ?? []} rowKey=${(row) => row.stream} empty=${empty} /><//>`;
}
