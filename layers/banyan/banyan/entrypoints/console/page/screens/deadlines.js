/** What waits for its time, is due or parked. */
import { get } from "../lib/api.js";
import { html } from "../lib/preact.js";
import { useLoad } from "../lib/load.js";
import { Json } from "../parts/json.js";
import { Screen } from "../parts/screen.js";

export default function Deadlines() {
  const load = useLoad((signal) => get("/admin/deadlines", {}, { signal }), []);
  return html`<${Screen} title="Deadlines" load=${load}><${Json} value=${load.data} label="Deadlines" /><//>`;
}
