/** A stream's state at any version or moment, and what changed between two versions. */
import { look, ofStream } from "../../lib/contents.js";
import { differences } from "../../lib/diff.js";
import { brief, count } from "../../lib/format.js";
import { useLoad } from "../../lib/load.js";
import { html, useEffect, useMemo, useRef, useState } from "../../lib/preact.js";
import { href, read, setQuery } from "../../lib/route.js";
import { Differences } from "../../parts/differences.js";
import { Empty } from "../../parts/empty.js";
import { Json } from "../../parts/json.js";
import { ProblemBox } from "../../parts/problem.js";
import { Loaded } from "../../parts/screen.js";
import { SearchForm } from "../../parts/search-form.js";

const SETTLED_MS = 250;
const MOST_STATES = 20;
const BEFORE_ALL = { version: 0, state: {}, error: null };

export function State({ name, query }) {
  const states = useMemo(() => new States(name), [name]);
  const [version, compare] = [number(query.version) || undefined, number(query.compare)];
  const load = useLoad((signal) => states.pair(version, compare, signal), [name, version, compare]);
  const shown = useKept(load.data);
  return html`
    ${load.problem?.code === "version_not_found" && html`<div class="actions"><button type="button" onClick=${() => setQuery({ version: null, compare: null })}>Show the newest version</button></div>`}
    <${Loaded} load=${{ ...load, data: shown }}>${shown && html`<${Pair} name=${name} states=${states} asked=${version} against=${compare} loading=${load.loading} ...${shown} />`}<//>
  `;
}

function Pair({ name, states, asked, against, loading, chosen, other }) {
  const newest = chosen.streamVersion;
  const changed = useMemo(() => (chosen.error || other.error ? [] : differences(other.state, chosen.state)), [chosen, other]);
  return html`
    <${Controls} key=${name} states=${states} version=${asked ?? chosen.version} compare=${against ?? other.version} newest=${newest} />
    <div class="split" aria-busy=${String(loading)}>
      <section class="card" aria-labelledby="state-title">
        <header class="event-head">
          <h2 id="state-title">State at version ${count(chosen.version)}</h2>
          <a href=${href(["streams", name], { version: chosen.version })}>Its event</a>
        </header>
        <${Folded} answer=${chosen} changed=${new Set(changed.map((each) => each.path))} />
      </section>
      <section class="card" aria-labelledby="changes-title">
        <h2 id="changes-title">What changed since ${other.version ? `version ${count(other.version)}` : "before the first event"}</h2>
        ${chosen.error ? html`<p class="faint">Without a state there is nothing to compare.</p>` : other.error ? html`<${Folded} answer=${other} />` : html`<${Differences} found=${changed} before=${other.version ? `Version ${other.version}` : "Before"} after=${`Version ${chosen.version}`} label="What changed" />`}
      </section>
    </div>
  `;
}

function Folded({ answer, changed }) {
  if (answer.error) return html`<${Empty} title=${`No state at version ${answer.version}`}>${brief(answer.error, 1000)}<//>`;
  return html`<${Json} value=${answer.state} label="State" changed=${changed} />`;
}

function Controls({ states, version, compare, newest }) {
  const [drawn, draw] = useSettled(version, (settled) => setQuery({ version: settled }));
  const previous = compare === version - 1;
  const pick = (event) => draw(bounded(event.target.value, newest) ?? drawn);
  return html`
    <div class="toolbar">
      <div class="field slider">
        <label for="version-slider">Version ${count(drawn)} of ${count(newest)}</label>
        <input id="version-slider" type="range" min="1" max=${newest} value=${drawn} onInput=${pick} />
      </div>
      <div class="field">
        <label for="version-number">Version</label>
        <${NumberField} id="version-number" min="1" max=${newest} value=${drawn} entered=${pick} />
      </div>
      <div class="field">
        <label for="compare-number">Compared with</label>
        <${NumberField} id="compare-number" min="0" max=${newest} value=${compare} entered=${(event) => setQuery({ version, compare: bounded(event.target.value, newest, 0) ?? compare })} />
      </div>
      ${!previous && html`<button type="button" onClick=${() => setQuery({ compare: null })}>With the version before</button>`}
      <${AtMoment} states=${states} />
    </div>
  `;
}

/** Keeps what is typed until it is entered or left, also when it is drawn again meanwhile. */
function NumberField({ value, entered, ...rest }) {
  const [typed, setTyped] = useState(null);
  const enter = (event) => {
    setTyped(null);
    entered(event);
  };
  return html`<input type="number" value=${typed ?? value} onInput=${(event) => setTyped(event.target.value)} onChange=${enter} onBlur=${() => setTyped(null)} ...${rest} />`;
}

function AtMoment({ states }) {
  const [problem, setProblem] = useState();
  const find = async ({ at }) => {
    const { path } = read();
    try {
      const found = await states.at({ at: `${at}Z` });
      setProblem(undefined);
      setQuery({ version: found.version }, path);
    } catch (refused) {
      setProblem(refused);
    }
  };
  return html`
    <${SearchForm} label="Go to a moment" fields=${[{ name: "at", label: "At a moment (UTC)", type: "datetime-local", step: 1, required: true }]} values=${{}} button="Go" search=${find} />
    ${problem && html`<${ProblemBox} problem=${problem} />`}
  `;
}

/** Asks for states, and keeps the last ones: what a version was does not change. */
class States {
  constructor(stream) {
    Object.assign(this, { stream, kept: new Map() });
  }

  /** The state at a version, by default the newest, and at another, by default the one before. */
  async pair(version, compare, signal) {
    const chosen = await this.version(version, signal);
    return { chosen, other: await this.version(compare ?? chosen.version - 1, signal) };
  }

  async version(version, signal) {
    return version === 0 ? BEFORE_ALL : (this.kept.get(version) ?? (await this.at({ atVersion: version }, signal)));
  }

  async at(query, signal) {
    const answer = await look(ofStream(this.stream, "state"), query, { signal });
    this.kept.set(answer.version, answer);
    if (this.kept.size > MOST_STATES) this.kept.delete(this.kept.keys().next().value);
    return answer;
  }
}

/** A value that is drawn at once, and handed on when it has settled: what was handed on before takes nothing back. */
function useSettled(value, settled) {
  const [drawn, setDrawn] = useState(value);
  const timer = useRef(0);
  useEffect(() => {
    if (!timer.current) setDrawn(value);
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const draw = (next) => {
    setDrawn(next);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      timer.current = 0;
      settled(next);
    }, SETTLED_MS);
  };
  return [drawn, draw];
}

/** What there was last, while there is nothing newer. */
function useKept(data) {
  const kept = useRef(data);
  if (data !== undefined) kept.current = data;
  return kept.current;
}

/** A whole number of a URL's, or undefined. */
const number = (text) => (/^\d{1,15}$/.test(text ?? "") ? Number(text) : undefined);
const bounded = (text, newest, least = 1) => (number(text) === undefined ? undefined : Math.min(newest, Math.max(least, number(text))));
