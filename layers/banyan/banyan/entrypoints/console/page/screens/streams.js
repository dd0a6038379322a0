/** Which streams there are, and the way to each. */
import { get } from "../lib/api.js";
import { brief } from "../lib/format.js";
import { useLoad } from "../lib/load.js";
import { html } from "../lib/preact.js";
import { go, href } from "../lib/route.js";
import { Badge } from "../parts/badge.js";
import { Empty } from "../parts/empty.js";
import { Loaded, Screen } from "../parts/screen.js";
import { SearchForm } from "../parts/search-form.js";
import { Table } from "../parts/table.js";
import { Time } from "../parts/time.js";
import Stream from "./stream/stream.js";

const REFRESH_MS = 10_000;
const FIELDS = [
  { name: "tenant", label: "Tenant" },
  { name: "entity", label: "Entity", list: "entities" },
  { name: "prefix", label: "Id begins with" },
];
const NAME = [{ name: "stream", label: "Name of a stream", wide: true, placeholder: "tenant:entity:id", required: true }];

export default function Streams({ path, query }) {
  return path.length ? html`<${Stream} key=${path[0]} name=${path[0]} query=${query} />` : html`<${List} query=${query} />`;
}

function List({ query }) {
  const { tenant, entity, prefix, cursor } = query;
  const asked = { tenant, entity, prefix, cursor };
  const load = useLoad((signal) => get("/admin/streams", asked, { signal }), [JSON.stringify(asked)], { every: cursor ? undefined : REFRESH_MS });
  const follow = html`<a class="button" href=${href("events", { follow: "on", tenant, entity })}>Follow events</a>`;
  return html`
    <${Screen} title="Streams" actions=${follow}>
      <div class="finders"><${Search} ...${asked} /><${Jump} /></div>
      <datalist id="entities">${load.data?.entities.map((name) => html`<option value=${name}></option>`)}</datalist>
      <${Loaded} load=${load}><${Found} found=${load.data} asked=${asked} /><//>
    <//>
  `;
}

function Search(asked) {
  const filtered = asked.tenant || asked.entity || asked.prefix;
  return html`
    <${SearchForm} label="Search streams" fields=${FIELDS} values=${asked} button="Search" primary search=${(values) => go("streams", values)}>
      ${filtered && html`<a class="button" href=${href("streams")}>Show all</a>`}
    <//>
  `;
}

const Jump = () => html`<${SearchForm} label="Open a stream" fields=${NAME} values=${{}} button="Open" search=${({ stream }) => go(["streams", stream])} />`;

function Found({ found, asked }) {
  return html`
    ${found.stoppedEarly && html`<p class="small" role="status">This page looked at as much of the log as one answer may. Older streams may be on the next one.</p>`}
    <${Table} caption="Streams, the one that changed last first" columns=${COLUMNS} rows=${found.streams} rowKey=${(row) => row.stream} empty=${html`<${None} asked=${asked} more=${found.next} />`} />
    ${(asked.cursor || found.next) && html`
      <nav class="actions" aria-label="Pages">
        ${asked.cursor && html`<a class="button" href=${href("streams", { ...asked, cursor: null })}>Newest streams</a>`}
        ${found.next && html`<a class="button" href=${href("streams", { ...asked, cursor: found.next })}>Older streams</a>`}
      </nav>
    `}
  `;
}

function None({ asked, more }) {
  if (more) return html`<${Empty} title="None on this page">Go on to older streams.<//>`;
  if (asked.tenant || asked.entity || asked.prefix) return html`<${Empty} title="No stream is like that">Names are tenant:entity:id, and each part is compared as it is written. <a href=${href("streams")}>Show all streams</a>.<//>`;
  return html`<${Empty} title="No streams yet">Post a first command to the API: <code>make run</code> prints one to copy.<//>`;
}

const COLUMNS = [
  { title: "Stream", wide: true, cell: (row) => html`<a class="mono" href=${href(["streams", row.stream])}><bdi>${brief(row.stream, 512)}</bdi></a>` },
  { title: "Version", numeric: true, cell: (row) => row.version },
  { title: "Last change", cell: (row) => html`<${Time} at=${row.recordedAt} />` },
  { title: "What", cell: (row) => (row.error ? html`<${Badge} kind="bad">cannot be read<//> ${brief(row.error, 300)}` : html`<bdi>${types(row.types)}</bdi>`) },
];

/** `OrderItemAdded × 3, OrderPaid`. */
function types(all) {
  const times = new Map();
  for (const each of all) times.set(each, (times.get(each) ?? 0) + 1);
  return [...times].map(([type, count]) => (count === 1 ? brief(type) : `${brief(type)} × ${count}`)).join(", ");
}
