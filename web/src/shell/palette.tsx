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

/** The commands whose names hold all words of a text, and the entity that it may name. */
function matching(text: string): Command[] {
  const name = text.trim();
  const words = name.toLowerCase().split(/\s+/).filter(Boolean);
  const named = all.value.filter((c) => words.every((w) => c.title.toLowerCase().includes(w)));
  if (!name) return named;
  return [...named, { title: `Look up “${name}” among the entities`, run: () => go(`/entities?name=${encodeURIComponent(name)}`) }];
}

function Commands() {
  const list = useRef<HTMLUListElement>(null);
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const found = matching(text);

  useEffect(() => list.current?.children[at]?.scrollIntoView({ block: "nearest" }), [at]);

  const run = (command: Command | undefined) => {
    shown.value = false;
    command?.run();
  };
  const keys = (event: KeyboardEvent & { currentTarget: HTMLInputElement }) => {
    const said = event.currentTarget.value;
    if (event.key === "ArrowDown") setAt((n) => Math.max(0, Math.min(found.length - 1, n + 1)));
    else if (event.key === "ArrowUp") setAt((n) => Math.max(0, n - 1));
    else if (event.key === "Enter") run(said === text ? found[at] : matching(said)[0]);
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
