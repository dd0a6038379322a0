/** Signing in at an OpenID provider: an authorization code with PKCE, for a client that has no secret. */

const PENDING = "banyan.sign-in";
const DESCRIPTION = "console/sign-in.json";
const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/;
let known = null;

/** Why signing in failed. `final`: the same grant will not work again. */
export class SignInProblem extends Error {
  constructor(code, detail, { final = false } = {}) {
    super(detail);
    Object.assign(this, { name: "SignInProblem", code, detail, final });
  }
}

/** What the console's function says of the provider: empty where tokens are pasted, with a `problem` where they have to be. */
export function described() {
  return (known ??= read());
}

async function read() {
  let found;
  try {
    const answer = await fetch(DESCRIPTION, { cache: "no-store", credentials: "omit" });
    if (answer.ok) found = await answer.json();
  } catch {
    // It is asked again the next time.
  }
  if (!found || found.problem) known = null;
  if (found) return found;
  throw new SignInProblem("unreachable", "The console's server does not say how to sign in. Reload the page.");
}

/** Go to the provider; who signs in there comes back to `place`, a fragment of this page. */
export async function begin(place) {
  if (!isSecureContext) throw new SignInProblem("insecure", "Signing in needs https.");
  const { authorizationEndpoint, clientId, scopes } = await described();
  const pending = { state: random(16), verifier: random(32), place, redirect: location.origin + location.pathname };
  const url = new URL(authorizationEndpoint);
  const asked = {
    response_type: "code",
    client_id: clientId,
    redirect_uri: pending.redirect,
    scope: scopes.join(" "),
    state: pending.state,
    code_challenge: await challenge(pending.verifier),
    code_challenge_method: "S256",
  };
  for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value);
  sessionStorage.setItem(PENDING, JSON.stringify(pending));
  location.assign(url);
}

/** What this tab began, once: its verifier is of no use a second time. */
export function begun() {
  const pending = sessionStorage.getItem(PENDING);
  sessionStorage.removeItem(PENDING);
  return pending && JSON.parse(pending);
}

/** The grant that a provider's answer stands for, if this tab asked for it. Throws `SignInProblem`. */
export async function finish(answer, pending) {
  if (!pending || pending.state !== answer.state) {
    throw new SignInProblem("not_begun_here", "An answer came for a sign-in that this tab did not begin, and was not used.");
  }
  if (answer.error) throw refusal(answer);
  const { issuer } = await described();
  if (answer.iss !== undefined && answer.iss !== issuer) {
    throw new SignInProblem("other_issuer", "The answer came from another issuer than the one that was asked.");
  }
  return ask({ grant_type: "authorization_code", code: answer.code, redirect_uri: pending.redirect, code_verifier: pending.verifier });
}

/** Another grant for one whose time is running out. Throws `SignInProblem`. */
export async function renew(refresh) {
  return { refresh, ...(await ask({ grant_type: "refresh_token", refresh_token: refresh })) };
}

/** Let the provider forget a grant, where it offers that, without waiting for it. */
export async function revoke(refresh) {
  const { revocationEndpoint } = await described().catch(() => ({}));
  if (revocationEndpoint) await sent(revocationEndpoint, { token: refresh }).catch(() => {});
}

async function ask(fields) {
  const { tokenEndpoint } = await described();
  if (!tokenEndpoint) throw new SignInProblem("unavailable", "The provider cannot be asked at the moment. Try again in half a minute.");
  const { ok, content } = await sent(tokenEndpoint, fields);
  if (!ok) throw refusal(content);
  const { access_token: token, refresh_token: refresh, expires_in: seconds } = content;
  if (typeof token !== "string" || !JWT.test(token)) {
    throw new SignInProblem("no_jwt", "The provider's token is not a JWT, so the API could not check it. Is the API known to the provider?");
  }
  return { token, seconds, ...(refresh ? { refresh } : {}) };
}

async function sent(url, fields) {
  const { clientId } = await described();
  try {
    const answer = await fetch(url, {
      method: "POST",
      body: new URLSearchParams({ ...fields, client_id: clientId }),
      cache: "no-store",
      credentials: "omit",
      keepalive: true,
      redirect: "error",
    });
    return { ok: answer.ok, content: await answer.json().catch(() => ({})) };
  } catch {
    const { host } = new URL(url);
    throw new SignInProblem("unreachable", `${host} does not answer: is it there, and does it let ${location.origin} ask (CORS)?`);
  }
}

function refusal({ error, error_description: said }) {
  const code = String(error ?? "refused");
  const why = said ? `${code}: ${said}` : code;
  return new SignInProblem(code, `The provider refused (${why}).`, { final: true });
}

function random(bytes) {
  return text(crypto.getRandomValues(new Uint8Array(bytes)));
}

async function challenge(verifier) {
  return text(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))));
}

/** Bytes as base64url. */
function text(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
