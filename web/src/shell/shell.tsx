// What is around every page: the bar, the palette, and the page itself.

import { useEffect, useRef } from "preact/hooks";
import { useInView } from "../parts/in_view";
import { Palette, openPalette } from "./palette";
import { PLACES } from "./places";
import { Link, go, place } from "./router";
import { asked, choose, session, signOut, workspace } from "./session";
import { Mark, SignIn } from "./signin";
import { dark, setTheme, theme } from "./theme";
import { titled } from "./title";
import { Toasts } from "./toasts";

export function Shell() {
  const who = session.value;
  if (who === undefined) return <p class="beginning">Looking who is signed in …</p>;
  if (who === null) return <SignIn />;
  if (!workspace.value && asked.value !== null) return <Elsewhere name={asked.value} />;
  if (!workspace.value) {
    return (
      <main class="empty">
        <h2>No workspace is open to you</h2>
        <p>
          Whoever runs this server gives you a role in one: <code>huntlake user grant {who.name} --role reader</code>
        </p>
        <button type="button" onClick={() => void signOut()}>
          Sign out
        </button>
      </main>
    );
  }
  return (
    <div class="shell">
      <Bar />
      <main class="content" id="content" tabIndex={-1}>
        <Page />
      </main>
      <Palette />
      <Toasts />
    </div>
  );
}

/** An address is of a workspace that the person has no role in, or that there isn't. */
function Elsewhere({ name }: { name: string }) {
  const mine = session.value?.workspaces ?? [];
  return (
    <main class="empty">
      <h2>The workspace {name} isn't open to you</h2>
      <p>This address is of it. {mine.length ? "Those that are open to you:" : "Whoever runs this server can give you a role in it."}</p>
      {mine.map((w) => (
        <button key={w.id} type="button" onClick={() => choose(w.name)}>
          Work in {w.name}
        </button>
      ))}
      <button type="button" onClick={() => void signOut()}>
        Sign out
      </button>
    </main>
  );
}

function Page() {
  const { path } = place.value;
  const found = PLACES.find((p) => path === p.path || path.startsWith(`${p.path}/`));
  useEffect(() => {
    if (path === "/") go("/query", { replace: true });
  }, [path]);
  const before = useRef(path);
  useEffect(() => {
    if (before.current === path) return;
    const isFirst = before.current === "/";
    before.current = path;
    const content = document.getElementById("content");
    if (!content || isFirst) return;
    // Where a person goes, the keys and the reader go too.
    content.scrollTop = 0;
    if (!content.contains(document.activeElement)) content.focus({ preventScroll: true });
  }, [path]);
  useEffect(() => {
    document.title = [titled.value, found?.title, "huntlake"].filter(Boolean).join(" – ");
  }, [found, titled.value]);
  if (path === "/") return null;
  if (!found) {
    return (
      <div class="empty">
        <h2>Nothing is here</h2>
        <p>
          <code>{path}</code> is no page. <Link to="/query">Ask the lake</Link> instead?
        </p>
      </div>
    );
  }
  const Shown = found.page;
  return <Shown key={`${found.path} ${workspace.value?.name}`} rest={path.slice(found.path.length + 1)} />;
}

function Bar() {
  const who = session.value;
  const at = place.value.path;
  const places = useRef<HTMLElement>(null);
  useInView(places, "[aria-current]", [at]);
  return (
    <header class="bar">
      <a class="skip" href="#content">
        Skip to the page
      </a>
      <Link to="/query" class="brand" aria-label="huntlake">
        <Mark /> <span>huntlake</span>
      </Link>
      <nav aria-label="Places" ref={places}>
        {PLACES.map((p) => (
          <Link key={p.path} to={p.path} aria-current={at === p.path || at.startsWith(`${p.path}/`) ? "page" : undefined}>
            {p.title}
          </Link>
        ))}
      </nav>
      <div class="end">
        <button type="button" onClick={openPalette} title="Ctrl K" aria-keyshortcuts="Control+K">
          Commands
        </button>
        {(who?.workspaces.length ?? 0) > 1 && (
          <select aria-label="Workspace" value={workspace.value?.name} onChange={(e) => choose(e.currentTarget.value)}>
            {who?.workspaces.map((w) => (
              <option key={w.id}>{w.name}</option>
            ))}
          </select>
        )}
        <button
          type="button"
          aria-label={dark.value ? "Light colours" : "Dark colours"}
          title={`Colours: ${theme.value}`}
          onClick={() => setTheme(dark.value ? "light" : "dark")}
        >
          {dark.value ? "☀" : "☾"}
        </button>
        <span class="who" title={who?.name}>
          {who?.displayName}
        </span>
        <button type="button" onClick={() => void signOut()}>
          Sign out
        </button>
      </div>
    </header>
  );
}
