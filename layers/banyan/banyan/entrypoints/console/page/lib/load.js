/** Data that a component shows: loaded, kept while it is loaded again, and refreshed while it can be seen. */
import { focusTitle } from "./focus.js";
import { useCallback, useEffect, useRef, useState } from "./preact.js";

const EMPTY = { data: undefined, problem: undefined, loading: true };

/**
 * What `load(signal)` resolves to. What is shown stays until the next answer is there, and beside a problem; other
 * `deps` begin with nothing.
 *
 * @param {(signal: AbortSignal) => Promise<any>} load
 * @param {any[]} deps when to begin again
 * @param {{every?: number | ((data: any) => number)}} options milliseconds between an answer and the next request, which
 * may change, also with what was answered; none while the tab is hidden
 */
export function useLoad(load, deps, { every } = {}) {
  const [state, setState] = useState(EMPTY);
  const current = useRef(load);
  current.current = load;
  const pace = useRef(every);
  pace.current = every;
  const running = useRef(null);
  useEffect(() => {
    setState(EMPTY);
    const task = (running.current = new Loading(() => current.current, setState, (data) => (typeof pace.current === "function" ? pace.current(data) : pace.current)));
    task.run();
    const shown = () => document.visibilityState === "visible" && task.every() && task.run();
    document.addEventListener("visibilitychange", shown);
    return () => {
      document.removeEventListener("visibilitychange", shown);
      task.stop();
    };
  }, deps);
  useEffect(() => running.current.wait(), [every]);
  const reload = useCallback(() => running.current.run().then(keepFocus), []);
  return { ...state, reload };
}

/** Whoever works with the keyboard continues at the title, where what they used is gone after what they did. */
function keepFocus() {
  requestAnimationFrame(() => {
    if (document.activeElement === document.body) focusTitle();
  });
}

class Loading {
  constructor(load, setState, pace) {
    Object.assign(this, { load, setState, pace, controller: null, timer: null, busy: false, stopped: false, data: undefined });
  }

  async run() {
    if (this.stopped) return;
    clearTimeout(this.timer);
    this.controller?.abort();
    const controller = (this.controller = new AbortController());
    this.busy = true;
    this.setState((before) => ({ ...before, loading: true }));
    let found;
    try {
      const data = (this.data = await this.load()(controller.signal));
      found = () => ({ data, problem: undefined, loading: false });
    } catch (problem) {
      found = (before) => ({ ...before, problem, loading: false });
    }
    if (controller.signal.aborted) return;
    this.busy = false;
    this.setState(found);
    this.wait();
  }

  every() {
    return this.pace(this.data);
  }

  /** Ask again after the pause, if there is one; what is under way does so itself. */
  wait() {
    clearTimeout(this.timer);
    const every = this.every();
    if (every && !this.busy) this.timer = setTimeout(() => document.visibilityState === "visible" && this.run(), every);
  }

  /** For good, also for whoever reloads after the component is gone: what it would ask for is shown nowhere. */
  stop() {
    this.stopped = true;
    clearTimeout(this.timer);
    this.controller?.abort();
  }
}
