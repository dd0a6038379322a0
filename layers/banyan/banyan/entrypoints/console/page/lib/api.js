/** The operator's API, with the token of the session. */
import { session } from "./session.js";

/** An answer that is no success, as the API words it. */
export class Problem extends Error {
  /** @param {{status: number, code: string, detail: string, field?: string, correlationId?: string}} said */
  constructor({ status, code, detail, field, correlationId }) {
    super(detail);
    Object.assign(this, { name: "Problem", status, code, detail, field, correlationId });
  }
}

const LONG_NUMBER = /\d{16}/;
const IN_NO_PATH = /[/\\?\u0000-\u001f\u007f]|^\.{0,2}$/;
const base = location.pathname.replace(/\/console(\/.*)?$/, "");

/** Ask for JSON. Parameters that are null, undefined or empty are left out. Throws `Problem`. */
export function get(path, query = {}, { signal } = {}) {
  return ask("GET", path + search(query), undefined, signal);
}

/** Send JSON, and return the answer's. Throws `Problem`. */
export function post(path, body = {}) {
  return ask("POST", path, body);
}

/** An id as it stands in a path. Throws `Problem` for one that no path can carry, so that nothing has it. */
export function segment(id) {
  if (id.isWellFormed() && !IN_NO_PATH.test(id)) return encodeURIComponent(id).replaceAll("%3A", ":");
  throw new Problem({ status: 404, code: "no_such_id", detail: `There is nothing under ${JSON.stringify(id)}: an id is without '/', '\\' and '?', and neither '.' nor '..'.` });
}

function search(query) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return given.length ? `?${new URLSearchParams(given)}` : "";
}

async function ask(method, path, body, signal) {
  let token = await session.token();
  let answer = await answered(method, path, body, signal, token);
  if (answer.status === 401 && (await session.hasAnother(token))) {
    token = await session.token();
    answer = await answered(method, path, body, signal, token);
  }
  if (answer.status === 401) session.expire(token);
  const content = await json(answer);
  if (answer.ok) return content;
  throw problem(answer, content);
}

function answered(method, path, body, signal, token) {
  const request = {
    method,
    signal,
    cache: "no-store",
    headers: {
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  };
  return reached(fetch(base + path, request));
}

/** What comes over the network; `Problem` when it breaks off by itself. */
async function reached(coming) {
  try {
    return await coming;
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({ status: 0, code: "unreachable", detail: "The API does not answer. Is the stack running, and this machine online?" });
  }
}

/** Whole numbers that JavaScript's would round stay what they are. */
function exact(_, value, found) {
  return typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(found?.source) ? BigInt(found.source) : value;
}

async function json(answer) {
  const text = await reached(answer.text());
  try {
    return LONG_NUMBER.test(text) ? JSON.parse(text, exact) : JSON.parse(text);
  } catch {
    if (!answer.ok) return {};
    throw new Problem({ status: 0, code: "not_json", detail: "What answered is not the API. Is there something between this page and the stack, such as a proxy that wants you to sign in?" });
  }
}

/** What API Gateway means where it answers in a word, before the API is asked. */
function said(status) {
  if (status === 403) return "The token may not do that: it needs the scope banyan/admin. Sign in with a token that has it.";
  if (status === 429) return "The API is asked too often at the moment: its limit is ThrottleRate. Try again.";
  return undefined;
}

function problem(answer, content) {
  return new Problem({
    status: answer.status,
    code: content.code ?? `http_${answer.status}`,
    detail: content.detail ?? said(answer.status) ?? content.message ?? `The API answered ${answer.status}.`,
    field: content.field,
    correlationId: answer.headers.get("x-correlation-id") ?? undefined,
  });
}
