/** The newest events of all streams, continued page by page. */
import { look } from "./contents.js";
import { useEffect, useRef, useState } from "./preact.js";

const MOST_EVENTS = 1000;
const MOST_WEIGHT = 50_000_000;
const FOLLOW_MS = 2000;
/** Unless it did not get on: of the newest two minutes the API gives some hundred commits, and others once they are older. */
const CATCH_UP_MS = 100;
const START = { events: [], atEnd: false, atStart: false, problem: undefined, loading: true, read: 0 };

/**
 * Events with a `number` that only they have, the newest first: at most 1,000 of them, and fewer where they are large.
 *
 * @param {{types?: string, tenant?: string, entity?: string, since?: string}} filters
 * @param {boolean} following whether to go on by itself, while the tab is visible
 * @returns {{events: object[], atEnd: boolean, atStart: boolean, problem: any, loading: boolean, read: number, more: () => void, older?: () => void}}
 * `read` is how many there were in all; `older` reads what was before, where there is room for it.
 */
export function useTail(filters, following) {
  const [state, setState] = useState(START);
  const tail = useRef(null);
  useEffect(() => {
    setState(START);
    tail.current = new Tail(filters, setState);
    tail.current.follow(following);
    if (!following) tail.current.read();
    return () => tail.current.stop();
  }, [JSON.stringify(filters)]);
  useEffect(() => tail.current.follow(following), [following]);
  useEffect(() => {
    const shown = () => tail.current.follow(following);
    document.addEventListener("visibilitychange", shown);
    return () => document.removeEventListener("visibilitychange", shown);
  }, [following]);
  const full = state.read > state.events.length || state.events.length >= MOST_EVENTS;
  return { ...state, more: () => tail.current.read(), older: filters.since || state.atStart || full ? undefined : () => tail.current.older() };
}

class Tail {
  constructor(filters, changed) {
    Object.assign(this, { filters, changed, state: START, next: undefined, past: undefined, lowest: 1, following: false, controller: null, place: undefined, owed: false, timer: 0, stopped: false });
  }

  follow(following) {
    this.following = following && document.visibilityState === "visible";
    clearTimeout(this.timer);
    if (this.following) this.read();
  }

  stop() {
    this.stopped = true;
    clearTimeout(this.timer);
    this.controller?.abort();
  }

  read() {
    return this.ask(this.next ? { after: this.next } : { since: this.filters.since }, ({ events, next, atEnd }) => {
      this.next = next;
      return { ...this.onTop(events), atEnd };
    });
  }

  /** Read what was recorded before what is shown, page by page; once newer ones that are under way are there. */
  older() {
    if (this.controller) return void (this.owed ||= this.place.order !== "descending");
    this.owed = false;
    const place = this.past ? { after: this.past } : { until: this.state.events.at(-1)?.timestamp };
    return this.ask({ ...place, order: "descending" }, ({ events, next, atEnd }) => {
      this.past = next;
      return { ...this.below(events), atStart: atEnd };
    });
  }

  async ask(place, patch) {
    if (this.controller || this.stopped) return;
    this.controller = new AbortController();
    this.place = place;
    this.put({ loading: true });
    try {
      const { tenant, entity, types } = this.filters;
      const answer = await look("/admin/events", { tenant, entity, types, ...place }, { signal: this.controller.signal });
      this.put({ ...patch(answer), problem: undefined, loading: false });
      this.wait(this.state.atEnd || answer.next === place.after ? FOLLOW_MS : CATCH_UP_MS);
    } catch (problem) {
      this.put({ problem, loading: false });
      if (problem.status === 0 || problem.status === 429 || problem.status >= 500) this.wait(FOLLOW_MS);
    } finally {
      this.controller = null;
      if (this.owed) this.older();
    }
  }

  wait(milliseconds) {
    clearTimeout(this.timer);
    if (this.following && !this.stopped) this.timer = setTimeout(() => this.read(), milliseconds);
  }

  onTop(found) {
    const { read, events } = this.state;
    const added = found.map((event, index) => ({ ...event, number: read + index + 1, weight: weigh(event) }));
    return found.length ? { events: newest([...added.reverse(), ...events]), read: read + found.length } : {};
  }

  below(found) {
    const { read, events } = this.state;
    const known = new Set(events.map(nameOf));
    const added = found.filter((each) => !known.has(nameOf(each))).map((event) => ({ ...event, number: (this.lowest -= 1), weight: weigh(event) }));
    return { events: newest([...events, ...added]), read: read + added.length };
  }

  put(patch) {
    this.state = { ...this.state, ...patch };
    if (!this.stopped) this.changed(this.state);
  }
}

/** What only one event is called, for a URL. */
export const nameOf = ({ stream, version }) => `${stream}@${version}`;

function newest(events) {
  let weight = 0;
  const kept = events.slice(0, MOST_EVENTS).findIndex((each, index) => (weight += each.weight) > MOST_WEIGHT && index > 0);
  return events.slice(0, kept < 0 ? MOST_EVENTS : kept);
}

/** About how many characters some JSON has. */
function weigh(value) {
  if (typeof value === "string") return value.length + 2;
  if (value === null || typeof value !== "object") return 8;
  return Object.entries(value).reduce((sum, [name, each]) => sum + name.length + 4 + weigh(each), 2);
}

/** Whether a text stands in what an event says, names of the fields of its payload included; `needle` in lower case. */
export function holds({ stream, version, eventId, eventType, timestamp, error, payload, metadata }, needle) {
  const said = [stream, version, eventId, eventType, timestamp, error, payload, ...Object.values(metadata)];
  return said.some((each) => each !== null && within(each, needle));
}

function within(value, needle) {
  if (value === null || typeof value !== "object") return String(value).toLowerCase().includes(needle);
  if (Array.isArray(value)) return value.some((each) => within(each, needle));
  return Object.entries(value).some(([name, each]) => name.toLowerCase().includes(needle) || within(each, needle));
}
