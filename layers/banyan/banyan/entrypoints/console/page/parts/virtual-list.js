/** A long list of rows of one height, of which only those in view are made. */
import { html, useEffect, useRef, useState } from "../lib/preact.js";

const SPARE = 8;

/**
 * @param {{label: string, count: number, height: number, row: (index: number) => any, near?: () => void, tall?: number}} given
 * `height` of a row and `tall`, of the list at most, in pixels; `near` is called when the end comes into view.
 */
export function VirtualList({ label, count, height, row, near, tall = 640 }) {
  const element = useRef(null);
  const [top, setTop] = useState(0);
  const view = Math.min(tall, Math.max(count, 1) * height);
  const first = Math.max(0, Math.floor(top / height) - SPARE);
  const last = Math.min(count, Math.ceil((top + view) / height) + SPARE);
  useEffect(() => {
    if (last >= count) near?.();
  }, [last, count]);
  const rows = Array.from({ length: last - first }, (_, index) => first + index);
  return html`
    <div ref=${element} class="virtual" tabindex="0" role="region" aria-label=${label} style=${{ height: `${view + 2}px` }} onScroll=${(event) => setTop(event.currentTarget.scrollTop)}>
      <ol style=${{ height: `${count * height}px` }}>
        ${rows.map((index) => html`<li key=${index} aria-setsize=${count} aria-posinset=${index + 1} style=${{ transform: `translateY(${index * height}px)`, height: `${height}px` }}>${row(index)}</li>`)}
      </ol>
    </div>
  `;
}
