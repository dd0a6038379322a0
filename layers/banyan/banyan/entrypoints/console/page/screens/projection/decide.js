/** What is decided about a generation: to read it, or to give it up. */
import { post } from "../../lib/api.js";
import { counted } from "../../lib/format.js";
import { html } from "../../lib/preact.js";
import { ask } from "../../parts/dialog.js";
import { at, isEqual, verdict } from "./words.js";

/** Ask, and let queries read another generation. @param {object} [progress] how its rebuild ended; none for one that was kept */
export function switchTo(name, { number, stage }, live, progress) {
  const differs = stage === "ready" && progress && !isEqual(progress);
  return ask({
    title: `Switch ${name} to generation ${number}`,
    text: html`
      <p>Queries of ${name} read generation ${number} from now on; a process notices within ControlCacheMs. Generation ${live} is kept up to date for the way back, until it is dropped.</p>
      ${progress && html`<p><strong>${verdict(progress)}</strong></p>`}
      ${differs && html`<p>Without the tick this is refused.</p>`}
    `,
    fields: differs ? [{ name: "accept", type: "checkbox", label: `Accept that ${objections(progress)}` }] : [],
    button: `Read generation ${number}`,
    danger: differs,
    work: ({ accept }) => post(at(name, "switch"), { generation: number, acceptDifferences: accept ?? false }),
    done: `Queries of ${name} read generation ${number}.`,
  });
}

function objections({ different, failed, first }) {
  const said = [different && !first && `${counted(different, "row")} ${different === 1 ? "differs" : "differ"}`, failed && `${counted(failed, "stream")} could not be applied`];
  return said.filter(Boolean).join(" and ");
}

/** Ask, and give up a generation that no query reads. */
export function cancel(name, number) {
  return ask({
    title: `Cancel the rebuild of ${name}`,
    text: html`<p>Gives generation ${number} up and deletes what it has, 65 seconds from now at the earliest. Queries keep reading the live generation. What was consumed for it is spent: another rebuild begins from nothing.</p>`,
    button: "Cancel the rebuild",
    danger: true,
    work: () => post(at(name, "cancel"), { generation: number }),
    done: `Generation ${number} of ${name} is being deleted.`,
  });
}
