/** A list that the API answers page by page. */
import { useEffect, useState } from "./preact.js";
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
  useEffect(() => setOlder([]), [load.data]);
  useEffect(() => {
    if (load.data) load.reload();
  }, [mark]);
  const pages = [load.data, ...older].filter(Boolean);
  const next = pages.at(-1)?.next ?? null;
  const more = async () => {
    setWorking(true);
    try {
      const found = await page(next);
      setOlder((all) => [...all, found]);
      setProblem(undefined);
    } catch (error) {
      setProblem(error);
    }
    setWorking(false);
  };
  return { ...load, problem: load.problem ?? problem, rows: pages.flatMap((each) => each.rows), next, more, working };
}
