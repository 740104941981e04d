// Everything that can be done from here, by a few letters of its name.

import { computed, signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { Dialog } from "../parts/dialog";
import { type Command, own } from "./commands";
import { PLACES } from "./places";
import { go } from "./router";
import { choose, session, signOut, workspace } from "./session";
import { setTheme } from "./theme";

const shown = signal(false);

const all = computed<Command[]>(() => [
  ...own.value,
  ...PLACES.map((p) => ({ title: `Go to ${p.title}`, run: () => go(p.path) })),
  ...(session.value?.workspaces ?? []).filter((w) => w !== workspace.value).map((w) => ({ title: `Work in ${w.name}`, hint: w.role, run: () => choose(w.name) })),
  { title: "Look up an entity …", hint: "account, host, address, hash", run: () => go("/entities") },
  { title: "Light colours", run: () => setTheme("light") },
  { title: "Dark colours", run: () => setTheme("dark") },
  { title: "Colours of the system", run: () => setTheme("system") },
  { title: "Sign out", run: () => void signOut() },
]);

export function openPalette(): void {
  shown.value = true;
}

addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k" && session.value) {
    event.preventDefault();
    shown.value = !shown.value;
  }
});

export function Palette() {
  return shown.value ? <Commands /> : null;
}

function Commands() {
  const list = useRef<HTMLUListElement>(null);
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const named = all.value.filter((c) => words.every((w) => c.title.toLowerCase().includes(w)));
  const looked: Command = { title: `Look up “${text.trim()}” among the entities`, run: () => go(`/entities?name=${encodeURIComponent(text.trim())}`) };
  const found = text.trim() ? [...named, looked] : named;

  useEffect(() => list.current?.children[at]?.scrollIntoView({ block: "nearest" }), [at]);

  const run = (command: Command | undefined) => {
    shown.value = false;
    command?.run();
  };
  const keys = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown") setAt((n) => Math.max(0, Math.min(found.length - 1, n + 1)));
    else if (event.key === "ArrowUp") setAt((n) => Math.max(0, n - 1));
    else if (event.key === "Enter") run(found[at]);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog look="palette" title="Commands" close={() => (shown.value = false)}>
      <input
        role="combobox"
        aria-label="What to do"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={found.length ? `command-${at}` : undefined}
        placeholder="What to do …"
        value={text}
        onInput={(e) => {
          setText(e.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={keys}
      />
      <ul ref={list} id="palette-list" role="listbox" aria-label="Commands">
        {found.map((c, i) => (
          <li key={c.title} id={`command-${i}`} role="option" aria-selected={i === at} onClick={() => run(c)} onPointerMove={() => setAt(i)}>
            <span>{c.title}</span>
            <small>{c.hint}</small>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}
