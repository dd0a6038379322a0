/** Numbers, times and names as they are shown. */

const NUMBER = new Intl.NumberFormat("en");
const SHORT = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

/** `12,345`. */
export const count = (value) => NUMBER.format(value);

/** `3 events`, `1 event`. */
export const counted = (value, one, many = `${one}s`) => `${count(value)} ${value === 1 ? one : many}`;

/** Milliseconds as `420 ms`, `3.2 s`, `5 min`, `2.5 h`, `3 d`. */
export function duration(ms) {
  const steps = [[1000, 1, "ms"], [60_000, 1000, "s"], [3_600_000, 60_000, "min"], [86_400_000, 3_600_000, "h"], [Infinity, 86_400_000, "d"]];
  const [, unit, name] = steps.find(([below]) => Math.abs(ms) < below);
  return `${SHORT.format(ms / unit)} ${name}`;
}

/** `12.3 %` of a share between 0 and 1. */
export const percent = (share) => `${SHORT.format(share * 100)} %`;

/** A moment in UTC, `2026-01-31 12:00:00.123Z`. */
export const moment = (at) => new Date(at).toISOString().replace("T", " ");

/** How long ago a moment was, or how far ahead: `3 min ago`, `in 2 h`. */
export function ago(at, now = Date.now()) {
  const ms = now - new Date(at).getTime();
  if (Math.abs(ms) < 1000) return "now";
  return ms > 0 ? `${duration(Math.floor(ms / 1000) * 1000)} ago` : `in ${duration(-Math.ceil(ms / 1000) * 1000)}`;
}

const UNSEEN = /(?![\t\n\u0600-\u0605\u06dd\u070f\ufe0e\ufe0f])[\p{Cc}\p{Cf}\p{Cn}\p{Cs}\p{DI}\u2028\u2029]/gu;

/** Text in which what would be invisible, turn the direction of others or has no glyph is written out, as `\u202e`. */
export const visible = (text) => String(text).replace(UNSEEN, escaped);

function escaped(character) {
  const code = character.codePointAt(0).toString(16).padStart(4, "0");
  return code.length === 4 ? `\\u${code}` : `\\u{${code}}`;
}

/** As much of a text as a row holds, made visible. */
export const brief = (text, most = 120) => visible(text.length > most ? `${text.slice(0, most)}…` : text);
