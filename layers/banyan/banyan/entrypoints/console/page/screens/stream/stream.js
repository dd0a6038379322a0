/** One stream: its events, its state at any version, what projections hold of it, and whether it is undamaged. */
import { brief } from "../../lib/format.js";
import { html, useState } from "../../lib/preact.js";
import { href, setQuery } from "../../lib/route.js";
import { Screen } from "../../parts/screen.js";
import { Tabs } from "../../parts/tabs.js";
import { Events } from "./events.js";
import { Rows } from "./rows.js";
import { State } from "./state.js";
import { Verify } from "./verify.js";

const TABS = [
  { id: "events", title: "Events", panel: Events },
  { id: "state", title: "State", panel: State },
  { id: "rows", title: "Rows", panel: Rows },
  { id: "verify", title: "Verify", panel: Verify },
];

export default function Stream({ name, query }) {
  const [looks, look] = useState(0);
  const tab = TABS.find((each) => each.id === query.tab) ?? TABS[0];
  const again = tab.panel !== Verify && html`<button type="button" onClick=${() => look(looks + 1)}>Reload</button>`;
  return html`
    <${Screen} title=${html`<bdi>${brief(name, 512)}</bdi>`} trail=${[{ title: "Streams", href: href("streams") }]} actions=${again}>
      <${Tabs} label="What to see of the stream" tabs=${TABS} chosen=${tab.id} choose=${(id) => setQuery({ tab: id === "events" ? null : id })}>
        <${tab.panel} key=${`${tab.id} ${looks}`} name=${name} query=${query} />
      <//>
    <//>
  `;
}
