/** A long list of rows of one height, of which only those in view are made. */
import { html, useEffect, useLayoutEffect, useRef, useState } from "../lib/preact.js";

const SPARE = 8;
const STEPS = { ArrowDown: () => 1, ArrowUp: () => -1, PageDown: (page) => page, PageUp: (page) => -page, Home: () => -Infinity, End: () => Infinity };

/**
 * With `onSelect` it is a list box: one row is chosen by a click or by the arrow keys, Page Up and Down, Home and End.
 *
 * @param {{label: string, count: number, height: number, row: (index: number) => any, near?: () => void, tall?: number,
 *   selected?: number, onSelect?: (index: number) => void, onView?: (first: number, last: number) => void, keyOf?: (index: number) => any}} given
 * `height` of a row and `tall`, of the list at most, in pixels; `near` is called when the end comes into view, `onView`
 * with the rows that are made. With `keyOf`, rows that are put on top do not move what is in view.
 */
export function VirtualList({ label, count, height, row, near, tall = 640, selected = -1, onSelect, onView, keyOf }) {
  const element = useRef(null);
  const [top, setTop] = useState(0);
  const view = Math.min(tall, Math.max(count, 1) * height);
  const first = Math.max(0, Math.min(Math.floor(top / height), count) - SPARE);
  const last = Math.min(count, Math.ceil((top + view) / height) + SPARE);
  useEffect(() => {
    if (last >= count) near?.();
  }, [last, count]);
  useEffect(() => onView?.(first, last), [first, last, count]);
  useStill(element, count, height, keyOf);
  useLayoutEffect(() => {
    if (selected >= 0 && selected < count) reveal(element.current, selected, height, view);
  }, [selected >= 0 && selected < count ? (keyOf?.(selected) ?? selected) : undefined, view]);
  const choose = (event) => {
    const step = STEPS[event.key]?.(Math.max(1, Math.floor(view / height) - 1));
    if (!onSelect || step === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    onSelect(Math.max(0, Math.min(count - 1, selected + step)));
  };
  const rows = Array.from({ length: Math.max(0, last - first) }, (_, index) => first + index);
  const box = onSelect ? { role: "listbox", "aria-activedescendant": rows.includes(selected) ? `row-${selected}` : undefined, onKeyDown: choose } : { role: "region" };
  const option = (index) => onSelect && { role: "option", id: `row-${index}`, "aria-selected": String(index === selected), onClick: () => onSelect(index) };
  return html`
    <div ref=${element} class="virtual" tabindex="0" aria-label=${label} style=${{ height: `${view + 2}px` }} onScroll=${(event) => setTop(event.currentTarget.scrollTop)} ...${box}>
      <ol role=${onSelect && "presentation"} style=${{ height: `${count * height}px` }}>
        ${rows.map((index) => html`<li key=${keyOf ? keyOf(index) : index} aria-setsize=${count} aria-posinset=${index + 1} style=${{ transform: `translateY(${index * height}px)`, height: `${height}px` }} ...${option(index)}>${row(index)}</li>`)}
      </ol>
    </div>
  `;
}

/** Keep the row that is on top of the view there, wherever it comes to stand. */
function useStill(element, count, height, keyOf) {
  const known = useRef({ count: 0, keyOf });
  const newest = count ? keyOf?.(0) : undefined;
  useLayoutEffect(() => {
    const { count: were, keyOf: before } = known.current;
    const place = Math.floor(element.current.scrollTop / height);
    if (before && place > 0 && place < were) {
      const key = before(place);
      const now = Array.from({ length: count }, (_, index) => index).find((index) => keyOf(index) === key);
      if (now !== undefined) element.current.scrollTop += (now - place) * height;
    }
  }, [newest]);
  useLayoutEffect(() => {
    known.current = { count, keyOf };
  });
}

function reveal(list, index, height, view) {
  const top = index * height;
  if (top >= list.scrollTop && top + height <= list.scrollTop + view) return;
  const near = Math.abs(top - list.scrollTop) < 2 * view;
  list.scrollTop = near ? (top < list.scrollTop ? top : top + height - view) : top - view / 2;
}
