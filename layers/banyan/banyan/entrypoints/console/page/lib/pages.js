/** A list that the API answers page by page. */
import { useEffect, useRef, useState } from "./preact.js";
import { useLoad } from "./load.js";

/**
 * The first page, and as many older ones as were asked for. `mark` is anything that changes when the list does: then
 * it begins with its first page again.
 *
 * @param {(before: any, signal?: AbortSignal) => Promise<{rows: any[], next: any}>} page
 */
export function usePages(page, deps, mark) {
  const load = useLoad((signal) => page(null, signal), deps);
  const [older, setOlder] = useState([]);
  const [problem, setProblem] = useState();
  const [working, setWorking] = useState(false);
  const first = useRef();
  first.current = load.data;
  useEffect(() => {
    setOlder([]);
    setProblem(undefined);
  }, [load.data]);
  useEffect(() => {
    if (load.data) load.reload();
  }, [mark]);
  const pages = [load.data, ...older].filter(Boolean);
  const next = pages.at(-1)?.next ?? null;
  const more = async () => {
    setWorking(true);
    const behind = load.data;
    const found = await page(next).then((older) => ({ older }), (problem) => ({ problem }));
    setWorking(false);
    if (first.current !== behind) return;
    if (found.older) setOlder((all) => [...all, found.older]);
    setProblem(found.problem);
  };
  return { ...load, problem: load.problem ?? problem, rows: pages.flatMap((each) => each.rows), next, more, working };
}
