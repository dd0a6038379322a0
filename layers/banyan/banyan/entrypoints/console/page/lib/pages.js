/** A list that the API answers page by page. */
import { useEffect, useRef, useState } from "./preact.js";
import { useLoad } from "./load.js";

const NOTHING = { behind: undefined, pages: [], problem: undefined };

/**
 * The first page, and as many older ones as were asked for: these stay, also when the list is loaded again. `mark` is
 * anything that changes when the list does.
 *
 * @param {(before: any, signal?: AbortSignal) => Promise<{rows: any[], next: any}>} page
 */
export function usePages(page, deps, mark) {
  const wanted = useRef(1);
  useEffect(() => void (wanted.current = 1), deps);
  const load = useLoad((signal) => firstPages(page, wanted, signal), deps);
  const [added, setAdded] = useState(NOTHING);
  const [working, setWorking] = useState();
  const shown = useRef();
  shown.current = load.data;
  useEffect(() => {
    if (load.data) load.reload();
  }, [mark]);
  const older = added.behind === load.data ? added : NOTHING;
  const pages = [...(load.data ?? []), ...older.pages];
  const next = pages.at(-1)?.next ?? null;
  const more = async () => {
    const behind = load.data;
    wanted.current = pages.length + 1;
    setWorking(behind);
    const found = await page(next).then((one) => ({ pages: [...older.pages, one] }), (problem) => ({ ...older, problem }));
    if (shown.current !== behind) return;
    setWorking(undefined);
    setAdded({ ...NOTHING, ...found, behind });
  };
  return { ...load, problem: load.problem ?? older.problem, rows: pages.flatMap((each) => each.rows), next, more, working: working !== undefined && working === load.data };
}

/** How many are wanted may grow while they are loaded. */
async function firstPages(page, wanted, signal) {
  const pages = [];
  do {
    pages.push(await page(pages.at(-1)?.next ?? null, signal));
  } while (pages.length < wanted.current && pages.at(-1).next !== null);
  return pages;
}
