/** A form whose values are the URL's: it shows what is asked for, and says what is to be asked. */
import { html, useLayoutEffect, useRef } from "../lib/preact.js";

/**
 * @param {{label: string, fields: {name: string, label: string, wide?: boolean}[], values: object, button: string, primary?: boolean, search: (values: object) => void, children?: any}} given
 * A field may have whatever else an input takes; `search` is called with the text of each.
 */
export function SearchForm({ label, fields, values, button, primary, search, children }) {
  const form = useRef(null);
  useLayoutEffect(() => form.current.reset(), [JSON.stringify(values)]);
  const submit = (event) => {
    event.preventDefault();
    search(Object.fromEntries([...new FormData(event.target)].map(([name, value]) => [name, value.trim()])));
  };
  return html`
    <form ref=${form} class="form" role="search" aria-label=${label} onSubmit=${submit}>
      ${fields.map((each) => html`<${SearchField} key=${each.name} value=${values[each.name]} ...${each} />`)}
      <button type="submit" class=${primary && "primary"}>${button}</button>
      ${children}
    </form>
  `;
}

function SearchField({ name, label, value = "", wide, ...rest }) {
  return html`
    <div class=${wide ? "field wide" : "field"}>
      <label for=${`search-${name}`}>${label}</label>
      <input id=${`search-${name}`} name=${name} defaultValue=${value} autocomplete="off" spellcheck=${false} ...${rest} />
    </div>
  `;
}
