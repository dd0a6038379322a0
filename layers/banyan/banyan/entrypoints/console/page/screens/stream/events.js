/** A stream's events over time, and the one that is chosen beside them. */
import { EventPages } from "../../lib/event-pages.js";
import { count, counted } from "../../lib/format.js";
import { html, useEffect, useMemo, useState } from "../../lib/preact.js";
import { href, setQuery } from "../../lib/route.js";
import { EventDetail, EventRow, ROW_HEIGHT, useTall } from "../../parts/event.js";
import { ProblemBox } from "../../parts/problem.js";
import { SearchForm } from "../../parts/search-form.js";
import { VirtualList } from "../../parts/virtual-list.js";

export function Events({ name, query }) {
  const pages = usePages(name);
  if (!pages.version) return pages.problem ? html`<${ProblemBox} problem=${pages.problem} retry=${() => pages.retry()} />` : html`<p class="waiting" role="status">Loading…</p>`;
  return html`<${Timeline} name=${name} pages=${pages} query=${query} />`;
}

/** Pages of a stream's events, in a component that follows them. */
function usePages(name) {
  const [, changed] = useState(0);
  const pages = useMemo(() => new EventPages(name), [name]);
  useEffect(() => {
    pages.changed = () => changed((times) => times + 1);
    pages.start();
    return () => pages.stop();
  }, [pages]);
  return pages;
}

function Timeline({ name, pages, query }) {
  const { version: newest } = pages;
  const oldestFirst = query.order === "ascending";
  const versionAt = (index) => (oldestFirst ? index + 1 : newest - index);
  const placeOf = (version) => (oldestFirst ? version - 1 : newest - version);
  const chosen = chosenVersion(query.version, newest);
  const tall = useTall();
  useEffect(() => pages.choose(chosen), [chosen]);
  const turn = () => setQuery({ order: oldestFirst ? null : "ascending" });
  return html`
    <div class="toolbar">
      <p>${counted(newest, "event")}</p>
      <button type="button" onClick=${turn}>${oldestFirst ? "Show newest first" : "Show oldest first"}</button>
      <${SearchForm} label="Go to a version" fields=${[{ name: "version", label: `Version, of ${count(newest)}`, type: "number", min: 1, max: newest, required: true }]} values=${{ version: String(chosen) }} button="Go" search=${({ version }) => setQuery({ version })} />
    </div>
    ${pages.problem && html`<${ProblemBox} problem=${pages.problem} retry=${() => pages.retry()} />`}
    <div class="split events">
      <${VirtualList} key=${oldestFirst} label="Events" count=${newest} height=${ROW_HEIGHT} tall=${tall} selected=${placeOf(chosen)}
        row=${(index) => html`<${EventRow} version=${versionAt(index)} event=${pages.event(versionAt(index))} />`}
        onSelect=${(index) => setQuery({ version: versionAt(index) })}
        onView=${(first, last) => pages.show(versionAt(first), versionAt(last - 1))} />
      <${EventDetail} stream=${name} version=${chosen} event=${pages.event(chosen)}><a href=${href(["streams", name], { tab: "state", version: chosen })}>State then</a><//>
    </div>
  `;
}

function chosenVersion(asked, newest) {
  const version = Number.parseInt(asked ?? "", 10);
  return version >= 1 && version <= newest ? version : newest;
}
