/** How steps, sides and numbers of a migration are worded. */
import { count, duration } from "../../lib/format.js";

const SHARE = new Intl.NumberFormat("en", { maximumFractionDigits: 3 });

/** Where the API has the migration. */
export const at = (...parts) => ["/admin/migration", ...parts].join("/");

/** `canary 25 %`, or a phase; without a break before the sign. */
export const stepName = ({ phase, percentage }) => (phase === "canary" ? `canary ${percentage}\u00a0%` : phase);

export const same = (one, other) => Boolean(one && other) && one.phase === other.phase && one.percentage === other.percentage;

/** Who decides a command. */
export const primaryName = (primary) => (primary === "legacy" ? "the legacy system" : "the event store");

/** `0.5 %` of a share between 0 and 1. */
export const share = (part) => `${SHARE.format(part * 100)} %`;

const UNITS = { ms: duration, s: (seconds) => duration(seconds * 1000), share };

/** What a condition counts, in words. */
export const amount = (value, unit) => (UNITS[unit] ? UNITS[unit](value) : `${count(value)} ${unit}`);

export const needed = ({ least, most, unit }) => (least !== null ? `at least ${amount(least, unit)}` : most === null ? "" : most === 0 ? "none" : `at most ${amount(most, unit)}`);
