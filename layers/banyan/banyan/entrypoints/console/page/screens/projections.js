/** How projections and the reactor stand, and what can be done about it. */
import { get } from "../lib/api.js";
import { html } from "../lib/preact.js";
import { useLoad } from "../lib/load.js";
import { Json } from "../parts/json.js";
import { Screen } from "../parts/screen.js";

export default function Projections() {
  const load = useLoad((signal) => get("/admin/projections", {}, { signal }), []);
  return html`<${Screen} title="Projections" load=${load}><${Json} value=${load.data} label="Projections" /><//>`;
}
