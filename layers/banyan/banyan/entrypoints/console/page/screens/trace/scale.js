/** A time axis on which long pauses, such as the wait for a deadline, are cut short. */
import { duration } from "../../lib/format.js";

const SHORTEST_CUT_MS = 2000;
const TIMES_THE_REST = 8;
const CUT_WIDTH = 0.1;
const TICKS = 5;
const DAY = 86_400_000;
const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 3e4, 6e4, 12e4, 3e5, 6e5, 18e5, 36e5, 72e5, 216e5, 432e5, DAY];

/** Milliseconds of a time, down to the microsecond that `Date` would drop. */
export function milliseconds(text) {
  const [, seconds, fraction = ""] = text.match(/^([^.]*?)(\.\d+)?(?:Z|[+-]\d\d:\d\d)?$/);
  return Date.parse(`${seconds}Z`) + Number(`0${fraction}`) * 1000;
}

/**
 * The axis for some times.
 *
 * @param {number[]} times milliseconds
 * @param {boolean} whole without cutting pauses
 * @returns {{at: (time: number) => number, label: (time: number) => string, ticks: {at: number, label: string}[],
 *   pauses: {from: number, to: number, label: string}[], span: number}} places are between 0 and 1
 */
export function scaleOf(times, whole = false) {
  const sorted = [...new Set(times)].sort((a, b) => a - b);
  const pieces = placed(piecesOf(sorted, whole ? Infinity : shortestCut(sorted)));
  const start = sorted[0];
  const pieceOf = (time) => pieces.findLast((each) => each.from <= time && !each.pause) ?? pieces[0];
  return {
    span: sorted.at(-1) - start,
    at: (time) => place(pieceOf(time), time),
    label: (time) => offset(pieceOf(time), start, time),
    ticks: pieces.filter((each) => !each.pause).flatMap((each) => ticksOf(each, start)),
    pauses: pieces.filter((each) => each.pause).map((each) => ({ from: each.left, to: each.right, label: duration(each.to - each.from) })),
  };
}

/** How long a pause is that is cut: far longer than everything else together. */
function shortestCut(sorted) {
  const gaps = sorted.slice(1).map((time, index) => time - sorted[index]).sort((a, b) => b - a);
  let rest = gaps.reduce((sum, gap) => sum + gap, 0);
  let shortest = Infinity;
  for (const gap of gaps) {
    rest -= gap;
    if (gap < SHORTEST_CUT_MS || rest <= 0 || gap < TIMES_THE_REST * rest) break;
    shortest = gap;
  }
  return shortest;
}

function piecesOf(sorted, cut) {
  const pieces = [{ from: sorted[0], to: sorted[0], pause: false }];
  for (const time of sorted.slice(1)) {
    const last = pieces.at(-1);
    if (time - last.to >= cut) pieces.push({ from: last.to, to: time, pause: true }, { from: time, to: time, pause: false });
    else last.to = time;
  }
  return pieces;
}

function placed(pieces) {
  const shown = pieces.filter((each) => !each.pause).reduce((sum, each) => sum + each.to - each.from, 0);
  const width = 1 - CUT_WIDTH * pieces.filter((each) => each.pause).length;
  let left = 0;
  return pieces.map((each) => {
    const wide = each.pause ? CUT_WIDTH : shown ? (width * (each.to - each.from)) / shown : 0;
    left += wide;
    return { ...each, left: left - wide, right: left };
  });
}

const place = (piece, time) =>
  piece.to === piece.from ? piece.left : piece.left + ((time - piece.from) / (piece.to - piece.from)) * (piece.right - piece.left);

function offset(piece, start, time) {
  if (piece.from === start) return `+${duration(time - start)}`;
  const after = time - piece.from;
  return after ? `+${duration(piece.from - start)} +${duration(after)}` : `+${duration(piece.from - start)}`;
}

function ticksOf(piece, start) {
  if (piece.from !== start) return [{ at: piece.left, label: offset(piece, start, piece.from) }];
  const most = Math.max(1, Math.round(TICKS * (piece.right - piece.left)));
  const step = roundStep((piece.to - piece.from) / most);
  const number = step ? Math.floor((piece.to - piece.from) / step) : 0;
  return Array.from({ length: number + 1 }, (_, index) => ({ at: place(piece, piece.from + index * step), label: index ? `+${duration(index * step)}` : "0" }));
}

function roundStep(raw) {
  if (raw <= 0) return 0;
  return STEPS.find((each) => each >= raw) ?? DAY * Math.ceil(raw / DAY);
}
