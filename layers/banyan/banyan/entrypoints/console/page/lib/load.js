/** Data that a component shows: loaded, kept while it is loaded again, and refreshed while somebody can see it. */
import { useCallback, useEffect, useRef, useState } from "./preact.js";

const EMPTY = { data: undefined, problem: undefined, loading: true };

/**
 * What `load(signal)` resolves to. What is shown stays until the next answer is there, and beside a problem; other
 * `deps` begin with nothing.
 *
 * @param {(signal: AbortSignal) => Promise<any>} load
 * @param {any[]} deps when to begin again
 * @param {{every?: number}} options milliseconds between an answer and the next request; none while the tab is hidden
 */
export function useLoad(load, deps, { every } = {}) {
  const [state, setState] = useState(EMPTY);
  const current = useRef(load);
  current.current = load;
  const again = useRef(() => Promise.resolve());
  useEffect(() => {
    setState(EMPTY);
    const task = new Loading(() => current.current, setState, every);
    again.current = () => task.run();
    task.run();
    const shown = () => document.visibilityState === "visible" && every && task.run();
    document.addEventListener("visibilitychange", shown);
    return () => {
      document.removeEventListener("visibilitychange", shown);
      task.stop();
    };
  }, [...deps, every]);
  const reload = useCallback(() => again.current(), []);
  return { ...state, reload };
}

class Loading {
  constructor(load, setState, every) {
    Object.assign(this, { load, setState, every, controller: null, timer: null, stopped: false });
  }

  async run() {
    clearTimeout(this.timer);
    this.controller?.abort();
    const controller = (this.controller = new AbortController());
    this.setState((before) => ({ ...before, loading: true }));
    let found;
    try {
      const data = await this.load()(controller.signal);
      found = () => ({ data, problem: undefined, loading: false });
    } catch (problem) {
      found = (before) => ({ ...before, problem, loading: false });
    }
    if (controller.signal.aborted) return;
    this.setState(found);
    this.wait();
  }

  wait() {
    if (this.every) this.timer = setTimeout(() => document.visibilityState === "visible" && this.run(), this.every);
  }

  stop() {
    clearTimeout(this.timer);
    this.controller?.abort();
  }
}
