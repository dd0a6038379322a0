/** What stands around every screen: navigation, who is signed in, notices and dialogs. */
import { focusTitle } from "../lib/focus.js";
import { html, useEffect, useErrorBoundary, useLayoutEffect, useState } from "../lib/preact.js";
import { href, useRoute } from "../lib/route.js";
import { session } from "../lib/session.js";
import { nextTheme, theme } from "../lib/theme.js";
import { SCREENS } from "../screens/all.js";
import { Dialogs } from "./dialog.js";
import { Notices } from "./notices.js";
import { ProblemBox } from "./problem.js";

export function Shell() {
  const { path, query } = useRoute();
  const named = SCREENS.find((each) => each.path === (path[0] ?? "overview"));
  const place = path.join("/");
  useLayoutEffect(focusTitle, [place]);
  useEffect(() => {
    document.title = `${named?.title ?? "Not found"} · Banyan`;
  }, [named]);
  return html`
    <a class="skip" href="#main" onClick=${skip}>Skip to the content</a>
    <header class="bar">
      <a class="brand" href=${href("overview")}><img src="console/icon.svg" alt="" width="22" height="22" />Banyan</a>
      <nav aria-label="Screens">
        ${SCREENS.map(
          (each) => html`<a href=${href(each.path)} aria-current=${each === named ? "page" : undefined}>${each.title}</a>`,
        )}
      </nav>
      <div class="who">
        <${ThemeSwitch} />
        <span class="name" title="Signed in as"><bdi>${session.who}</bdi></span>
        <button type="button" class="quiet" onClick=${() => session.signOut()}>Sign out</button>
      </div>
    </header>
    <main id="main"><${Guard} key=${place}>${named ? html`<${named.screen} path=${path.slice(1)} query=${query} />` : html`<${NotFound} />`}<//></main>
    <${Notices} />
    <${Dialogs} />
  `;
}

/** Stands in for a screen that fails at what it is to show, so that the rest of the page goes on. */
function Guard({ children }) {
  const [error, again] = useErrorBoundary((found) => console.error(found));
  if (!error) return children;
  return html`<h1 tabindex="-1">This cannot be shown</h1><p>The page failed at what it was to show here. Its other screens still work.</p><${ProblemBox} problem=${error} retry=${again} />`;
}

function ThemeSwitch() {
  const [chosen, setChosen] = useState(theme);
  return html`<button type="button" class="quiet" onClick=${() => setChosen(nextTheme())} aria-label=${`Theme: ${chosen}. Change it.`}>${{ system: "◐", light: "○", dark: "●" }[chosen]} Theme: ${chosen}</button>`;
}

function NotFound() {
  return html`<h1 tabindex="-1">Not found</h1><p>There is no such screen. <a href=${href("overview")}>Go to the overview</a>.</p>`;
}

function skip(event) {
  event.preventDefault();
  document.querySelector("main h1")?.focus();
}
