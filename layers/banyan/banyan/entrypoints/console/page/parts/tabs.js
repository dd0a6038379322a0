/** Tabs over one panel: arrow keys move between them, Enter or Space opens one. */
import { html } from "../lib/preact.js";

const MOVES = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity };

/** @param {{label: string, tabs: {id: string, title: any}[], chosen: string, choose: (id: string) => void, children: any}} given */
export function Tabs({ label, tabs, chosen, choose, children }) {
  return html`
    <div class="tabs" role="tablist" aria-label=${label} onKeyDown=${move}>
      ${tabs.map(
        ({ id, title }) => html`
          <button key=${id} type="button" role="tab" id=${`tab-${id}`} aria-selected=${String(id === chosen)} aria-controls=${id === chosen ? "panel" : undefined} tabindex=${id === chosen ? 0 : -1} onClick=${() => choose(id)}>${title}</button>
        `,
      )}
    </div>
    <div class="panel" role="tabpanel" id="panel" aria-labelledby=${`tab-${chosen}`}>${children}</div>
  `;
}

function move(event) {
  const step = MOVES[event.key];
  if (step === undefined) return;
  event.preventDefault();
  const tabs = [...event.currentTarget.children];
  const place = tabs.indexOf(document.activeElement) + step;
  const next = Number.isFinite(place) ? (place + tabs.length) % tabs.length : place < 0 ? 0 : tabs.length - 1;
  tabs[next].focus();
}
