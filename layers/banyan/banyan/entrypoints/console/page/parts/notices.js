/** Short lines about what was done, read out as they come. */
import { visible } from "../lib/format.js";
import { html, useEffect, useState } from "../lib/preact.js";

const SHOWN_MS = 8000;
let show = () => {};
let number = 0;

/** Say that something was done, or what went wrong. @param {string} text @param {"ok" | "bad"} kind */
export function notify(text, kind = "ok") {
  show({ text, kind, number: ++number });
}

export function Notices() {
  const [notices, setNotices] = useState([]);
  const close = (notice) => setNotices((all) => all.filter((each) => each !== notice));
  useEffect(() => {
    show = (notice) => {
      setNotices((all) => [...all.slice(-3), notice]);
      setTimeout(() => close(notice), SHOWN_MS);
    };
    return () => {
      show = () => {};
    };
  }, []);
  return html`
    <div class="notices" role="status" aria-live="polite">
      ${notices.map(
        (each) => html`<p key=${each.number} class=${each.kind}>${visible(each.text)} <button type="button" class="link" aria-label="Dismiss" onClick=${() => close(each)}>✕</button></p>`,
      )}
    </div>
  `;
}
