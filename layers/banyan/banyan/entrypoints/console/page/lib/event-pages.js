/** The events of one stream, of which only the pages around what is in view are fetched and kept. */
import { look, ofStream } from "./contents.js";

const SIZE = 50;
const MOST_ANSWERS = 40;
const SETTLED_MS = 80;
const SLOW_ROWS = 8;

/** Pages are of versions 1 to 50, 51 to 100 …; one of large events takes several answers, and counts for as many. */
export class EventPages {
  constructor(stream) {
    Object.assign(this, { stream, version: 0, problem: undefined, pages: new Map(), view: [], low: Infinity, chosen: 0, timer: 0, changed: () => {} });
  }

  /** Find out where the stream stands, and read its newest events. */
  async start() {
    if (this.version) return;
    await this.guard(async () => {
      const answer = await look(ofStream(this.stream, "events"), { order: "descending", limit: SIZE });
      this.version = answer.version;
      for (const event of answer.events) this.page(pageOf(event.version)).events.set(event.version, event);
      const newest = this.page(pageOf(this.version));
      newest.complete = answer.next === null || answer.next <= pageOf(this.version) * SIZE + 1;
      newest.answers = 1;
    });
  }

  /** An event; undefined while it is not there yet, null when the store has nothing under its version. */
  event(version) {
    const page = this.pages.get(pageOf(version));
    return page?.events.get(version) ?? (page?.complete ? null : undefined);
  }

  /** Fetch what is missing between two versions: at once while one scrolls slowly, and else when the view has settled. */
  show(one, other) {
    const low = Math.min(one, other);
    const slowly = Math.abs(low - this.low) <= SLOW_ROWS;
    const [first, last] = [pageOf(low), pageOf(Math.max(one, other))];
    this.low = low;
    this.view = Array.from({ length: last - first + 1 }, (_, index) => first + index);
    this.settle(slowly ? 0 : SETTLED_MS);
  }

  /** Fetch the page of one version besides, and keep it. */
  choose(version) {
    this.chosen = pageOf(version);
    this.settle(SETTLED_MS);
  }

  settle(milliseconds) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.fetch(), milliseconds);
  }

  get wanted() {
    return new Set([...this.view, this.chosen]);
  }

  stop() {
    clearTimeout(this.timer);
    for (const page of this.pages.values()) giveUp(page);
  }

  retry() {
    this.problem = undefined;
    return this.version ? this.fetch() : this.start();
  }

  async fetch() {
    const { wanted } = this;
    for (const [number, page] of this.pages) if (!wanted.has(number)) giveUp(page);
    await Promise.all([...wanted].map((number) => this.guard(() => this.fill(number))));
  }

  async fill(number) {
    const page = this.page(number);
    if (page.complete || page.loading) return;
    const loading = (page.loading = new AbortController());
    const last = (number + 1) * SIZE;
    try {
      for (let after = number * SIZE; after !== null && after < last; ) after = await this.more(page, after, last, loading.signal);
      page.complete = true;
    } finally {
      if (page.loading === loading) page.loading = null;
    }
    this.forget();
    this.changed();
  }

  async more(page, after, last, signal) {
    const { events, next } = await look(ofStream(this.stream, "events"), { after, limit: last - after }, { signal });
    for (const event of events) if (event.version <= last) page.events.set(event.version, event);
    page.answers += 1;
    this.problem = undefined;
    this.changed();
    return next;
  }

  page(number) {
    const page = this.pages.get(number) ?? { events: new Map(), complete: false, loading: null, answers: 0 };
    this.pages.delete(number);
    this.pages.set(number, page);
    return page;
  }

  /** Drop the pages that were not looked at for longest. */
  forget() {
    let answers = [...this.pages.values()].reduce((sum, each) => sum + each.answers, 0);
    for (const [number, page] of this.pages) {
      if (answers <= MOST_ANSWERS) return;
      if (this.wanted.has(number) || page.loading) continue;
      this.pages.delete(number);
      answers -= page.answers;
    }
  }

  async guard(work) {
    try {
      await work();
    } catch (problem) {
      if (problem.name !== "AbortError") this.problem = problem;
    }
    this.changed();
  }
}

function giveUp(page) {
  page.loading?.abort();
  page.loading = null;
}

const pageOf = (version) => Math.floor((version - 1) / SIZE);
