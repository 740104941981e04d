import { useState } from "preact/hooks";
import { signIn, trouble } from "./session";

/** Where a person signs in. */
export function SignIn() {
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState("");
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    setBusy(true);
    setWrong("");
    try {
      await signIn(String(form.get("username")), String(form.get("password")));
    } catch (error) {
      setWrong(error instanceof Error ? sentence(error.message) : String(error));
      setBusy(false);
    }
  };
  return (
    <main class="sign-in">
      <form onSubmit={submit}>
        <h1>
          <Mark /> huntlake
        </h1>
        {trouble.value && <p class="hint">{trouble.value}</p>}
        {wrong && (
          <p class="wrong" role="alert">
            {wrong}
          </p>
        )}
        <label for="username">User name</label>
        <input id="username" name="username" autocomplete="username" autocapitalize="none" spellcheck={false} required autofocus />
        <label for="password">Password</label>
        <input id="password" name="password" type="password" autocomplete="current-password" required />
        <button class="main" type="submit" disabled={busy}>
          {busy ? "Signing in …" : "Sign in"}
        </button>
        <p class="hint">
          No account yet? Whoever runs this server makes one: <code>huntlake user add anna --role contributor</code>
        </p>
      </form>
    </main>
  );
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
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
