/** What a person reads of a report, in the words of `./banyan reconcile`. */
import { count } from "../../lib/format.js";

/** A time to the second, UTC. */
export const second = (at) => (at ? `${new Date(at).toISOString().slice(0, 19).replace("T", " ")}Z` : "never");

/** The report in a word or two. */
export function verdict(report) {
  if (!report.differences) return "clean";
  return `${count(report.differences)} of ${count(report.compared)} ${report.differences === 1 ? "differs" : "differ"}${report.drifted ? "" : ", tolerated"}`;
}

/** How a badge shows the verdict: differences that were all put right are a warning. */
export function kindOf(report) {
  if (!report.drifted) return "ok";
  return report.repaired >= report.differences ? "warn" : "bad";
}

/** What a run looked at. */
export const scopeOf = ({ full, repair }) => (repair ? "everything, repaired" : full ? "everything" : "what changed");

/** A section's name, and why it was not compared if so. */
export const nameOf = (section) => (section.note ? `${section.name} (not compared: ${section.note})` : section.name);

/** What is wrong in one place. */
export const what = ({ kind, version, detail }) => `${kind}${version ? ` at version ${version}` : ""}${detail ? `: ${detail}` : ""}`;
