/** Asks for what events, states and rows hold: contents need a scope of their own, and a stack may keep them to itself. */
import { get, Problem, segment } from "./api.js";
import { session } from "./session.js";

const SCOPE = "banyan/events";
const NO_ROUTE = new Set(["not_found", "http_404"]);

/** Whether the token says that contents are not for whoever is signed in. */
export function forbidden() {
  const { scope, scp } = session.claims;
  const granted = [scope, scp].flat().filter((each) => typeof each === "string").flatMap((each) => each.split(" "));
  return granted.length > 0 && !granted.includes(SCOPE);
}

/** As `get`; a refusal says what is missing. */
export async function look(path, query, options) {
  if (forbidden()) throw refusal(403, "forbidden", `Contents need the scope ${SCOPE}, which this token does not have. Sign in with a token that has it.`);
  try {
    return await get(path, query, options);
  } catch (problem) {
    if (NO_ROUTE.has(problem.code)) throw refusal(404, "contents_off", "This stack shows no contents: it runs with ConsoleContents=off.");
    throw problem;
  }
}

/** The path of one of a stream's routes. */
export const ofStream = (stream, what) => `/admin/streams/${segment(stream)}/${what}`;

const refusal = (status, code, detail) => new Problem({ status, code, detail });
