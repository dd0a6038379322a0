/** Events of a trace in the order of a tree: each below its cause, and events that cause each other below the first of them. */

/**
 * @param {{eventId: string, parent: string | null}[]} entries by time, causes before effects
 * @returns {{entry: any, depth: number, open: boolean[], cause: any}[]} `open` says for each level above, and the own,
 * whether another event follows there; `cause` is the entry of the parent
 */
export function inTreeOrder(entries) {
  const known = new Map(entries.map((each) => [each.eventId, each]));
  const effects = Map.groupBy(entries, (each) => (known.has(each.parent) ? each.parent : null));
  const rows = [];
  const placed = new Set();
  const place = (roots) => {
    const waiting = branch(roots, []);
    while (waiting.length) {
      const row = waiting.pop();
      if (placed.has(row.entry)) continue;
      placed.add(row.entry);
      rows.push({ ...row, depth: row.open.length - 1, cause: known.get(row.entry.parent) });
      waiting.push(...branch(effects.get(row.entry.eventId) ?? [], row.open));
    }
  };
  place(effects.get(null) ?? []);
  for (const entry of entries) if (!placed.has(entry)) place([entry]);
  return rows;
}

/** Siblings, the last one first, as a stack wants them. */
const branch = (entries, open) =>
  entries.map((entry, index) => ({ entry, open: [...open, index < entries.length - 1] })).reverse();
