/** Whether rows, snapshots and digests are what the events say: the runs, or the report of one. */
import { get } from "../lib/api.js";
import { useLoad } from "../lib/load.js";
import { html, useEffect, useState } from "../lib/preact.js";
import { notify } from "../parts/notices.js";
import { Loaded, Screen } from "../parts/screen.js";
import { Actions } from "./report/actions.js";
import { History } from "./report/history.js";
import { Report } from "./report/report.js";
import { Standing } from "./report/standing.js";
import { verdict } from "./report/words.js";

const RUNNING_MS = 1000;
const IDLE_MS = 10_000;
const ANSWERS_TO_BEGIN = 120;

export default function Reconciliation({ path }) {
  return path[0] ? html`<${Report} key=${path[0]} id=${path[0]} />` : html`<${Runs} />`;
}

function Runs() {
  const [awaited, setAwaited] = useState(null);
  const [every, setEvery] = useState(IDLE_MS);
  const standing = useLoad((signal) => get("/admin/reconciliation", {}, { signal }), [], { every });
  const newest = standing.data?.latest?.id;
  const reports = useLoad((signal) => get("/admin/reconciliation/reports", {}, { signal }), []);
  useEffect(() => {
    if (reports.data && newest !== reports.data.reports[0]?.id) reports.reload();
  }, [newest]);
  useEffect(() => {
    if (!standing.data) return;
    const still = follow(awaited, standing.data);
    if (awaited && !still && standing.data.latest) notify(`The run is done: ${verdict(standing.data.latest)}.`);
    setAwaited(still);
    setEvery(still || standing.data.run ? RUNNING_MS : IDLE_MS);
  }, [standing.data]);
  const begun = () => {
    setAwaited({ before: newest, unseen: 0, late: false });
    setEvery(RUNNING_MS);
    standing.reload();
  };
  const actions = html`<${Actions} standing=${standing.data} awaited=${awaited} begun=${begun} />`;
  return html`
    <${Screen} title="Reconciliation" actions=${actions} load=${standing}>
      <${Standing} standing=${standing.data} awaited=${awaited} />
      <${Loaded} load=${reports}><${History} reports=${reports.data?.reports} /><//>
    <//>
  `;
}

/** What is known of a run that was just asked for, while there is no report of it. */
function follow(awaited, { run, latest }) {
  if (!awaited || (!run && latest?.id !== awaited.before)) return null;
  const unseen = run ? 0 : awaited.unseen + 1;
  return { ...awaited, unseen, late: unseen > ANSWERS_TO_BEGIN };
}
