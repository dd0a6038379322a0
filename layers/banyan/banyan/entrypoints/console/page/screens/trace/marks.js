/** Signs for what a trace is made of: who acted, what takes something back, and which entity an event belongs to. */
import { visible } from "../../lib/format.js";
import { html } from "../../lib/preact.js";

const SIGNS = { policy: "⚙", deadline: "◔", compensation: "↩" };

/** `{kind: "policy" | "deadline" | "request", name}` of an actor. */
export function causeOf(actor) {
  const [kind, name] = actor.split(/:(.*)/s);
  return kind === "policy" || kind === "deadline" ? { kind, name: name ?? "" } : { kind: "request", name: actor };
}

/** How an event came about: `request`, `policy`, `deadline`, or `compensation` whoever acted. */
export const kindOf = (entry) => (entry.compensation ? "compensation" : causeOf(entry.actor).kind);

/** Who acted: a person or program by name, a policy or a deadline with its sign. */
export function Caused({ actor }) {
  const { kind, name } = causeOf(actor);
  if (kind === "request") return html`<bdi>${visible(name)}</bdi>`;
  return html`<span class=${`badge ${kind === "policy" ? "info" : "off"}`}><span aria-hidden="true">${SIGNS[kind]}</span> <span class="word">${kind}</span> <bdi>${visible(name)}</bdi></span>`;
}

/** Takes back what an earlier event did. */
export const Compensation = () => html`<span class="badge warn"><span aria-hidden="true">${SIGNS.compensation}</span> <span class="word">compensation</span></span>`;

const SHAPES = [
  "M-5,0 a5,5 0 1,0 10,0 a5,5 0 1,0 -10,0",
  "M-5,-5 h10 v10 h-10 z",
  "M0,-6 L6,5 L-6,5 z",
  "M0,-6.5 L6.5,0 L0,6.5 L-6.5,0 z",
  "M-2,-6 h4 v4 h4 v4 h-4 v4 h-4 v-4 h-4 v-4 h4 z",
  "M0,6 L6,-5 L-6,-5 z",
];

/** The sign of the nth entity of a trace, within an SVG; shapes repeat after the sixth. */
export const Shape = ({ number }) => html`<path class=${`shape s${(number % SHAPES.length) + 1}`} d=${SHAPES[number % SHAPES.length]} />`;

/** The same, for a line of text. */
export const Sign = ({ number }) => html`<svg class="sign" viewBox="-8 -8 16 16" width="16" height="16" aria-hidden="true"><${Shape} number=${number} /></svg>`;
