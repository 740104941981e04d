import { useState } from "preact/hooks";
import { why } from "../api/door";
import { quoted } from "../parts/sentences";
import { sentence } from "../parts/sentences";
import { elsewhere, signIn, signInAt, trouble, ways } from "./session";

/** Where a person signs in. */
export function SignIn() {
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState("");
  const [asked, setAsked] = useState(false);
  const { providers, password } = ways.value;
  const out = elsewhere.value;
  const at = async (provider: string) => {
    setBusy(true);
    setWrong("");
    try {
      await signInAt(provider);
    } catch (error) {
      setWrong(sentence(why(error)));
    }
    // Also when all is well: who comes back by the browser's own way finds this page as it was left.
    setBusy(false);
  };
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    setBusy(true);
    setWrong("");
    try {
      await signIn(String(form.get("username")), String(form.get("password")));
    } catch (error) {
      setWrong(sentence(why(error)));
      setBusy(false);
    }
  };
  return (
    <main class="sign-in">
      <div class="card">
        <h1>
          <Mark /> huntlake
        </h1>
        {out && (
          <p class="hint">
            You are signed out here, and still signed in at {out.title}. <a href={out.signOut}>Sign out there, too</a>
          </p>
        )}
        {trouble.value && (
          <p class="hint" role="status">
            {trouble.value}
          </p>
        )}
        {wrong && (
          <p class="wrong" role="alert">
            {quoted(wrong)}
          </p>
        )}
        {providers.map((p) => (
          <button key={p.name} class="main" type="button" disabled={busy} onClick={() => void at(p.name)}>
            Sign in with {p.title}
          </button>
        ))}
        {providers.length > 0 && password && <p class="or">or with a password</p>}
        {password || asked ? (
          <form onSubmit={submit}>
            <label for="username">User name</label>
            <input
              id="username"
              name="username"
              autocomplete="username"
              autocapitalize="none"
              spellcheck={false}
              required
              autofocus={asked || !providers.length}
            />
            <label for="password">Password</label>
            <input id="password" name="password" type="password" autocomplete="current-password" required />
            <button class={providers.length ? "" : "main"} type="submit" disabled={busy}>
              {busy ? "Signing in …" : "Sign in"}
            </button>
          </form>
        ) : (
          <button class="plain" type="button" onClick={() => setAsked(true)}>
            Sign in with a password, in an emergency
          </button>
        )}
        {password && (
          <p class="hint">
            No account yet? Whoever runs this server makes one: <code>huntlake user create anna --role contributor</code>
          </p>
        )}
      </div>
    </main>
  );
}

export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
      <circle cx="16" cy="9" r="5" fill="none" stroke="currentColor" stroke-width="2.6" />
      <path
        d="M3 20c3.200 0 3.200-2.400 6.500-2.400S12.800 20 16 20s3.200-2.400 6.500-2.400S25.800 20 29 20M3 27c3.200 0 3.200-2.400 6.500-2.400S12.800 27 16 27s3.200-2.400 6.500-2.400S25.800 27 29 27"
        fill="none"
        stroke="currentColor"
        stroke-width="2.600"
        stroke-linecap="round"
      />
    </svg>
  );
}
