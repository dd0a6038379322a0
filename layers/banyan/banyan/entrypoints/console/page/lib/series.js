/** Values over the time that the page is open, by name: what charts draw, kept from screen to screen. */

const MOST = 1000;
const kept = new Map();

/** Keep a value as it is now; null where nothing is known. */
export function note(name, value, at = Date.now()) {
  const points = kept.get(name) ?? [];
  kept.set(name, [...points.slice(1 - MOST), [at / 1000, value]]);
}

/** All that was kept: pairs of seconds since 1970 and a value, the oldest first. */
export const noted = (name) => kept.get(name) ?? [];
