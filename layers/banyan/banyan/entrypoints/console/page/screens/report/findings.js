/** What differed in one section, place by place and field by field, and what was still on its way. */
import { brief, count, visible } from "../../lib/format.js";
import { useFocus } from "../../lib/focus.js";
import { html, useRef, useState } from "../../lib/preact.js";
import { href } from "../../lib/route.js";
import { Table } from "../../parts/table.js";
import { what } from "./words.js";

const AT_ONCE = 20;
const MOST_FIELDS = 50;
const MOST_TEXT = 200;

export function Findings({ section }) {
  const { findings, differences } = section;
  const [most, setMost] = useState(AT_ONCE);
  const title = useRef(null);
  useFocus(title, [most]);
  return html`
    <section class="findings" aria-labelledby=${`differences-${section.name}`}>
      <h2 id=${`differences-${section.name}`} ref=${title} tabindex="-1">Differences in ${section.name}</h2>
      ${findings.length < differences && html`<p class="small">The first ${count(findings.length)} of ${count(differences)}. Put these right, and run again.</p>`}
      ${findings.slice(0, most).map((finding) => html`<${Finding} key=${`${finding.where} ${finding.kind} ${finding.version}`} finding=${finding} columns=${section.name === "legacy" ? LEGACY : FIELDS} />`)}
      ${findings.length > most && html`<p><button type="button" onClick=${() => setMost(most + 100)}>Show all ${count(findings.length)}</button></p>`}
    </section>
  `;
}

function Finding({ finding, columns }) {
  return html`
    <article class="card">
      <h3><${Place} where=${finding.where} version=${finding.version} /></h3>
      <p>${visible(what(finding))}</p>
      ${finding.fields.length > 0 && html`<${Table} caption=${`Fields of ${brief(finding.where)}`} columns=${columns} rows=${finding.fields} rowKey=${(field) => field.name} />`}
      ${finding.fields.length >= MOST_FIELDS && html`<p class="small faint">The first ${MOST_FIELDS} fields that differ.</p>`}
      ${finding.repair && html`<p><strong>Repair:</strong> ${visible(finding.repair)}</p>`}
    </article>
  `;
}

const fields = (expected, actual) => [
  { title: "Field", cell: (field) => html`<bdi class="mono">${brief(field.name)}</bdi>` },
  { title: expected, wide: true, cell: (field) => html`<${Value} text=${field.expected} />` },
  { title: actual, wide: true, cell: (field) => html`<${Value} text=${field.actual} />` },
];

const FIELDS = fields("Expected: the fold", "Found: what is held");
const LEGACY = fields("Expected: the primary", "Found: the other side");

/** Canonical JSON, which the report cuts. */
const Value = ({ text }) =>
  text === null ? html`<span class="faint">nothing</span>` : html`<bdi class="mono">${visible(text)}</bdi>${text.length >= MOST_TEXT && html` <span class="faint">(cut)</span>`}`;

/** A stream, linked to what projections hold of it, or a row of a view by its keys. */
function Place({ where, version }) {
  if (!where.includes("#")) return html`<a class="mono" href=${href(["streams", where], { tab: version ? "" : "rows", version })}><bdi>${brief(where, 300)}</bdi></a>`;
  const [tenant, partition, sort] = where.split("#").map(decodeURIComponent);
  return html`<bdi class="mono">${brief(partition, 300)}</bdi>${sort && html` <bdi class="mono">${brief(sort, 300)}</bdi>`} <span class="faint">a row of tenant <bdi>${brief(tenant)}</bdi></span>`;
}

export function Moving({ section: { name, inFlight, moving } }) {
  return html`
    <section class="findings" aria-labelledby=${`moving-${name}`}>
      <h2 id=${`moving-${name}`}>In flight in ${name}</h2>
      <p>${count(inFlight)} ${inFlight === 1 ? "was" : "were"} moving and not judged: the next run looks again.${moving.length < inFlight && ` The first ${count(moving.length)}:`}</p>
      <ul>${moving.map((each) => html`<li key=${each}><${Place} where=${each} /></li>`)}</ul>
    </section>
  `;
}
