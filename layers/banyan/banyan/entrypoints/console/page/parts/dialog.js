/** Questions before something is changed: what will happen, and what has to be said for it. */
import { focusTitle } from "../lib/focus.js";
import { html, useEffect, useRef, useState } from "../lib/preact.js";
import { useRoute } from "../lib/route.js";
import { notify } from "./notices.js";
import { ProblemBox } from "./problem.js";

let open = () => Promise.resolve(null);

/**
 * Ask, and return what was filled in, by name; null when it was cancelled or the screen was left.
 *
 * With `work`, the dialog stays open until that is done with the values, also when the screen is left meanwhile, and
 * shows why it was refused; what `work` resolves to is returned.
 *
 * @param {{title: string, text: any, button: string, danger?: boolean, work?: (values: object) => Promise<any>, done?: string,
 *   fields?: {name: string, label: string, help?: string, type?: "text" | "number" | "checkbox" | "select", value?: any, required?: boolean, options?: {value: string, label: string}[], max?: number, min?: number}[]}} question
 * `text` says what will happen; `done` is notified once it has.
 */
export const ask = (question) => open(question);

export function Dialogs() {
  const [asked, setAsked] = useState(null);
  useEffect(() => {
    open = (question) => new Promise((resolve) => setAsked({ question, resolve }));
    return () => {
      open = () => Promise.resolve(null);
    };
  }, []);
  const close = (value) => {
    asked.resolve(value);
    setAsked(null);
  };
  return asked && html`<${Dialog} key=${asked.question} ...${asked} close=${close} />`;
}

function Dialog({ question, close }) {
  const element = useRef(null);
  const [state, setState] = useState({});
  const opener = useRef(document.activeElement);
  const place = useRoute().path.join("/");
  const asked = useRef(place);
  useEffect(() => {
    element.current.showModal();
    return () => (opener.current?.isConnected ? opener.current.focus() : focusTitle());
  }, []);
  useEffect(() => {
    if (place !== asked.current && !state.working) close(null);
  }, [place]);
  const submit = async (event) => {
    event.preventDefault();
    const values = read(question.fields ?? [], event.target);
    if (!question.work) return close(values);
    setState({ working: true });
    try {
      const result = await question.work(values);
      if (question.done) notify(question.done);
      close(result ?? values);
    } catch (problem) {
      setState({ problem });
    }
  };
  const cancel = (event) => {
    event.preventDefault();
    if (!state.working) close(null);
  };
  /** A second Escape closes it whatever `cancel` says, and what its work comes to would be seen by no one. */
  const reopen = () => element.current?.showModal();
  return html`
    <dialog ref=${element} class="dialog" aria-labelledby="dialog-title" onCancel=${cancel} onClose=${reopen}>
      <form onSubmit=${submit}>
        <h2 id="dialog-title">${question.title}</h2>
        <div class="says">${question.text}</div>
        ${(question.fields ?? []).map((each) => html`<${Field} key=${each.name} ...${each} />`)}
        ${state.problem && html`<${ProblemBox} problem=${state.problem} />`}
        <div class="actions">
          <button type="button" onClick=${cancel} disabled=${state.working}>Cancel</button>
          <button type="submit" class=${question.danger ? "danger" : "primary"} disabled=${state.working}>${state.working ? "Working…" : question.button}</button>
        </div>
      </form>
    </dialog>
  `;
}

/** One field of a form, with its label. */
export function Field({ name, label, help, type = "text", value, required, options, max, min }) {
  const shared = { id: `field-${name}`, name, required, "aria-describedby": help ? `help-${name}` : undefined };
  const control =
    type === "select"
      ? html`<select ...${shared}>${options.map((each) => html`<option value=${each.value} selected=${each.value === value}>${each.label}</option>`)}</select>`
      : type === "checkbox"
        ? html`<input ...${shared} type="checkbox" defaultChecked=${value} />`
        : html`<input ...${shared} type=${type} defaultValue=${value} maxlength=${type === "text" ? max : undefined} max=${type === "number" ? max : undefined} min=${min} autocomplete="off" />`;
  return html`
    <div class=${`field ${type}`}>
      <label for=${shared.id}>${label}</label>
      ${control}
      ${help && html`<p class="small" id=${`help-${name}`}>${help}</p>`}
    </div>
  `;
}

function read(fields, form) {
  return Object.fromEntries(fields.map(({ name, type }) => [name, valueOf(form.elements[name], type)]));
}

function valueOf(control, type) {
  if (type === "checkbox") return control.checked;
  const text = control.value.trim();
  if (type === "number") return text === "" ? null : Number(text);
  return text === "" ? null : text;
}
