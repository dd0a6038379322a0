/** A moment: how long ago it was, or the moment itself; the other as its title. */
import { html, useEffect, useState } from "../lib/preact.js";
import { ago, moment } from "../lib/format.js";

/** @param {{at: string | null, exact?: boolean, none?: string}} given */
export function Time({ at, exact = false, none = "never" }) {
  const [, tick] = useState(0);
  useEffect(() => {
    if (exact) return undefined;
    const timer = setInterval(() => tick((times) => times + 1), 10_000);
    return () => clearInterval(timer);
  }, [exact]);
  if (!at) return html`<span class="faint">${none}</span>`;
  const shown = exact ? [moment(at), ago(at)] : [ago(at), moment(at)];
  return html`<time datetime=${new Date(at).toISOString()} title=${shown[1]}>${shown[0]}</time>`;
}
