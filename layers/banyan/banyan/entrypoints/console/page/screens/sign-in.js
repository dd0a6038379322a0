/** Signs in: at the provider where there is one, or with a token that is pasted. */
import { focusTitle } from "../lib/focus.js";
import { html, useEffect, useState } from "../lib/preact.js";
import { useLoad } from "../lib/load.js";
import { session } from "../lib/session.js";
import { ProblemBox } from "../parts/problem.js";

export default function SignIn() {
  const { data: provider, problem: unknown, reload } = useLoad(session.provider, []);
  useEffect(() => {
    document.title = "Sign in · Banyan";
    focusTitle();
  }, []);
  return html`
    <main id="main" class="sign-in">
      <h1 tabindex="-1"><img src="console/icon.svg" alt="" width="28" height="28" /> Banyan</h1>
      ${session.problem && html`<${ProblemBox} problem=${session.problem} />`}
      ${unknown && html`<${ProblemBox} problem=${unknown} retry=${reload} />`}
      ${provider?.problem && html`<${ProblemBox} problem=${unavailable(provider)} retry=${reload} />`}
      ${provider?.tokenEndpoint ? html`<${AtProvider} host=${new URL(provider.authorizationEndpoint).host} />` : (provider || unknown) && html`<${ByToken} />`}
    </main>
  `;
}

function unavailable({ problem: { code, detail } }) {
  return { code, detail: `Signing in at the provider is not possible: ${detail}. Paste a token instead.` };
}

function AtProvider({ host }) {
  const [problem, setProblem] = useState(null);
  const go = () => session.signInThere().catch(setProblem);
  return html`
    <div class="card">
      <button type="button" class="primary" onClick=${go}><span>Sign in at <bdi>${host}</bdi></span></button>
      ${problem && html`<${ProblemBox} problem=${problem} />`}
    </div>
    <details>
      <summary>Paste a token instead</summary>
      <${ByToken} />
    </details>
  `;
}

function ByToken() {
  const [problem, setProblem] = useState(null);
  const submit = (event) => {
    event.preventDefault();
    try {
      session.signIn(event.target.elements.token.value);
    } catch (refusal) {
      setProblem(refusal);
    }
  };
  const onEnter = (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    event.target.form.requestSubmit();
  };
  return html`
    <form onSubmit=${submit}>
      <label for="token">A token with the scope <code>banyan/admin</code></label>
      <textarea id="token" name="token" rows="4" onKeyDown=${onEnter} required autocomplete="off" autocapitalize="off" spellcheck="false" aria-describedby="token-help"></textarea>
      <p id="token-help" class="small">
        It stays in this tab and is gone when the tab is closed. With the scope <code>banyan/events</code> as well you see what events hold.
        ${session.isLocal && html`<br />On this machine <code>make run</code> prints a link that signs in, and this prints a token: <code>./banyan token --scope banyan/admin --scope banyan/events</code>`}
      </p>
      ${problem && html`<${ProblemBox} problem=${problem} />`}
      <button type="submit" class="primary">Sign in</button>
    </form>
  `;
}
