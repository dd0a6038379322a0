/** Whether rows, snapshots and digests are what the events say: the runs, or the report of one. */
import { get } from "../lib/api.js";
import { useLoad } from "../lib/load.js";
import { html, useEffect, useState } from "../lib/preact.js";
import { setQuery } from "../lib/route.js";
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
const FEW = 30;

export default function Reconciliation({ path, query }) {
  return path[0] ? html`<${Report} key=${path[0]} id=${path[0]} />` : html`<${Runs} since=${query.since} limit=${query.limit ?? FEW} />`;
}

/** `since` names the report before the one that is waited for: it is in the URL, so that a reload waits too. */
function Runs({ since, limit }) {
  const [running, setRunning] = useState(false);
  const [unseen, setUnseen] = useState(0);
  const late = unseen > ANSWERS_TO_BEGIN;
  const standing = useLoad((signal) => get("/admin/reconciliation", {}, { signal }), [], { every: running || (since && !late) ? RUNNING_MS : IDLE_MS });
  const reports = useLoad((signal) => get("/admin/reconciliation/reports", { limit }, { signal }), [limit]);
  const newest = standing.data?.latest?.id;
  useEffect(() => {
    if (!standing.data) return;
    const { run, latest } = standing.data;
    setRunning(Boolean(run));
    setUnseen((times) => (run || !since ? 0 : times + 1));
    if (since && !run && latest && latest.id !== since) {
      setQuery({ since: "" });
      notify(`The run is done: ${verdict(latest)}.`);
    }
  }, [standing.data]);
  useEffect(() => {
    if (standing.data && reports.data && newest !== reports.data.reports[0]?.id) reports.reload();
  }, [newest, Boolean(reports.data)]);
  const begun = (before) => {
    setUnseen(0);
    setQuery({ since: before }, ["reconciliation"]);
    standing.reload();
  };
  const awaited = since && { late };
  return html`
    <${Screen} title="Reconciliation" actions=${html`<${Actions} standing=${standing.data} awaited=${awaited} begun=${begun} />`} load=${standing}>
      <${Standing} standing=${standing.data} awaited=${awaited} />
      <${Loaded} load=${reports}><${History} reports=${reports.data?.reports} few=${FEW} running=${running || Boolean(since)} /><//>
    <//>
  `;
}
