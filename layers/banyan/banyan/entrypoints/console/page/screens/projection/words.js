/** How projections are named and worded wherever they are shown. */
import { segment } from "../../lib/api.js";
import { count, counted, duration } from "../../lib/format.js";
import { html } from "../../lib/preact.js";
import { note } from "../../lib/series.js";
import { Badge } from "../../parts/badge.js";

/** What the engine calls its own subscription: it has cursors and no rows, so nothing to rebuild. */
export const REACTOR = "reactor";

/** Where the API has a projection. */
export const at = (name, ...verbs) => ["/admin/projections", segment(name), ...verbs].join("/");

const STATUSES = { active: "ok", outdated: "warn", rebuilding: "info", paused: "warn" };
const STAGES = { building: "info", ready: "warn", live: "ok", kept: "off", dropping: "off" };

export const StatusBadge = ({ status }) => html`<${Badge} kind=${STATUSES[status] ?? "info"}>${status}<//>`;
export const StageBadge = ({ stage }) => html`<${Badge} kind=${STAGES[stage] ?? "info"}>${stage}<//>`;

/** Keep how projections lag now, for what is drawn of it. */
export function noteLags(projections, now = Date.now()) {
  for (const { projection, lag } of projections) {
    note(`lag of ${projection}`, lag.milliseconds, now);
    note(`events that ${projection} lacks`, lag.events, now);
  }
}

/** `12`, or `1,000 or more` where only a part was looked at. */
export const atLeast = (number, complete) => (complete ? count(number) : `${count(number)} or more`);

/** How many streams are parked; one may be in several generations. */
export const parkedCount = ({ parked }) => new Set(parked.map((each) => each.stream)).size;

/** How old the oldest event is that is not applied. */
export function lagTime({ milliseconds, complete }) {
  if (milliseconds === 0 && complete) return "none";
  return complete ? duration(milliseconds) : `${duration(milliseconds)} or more`;
}

const differing = (rows) => `${count(rows)} ${rows === 1 ? "differs" : "differ"}`;

/** How a rebuild's rows compare, in a sentence. */
export function verdict({ compared, different, failed, inFlight, first }) {
  const said = [`${counted(compared, "row")} compared`];
  if (different && first) said.push(`${differing(different)} from live rows that were not complete, which does not count`);
  else said.push(different ? differing(different) : "all equal");
  if (failed) said.push(`${counted(failed, "stream")} could not be applied`);
  if (inFlight) said.push(`${count(inFlight)} moved too fast to be judged`);
  return `${said.join(", ")}.`;
}

/** Whether nothing speaks against reading it, as the API judges it. */
export const isEqual = ({ phase, different, failed, first }) => phase === "compared" && (first || !different) && !failed;
