/** What a request set off. */
import { get } from "../lib/api.js";
import { html } from "../lib/preact.js";
import { useLoad } from "../lib/load.js";
import { Json } from "../parts/json.js";
import { Screen } from "../parts/screen.js";

export default function Traces() {
  const load = useLoad((signal) => get("/admin/events", {}, { signal }), []);
  return html`<${Screen} title="Traces" load=${load}><${Json} value=${load.data} label="Traces" /><//>`;
}
