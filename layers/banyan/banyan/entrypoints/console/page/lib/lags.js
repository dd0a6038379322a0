/** How projections lagged since the page was opened: what screens saw of it, in this tab, while it is open. */

const MOST = 1000;
const samples = new Map();

/** Remember how some projections lag now. @param {{projection: string, lag: {events: number, milliseconds: number}}[]} projections */
export function noteLags(projections, at = Date.now() / 1000) {
  for (const { projection, lag } of projections) {
    samples.set(projection, thinned([...lagsOf(projection), { at, events: lag.events, seconds: lag.milliseconds / 1000 }]));
  }
}

/** What was seen of one, the oldest first. @returns {{at: number, events: number, seconds: number}[]} */
export const lagsOf = (projection) => samples.get(projection) ?? [];

/** Of too many, the worse of each two in the older half. */
function thinned(all) {
  if (all.length <= MOST) return all;
  const older = all.slice(0, MOST / 2);
  const worse = (one, other) => (one.seconds > other.seconds ? one : other);
  return [...older.filter((_, index) => index % 2).map((each, index) => worse(each, older[index * 2])), ...all.slice(MOST / 2)];
}
