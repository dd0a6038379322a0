/** What of a trace is still to come: deadlines that it set, and that wait, are due or are parked. */
import { get } from "../../lib/api.js";
import { brief, count } from "../../lib/format.js";
import { useLoad } from "../../lib/load.js";
import { html } from "../../lib/preact.js";
import { href } from "../../lib/route.js";
import { Badge } from "../../parts/badge.js";
import { Time } from "../../parts/time.js";
import { Caused } from "./marks.js";

const SHOWN = 5;

/** `events` is how many there are by now: with more of them, other deadlines may wait. */
export function Pending({ id, tenant, events }) {
  const load = useLoad((signal) => get("/admin/deadlines", {}, { signal }), [id, tenant, events]);
  if (!load.data) return null;
  const own = ({ stream, correlationId }) => correlationId === id && stream.startsWith(`${tenant}:`);
  const states = { parked: load.data.parked, due: load.data.overdue, waiting: load.data.waiting };
  const found = Object.entries(states).flatMap(([state, deadlines]) => deadlines.filter(own).map((each) => ({ ...each, state })));
  if (found.length === 0) return null;
  return html`
    <section aria-label="Still to come">
      <ul class="marks">
        ${found.slice(0, SHOWN).map((each) => html`<li key=${`${each.stream} ${each.name}`}><${Deadline} ...${each} /></li>`)}
        ${found.length > SHOWN && html`<li><a href=${href("deadlines")}>and ${count(found.length - SHOWN)} more</a></li>`}
      </ul>
    </section>
  `;
}

const KINDS = { parked: "bad", due: "warn", waiting: "off" };

const Deadline = ({ state, stream, name, due, error }) => html`
  <${Badge} kind=${KINDS[state]}>${state}<//> <${Caused} actor=${`deadline:${name}`} /> of <a class="mono" href=${href(["streams", stream])}><bdi>${brief(stream)}</bdi></a>, due <${Time} at=${due} />${error && html`: ${brief(error, 300)}`}
`;
