/** Values over the time that the page is open, by name: what charts draw, kept from screen to screen. */

const MOST = 1000;
const kept = new Map();

/** Keep a value as it is now; null where nothing is known. */
export function note(name, value, at = Date.now()) {
  const points = kept.get(name) ?? [];
  kept.set(name, [...(points.length < MOST ? points : thinned(points)), [at / 1000, value]]);
}

/** All that was kept: pairs of seconds since 1970 and a value, the oldest first. */
export const noted = (name) => kept.get(name) ?? [];

/** The greater of each two in the older half, so that it still begins when the page was opened. */
function thinned(points) {
  const older = points.slice(0, MOST / 2);
  const pairs = older.filter((_, index) => index % 2).map((each, index) => (each[1] > older[index * 2][1] ? each : older[index * 2]));
  return [...pairs, ...points.slice(MOST / 2)];
}
