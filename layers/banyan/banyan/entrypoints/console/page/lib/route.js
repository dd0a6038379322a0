/** Where the page is: a path and a query in the URL's fragment, so that a reload, a link and the back button work. */
import { useEffect, useState } from "./preact.js";

/** Browsers refuse more than some 100 changes of the address within 30 s, which a key that is held down makes in 4. */
const PAUSE_MS = 400;
const AT_ONCE = 20;
/** When as many changes as there were would have been made, had each waited for the pause after the one before. */
let due = 0;
let timer = 0;
/** Where the page is already, and the address of which that is a change; it follows after a pause. */
let ahead = null;

/** The URL of a place: `href(["streams", name], {version: 3})`. Values that are null, undefined or empty are left out. */
export function href(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const search = given.length ? `?${new URLSearchParams(given)}` : "";
  return `#/${[path].flat().map(encodeURIComponent).join("/")}${search}`;
}

/** Go to a place, with an entry in the browser's history; nothing where the page has left the path `from`. */
export function go(path, query, from) {
  if (!hasLeft(from)) location.hash = href(path, query);
}

/** Change parts of the query, without an entry in the browser's history; nothing where the page has left the path `from`. */
export function setQuery(patch, from) {
  if (hasLeft(from)) return;
  const { path, query } = read();
  ahead = { of: location.hash, place: href(path, { ...query, ...patch }) };
  const pause = due - AT_ONCE * PAUSE_MS - performance.now();
  if (pause <= 0) write();
  else timer ||= setTimeout(write, pause);
  dispatchEvent(new HashChangeEvent("hashchange"));
}

function hasLeft(from) {
  return Boolean(from) && from.join("/") !== read().path.join("/");
}

function write() {
  clearTimeout(timer);
  if (ahead?.of === location.hash) history.replaceState(null, "", ahead.place);
  [ahead, due, timer] = [null, Math.max(due, performance.now()) + PAUSE_MS, 0];
}

/** A link may lead to the address that still stands there. */
addEventListener("click", () => ahead && write(), true);

/** The place as it is now: `{path: ["streams", "acme:order:o-1"], query: {version: "3"}}`. */
export function read() {
  const hash = ahead?.of === location.hash ? ahead.place : location.hash;
  const [path, search] = hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  return {
    path: path.split("/").filter(Boolean).map(decoded),
    query: Object.fromEntries(new URLSearchParams(search ?? "")),
  };
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The place, in a component that follows it. */
export function useRoute() {
  const [route, setRoute] = useState(read);
  useEffect(() => {
    const follow = () => setRoute(read());
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  return route;
}
