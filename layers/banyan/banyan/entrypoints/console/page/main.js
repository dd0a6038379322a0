/** The console: signs in, and shows the screen that the URL names. */
import { session } from "./lib/session.js"; // first: it takes tokens and codes out of the URL
import { html, render, useEffect, useState } from "./lib/preact.js";
import { applyTheme } from "./lib/theme.js";
import { Shell } from "./parts/shell.js";
import SignIn from "./screens/sign-in.js";

function Console() {
  const [, changed] = useState(0);
  useEffect(() => session.onChange(() => changed((times) => times + 1)), []);
  return session.signedIn ? html`<${Shell} />` : html`<${SignIn} />`;
}

const root = document.getElementById("console");
applyTheme();
render(html`<main><p class="waiting" role="status">Signing in…</p></main>`, root);
await session.start();
render(html`<${Console} />`, root);
