/** Who is signed in, in this tab. Nothing of it outlives the tab, and nothing of it is in a URL for longer than a moment. */
import { SignInProblem, begin, begun, described, finish, renew, revoke } from "./provider.js";

const TOKEN = "banyan.token";
const GRANT = "banyan.grant";
const FIRST = "#/overview";
const RENEWED_BEFORE = 60;
const SKEW = 60_000;
const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];

const listeners = new Set();
let renewing = null;
let problem = null;

export const session = {
  /** Sign in with what came with the URL, if something did. */
  async start() {
    try {
      if (arrived.token) this.signIn(arrived.token);
      else if (arrived.answer) keep(await finish(arrived.answer, arrived.pending));
      else if (ended()) leave(ENDED);
    } catch (error) {
      if (!this.signedIn) changed(error);
    }
  },
  get signedIn() {
    return stored() !== null;
  },
  get claims() {
    return claims(stored()) ?? {};
  },
  get who() {
    return String(this.claims.sub ?? "");
  },
  get scopes() {
    const { scope, scp } = this.claims;
    return [scope, scp].flat().filter((each) => typeof each === "string").flatMap((each) => each.split(" "));
  },
  /** Why no one is signed in, if there is more to say than that: `{code, detail}`. */
  get problem() {
    return problem;
  },
  /** Whether this is a stack on this machine, which prints a link that signs in. */
  isLocal: LOOPBACK.includes(location.hostname),
  /** How one signs in here, as `sign-in.json` says it. */
  provider: described,
  /** Go to the provider, and come back to where the page is now. */
  signInThere: () => begin(location.hash),
  /** The token to send next; one whose time runs out is renewed first. Null when no one is signed in. */
  async token() {
    const { renewAt } = grant();
    if (renewAt && Date.now() >= renewAt) await renewed();
    return stored();
  },
  /** Whether there is another token than one that the API refused, which it may accept. */
  async hasAnother(token) {
    if (stored() === token) await renewed();
    return stored() !== null && stored() !== token;
  },
  /** Sign in with a token. Throws `SignInProblem` when it cannot be one, or is too old. */
  signIn(text) {
    const token = text.trim().replace(/^Bearer\s+/i, "");
    if (!claims(token)) throw new SignInProblem("not_a_token", "This is not a token: a token is three parts with dots between them.");
    if (expired(token)) throw new SignInProblem("expired", "This token has expired. Take a new one.");
    keep({ token });
  },
  signOut() {
    const { refresh } = grant();
    leave(null);
    if (refresh) revoke(refresh);
  },
  /** The API refused a token: whoever is still signed in with it no longer is. */
  expire(token) {
    if (token !== null && stored() === token) leave(ENDED);
  },
  /** Call back on every change; returns how to stop. */
  onChange(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};

const ENDED = new SignInProblem("ended", "The API does not accept your token any more: it has expired, or is meant for another API. Sign in again.");
let arrived = arrival();
addEventListener("hashchange", () => {
  arrived = arrival();
  session.start();
});

/** What came with the URL, which is cleaned at once: address bar and history show neither a token nor a code. */
function arrival() {
  const query = new URLSearchParams(location.search);
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  const answer = query.has("code") || query.has("error") ? Object.fromEntries(query) : null;
  const pending = answer && begun();
  if (token !== null || location.search) {
    history.replaceState(null, "", location.pathname + (token === null && !answer ? location.hash : place(pending)));
  }
  return { token: session.isLocal ? token : null, answer, pending };
}

/** Where the page was before it went to the provider: only a screen of this page. */
function place(pending) {
  return pending?.place.startsWith("#/") ? pending.place : FIRST;
}

function stored() {
  return sessionStorage.getItem(TOKEN);
}

/** How the token is renewed, and when; empty for one that was pasted. */
function grant() {
  return JSON.parse(sessionStorage.getItem(GRANT) ?? "{}");
}

function keep({ token, refresh, seconds }) {
  const lasting = Number.isFinite(seconds) ? seconds : (claims(token)?.exp ?? Infinity) - Date.now() / 1000;
  const renewAt = Date.now() + Math.max(lasting - RENEWED_BEFORE, lasting / 2) * 1000;
  sessionStorage.setItem(TOKEN, token);
  sessionStorage.setItem(GRANT, JSON.stringify(refresh ? { refresh, renewAt } : {}));
  changed(null);
}

function leave(why) {
  sessionStorage.removeItem(TOKEN);
  sessionStorage.removeItem(GRANT);
  changed(why);
}

function changed(why) {
  problem = why;
  for (const listener of listeners) listener();
}

/** Renew the token, once for all who ask at the same time; whether that worked. */
function renewed() {
  return (renewing ??= renewOnce().finally(() => (renewing = null)));
}

async function renewOnce() {
  const { refresh } = grant();
  if (!refresh) return false;
  try {
    const found = await renew(refresh);
    if (grant().refresh !== refresh) return false;
    keep(found);
    return true;
  } catch (error) {
    if (error.final && grant().refresh === refresh) sessionStorage.setItem(GRANT, "{}");
    return false;
  }
}

/** Whether the token of an earlier look at this page is of no use any more. */
function ended() {
  return stored() !== null && !grant().refresh && expired(stored());
}

function expired(token) {
  return (claims(token)?.exp ?? Infinity) * 1000 + SKEW < Date.now();
}

/** What a token says, which only the API verifies; null for what is none. */
function claims(token) {
  try {
    const part = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(part), (each) => each.charCodeAt(0))));
  } catch {
    return null;
  }
}
