/** Where the page is: a path and a query in the URL's fragment, so that a reload, a link and the back button work. */
import { useEffect, useState } from "./preact.js";

/** The URL of a place: `href(["streams", name], {version: 3})`. Values that are null, undefined or empty are left out. */
export function href(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const search = given.length ? `?${new URLSearchParams(given)}` : "";
  return `#/${[path].flat().map(encodeURIComponent).join("/")}${search}`;
}

/** Go to a place, with an entry in the browser's history. */
export function go(path, query) {
  location.hash = href(path, query);
}

/** Change parts of the query, without an entry in the browser's history; nothing where the page has left the path `from`. */
export function setQuery(patch, from) {
  const { path, query } = read();
  if (from && from.join("/") !== path.join("/")) return;
  history.replaceState(null, "", href(path, { ...query, ...patch }));
  dispatchEvent(new HashChangeEvent("hashchange"));
}

/** The place as it is now: `{path: ["streams", "acme:order:o-1"], query: {version: "3"}}`. */
export function read() {
  const [path, search] = location.hash.replace(/^#\/?/, "").split(/\?(.*)/s);
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
