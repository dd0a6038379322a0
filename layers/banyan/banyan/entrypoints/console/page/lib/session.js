/** Who is signed in, in this tab. */

const KEY = "banyan.token";
const listeners = new Set();

export const session = {
  /** Take the token out of the URL's fragment, if one is there. */
  start() {
    const given = new URLSearchParams(location.hash.slice(1)).get("token");
    if (!given) return;
    history.replaceState(null, "", `${location.pathname}#/overview`);
    this.signIn(given);
  },
  token: () => sessionStorage.getItem(KEY),
  get signedIn() {
    return this.token() !== null;
  },
  get claims() {
    return claims(this.token());
  },
  get who() {
    return this.claims.sub ?? "";
  },
  signIn(token) {
    sessionStorage.setItem(KEY, token.trim());
    changed();
  },
  signOut() {
    sessionStorage.removeItem(KEY);
    changed();
  },
  /** The API does not accept the token any more. */
  expire() {
    this.signOut();
  },
  /** Call back on every change; returns how to stop. */
  onChange(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};

function changed() {
  for (const listener of listeners) listener();
}

function claims(token) {
  try {
    const part = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(part), (each) => each.charCodeAt(0))));
  } catch {
    return {};
  }
}
