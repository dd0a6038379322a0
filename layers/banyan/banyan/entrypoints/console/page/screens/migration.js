/** The way out of the legacy system. */
import { get } from "../lib/api.js";
import { html } from "../lib/preact.js";
import { useLoad } from "../lib/load.js";
import { Json } from "../parts/json.js";
import { Screen } from "../parts/screen.js";

export default function Migration() {
  const load = useLoad((signal) => get("/admin/migration", {}, { signal }), []);
  return html`<${Screen} title="Migration" load=${load}><${Json} value=${load.data} label="Migration" /><//>`;
}
