/** Signs in with a token that is pasted. */
import { html } from "../lib/preact.js";
import { session } from "../lib/session.js";

export default function SignIn() {
  const submit = (event) => {
    event.preventDefault();
    session.signIn(event.target.elements.token.value);
  };
  return html`
    <main class="sign-in">
      <h1><img src="console/icon.svg" alt="" width="28" height="28" /> Banyan</h1>
      <form onSubmit=${submit}>
        <label for="token">A token with the scope <code>banyan/admin</code></label>
        <textarea id="token" name="token" rows="4" required autocomplete="off" spellcheck="false"></textarea>
        <p class="small"><code>make token SCOPE="banyan/admin banyan/events"</code> prints one for the local stack.</p>
        <button type="submit" class="primary">Sign in</button>
      </form>
    </main>
  `;
}
