/** Whether rows, snapshots and digests are what the events say. */
import { get } from "../lib/api.js";
import { html } from "../lib/preact.js";
import { useLoad } from "../lib/load.js";
import { Json } from "../parts/json.js";
import { Screen } from "../parts/screen.js";

export default function Reconciliation() {
  const load = useLoad((signal) => get("/admin/reconciliation", {}, { signal }), []);
  return html`<${Screen} title="Reconciliation" load=${load}><${Json} value=${load.data} label="Reconciliation" /><//>`;
}
