/** What happens in all streams, as it happens. */
import { count, counted, visible } from "../lib/format.js";
import { html, useEffect, useMemo, useRef } from "../lib/preact.js";
import { href, setQuery } from "../lib/route.js";
import { holds, nameOf, useTail } from "../lib/tail.js";
import { Empty } from "../parts/empty.js";
import { EventDetail, EventRow, ROW_HEIGHT, useTall } from "../parts/event.js";
import { ProblemBox } from "../parts/problem.js";
import { Screen } from "../parts/screen.js";
import { SearchForm } from "../parts/search-form.js";
import { VirtualList } from "../parts/virtual-list.js";

const SETTLED_MS = 200;
const FIELDS = [
  { name: "tenant", label: "Tenant" },
  { name: "entity", label: "Entity" },
  { name: "types", label: "Types, separated by commas" },
  { name: "since", label: "Since (UTC)", type: "datetime-local", step: 1 },
];

export default function Events({ query }) {
  const { tenant, entity, types, since, text = "" } = query;
  const following = query.follow === "on";
  const tail = useTail({ tenant, entity, types, since: since && `${since}Z` }, following);
  const shown = useFound(tail.events, text);
  const follow = html`<button type="button" class=${following ? undefined : "primary"} onClick=${() => setQuery({ follow: following ? null : "on" })}>${following ? "Pause" : "Follow"}</button>`;
  return html`
    <${Screen} title="Events" actions=${follow}>
      <${SearchForm} label="Filter events" fields=${FIELDS} values=${{ tenant, entity, types, since }} button="Show" search=${setQuery} />
      <div class="toolbar">
        <${TextField} text=${text} />
        <p class="small" role="status">${tail.read > 0 && said(tail, shown.length, following)}</p>
        ${!following && html`<button type="button" disabled=${tail.loading} onClick=${tail.more}>${tail.atEnd ? "Load newer" : "Load more"}</button>`}
      </div>
      ${tail.problem && html`<${ProblemBox} problem=${tail.problem} retry=${tail.more} />`}
      ${shown.length > 0 && html`<${Shown} events=${shown} chosen=${query.event} />`}
      ${shown.length === 0 && !tail.problem && (tail.loading && tail.read === 0 ? html`<p class="waiting" role="status">Loading…</p>` : html`<${None} read=${tail.events.length} following=${following} filtered=${[tenant, entity, types, since].some(Boolean)} />`)}
      ${tail.older && tail.read + tail.atEnd > 0 && html`<div class="actions"><button type="button" onClick=${tail.older}>Show older events</button></div>`}
    <//>
  `;
}

function said({ events, read, atEnd }, shown, following) {
  const held = read > events.length ? `the newest ${counted(events.length, "event")} of ${count(read)} read` : counted(events.length, "event");
  const found = shown === events.length ? held : `${count(shown)} of ${held}`;
  return `${found}, the newest on top${following ? (atEnd ? "; following" : "; catching up") : atEnd ? "" : "; there are more"}`;
}

function None({ read, following, filtered }) {
  if (read) return html`<${Empty} title="None of the events here holds that text">Only what is listed here is searched: clear the text, or load more.<//>`;
  return html`<${Empty} title="No events">${following ? "They appear here as they are recorded." : filtered ? "No event read so far fits the filter. Show older events, change the filter, or follow new ones." : "None has been recorded yet, or only older ones: show older events, or follow new ones."}<//>`;
}

/** Searches in what is shown, once typing has settled; what the address says besides takes the place of what was typed. */
function TextField({ text }) {
  const timer = useRef(0);
  const typed = useRef(text);
  const field = useRef(null);
  useEffect(() => () => clearTimeout(timer.current), []);
  useEffect(() => {
    if (text === typed.current) return;
    clearTimeout(timer.current);
    typed.current = field.current.value = text;
  }, [text]);
  const search = ({ target }) => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setQuery({ text: (typed.current = target.value) }), SETTLED_MS);
  };
  return html`
    <div class="field">
      <label for="text">Search in these events</label>
      <input ref=${field} id="text" type="search" defaultValue=${text} onInput=${search} autocomplete="off" />
    </div>
  `;
}

/** The events that hold a text, each looked at once. */
function useFound(events, text) {
  const needle = text.toLowerCase();
  const known = useMemo(() => new WeakMap(), [needle]);
  return useMemo(() => {
    if (needle === "") return events;
    return events.filter((each) => {
      if (!known.has(each)) known.set(each, holds(each, needle));
      return known.get(each);
    });
  }, [events, known]);
}

/** The list, and the event of it that is chosen, also when newer ones have taken its place. */
function Shown({ events, chosen }) {
  const tall = useTall();
  const place = chosen ? events.findIndex((each) => nameOf(each) === chosen) : -1;
  const kept = useRef(null);
  if (place >= 0) kept.current = events[place];
  const event = kept.current && nameOf(kept.current) === chosen ? kept.current : null;
  return html`
    <div class="split events">
      <${VirtualList} label="Events, the newest first" count=${events.length} height=${ROW_HEIGHT} tall=${tall} selected=${place} keyOf=${(index) => events[index].number}
        row=${(index) => html`<${EventRow} version=${events[index].version} event=${events[index]} stream=${events[index].stream} />`}
        onSelect=${(index) => setQuery({ event: nameOf(events[index]) })} />
      ${event
        ? html`<${EventDetail} stream=${event.stream} version=${event.version} event=${event}><a href=${href(["streams", event.stream], { version: event.version })}>Its stream</a><//>`
        : chosen ? html`<${Elsewhere} name=${chosen} />` : html`<${Empty} title="No event is chosen">Click one, or use the arrow keys in the list.<//>`}
    </div>
  `;
}

function Elsewhere({ name }) {
  const at = name.lastIndexOf("@");
  const [stream, version] = [name.slice(0, at), name.slice(at + 1)];
  return html`<${Empty} title="The chosen event is not listed here">It is <a href=${href(["streams", stream], { version })}>version ${visible(version)} of <bdi class="mono">${visible(stream)}</bdi></a>.<//>`;
}
