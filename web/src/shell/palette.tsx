// Everything that can be done from here, by a few letters of its name.

import { computed, signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { PLACES } from "./places";
import { go } from "./router";
import { choose, session, signOut } from "./session";
import { setTheme } from "./theme";

export interface Command {
  title: string;
  hint?: string;
  run: () => void;
}

const own = signal<Command[]>([]);
const shown = signal(false);

/** The commands of the page that is shown; the function that it gives takes them away again. */
export function offer(commands: Command[]): () => void {
  own.value = [...own.value, ...commands];
  return () => {
    own.value = own.value.filter((c) => !commands.includes(c));
  };
}

const all = computed<Command[]>(() => [
  ...own.value,
  ...PLACES.map((p) => ({ title: `Go to ${p.title}`, run: () => go(p.path) })),
  ...(session.value?.workspaces ?? []).map((w) => ({ title: `Work in ${w.name}`, hint: w.role, run: () => choose(w.name) })),
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
  const dialog = useRef<HTMLDialogElement>(null);
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = all.value.filter((c) => words.every((w) => c.title.toLowerCase().includes(w)));

  useEffect(() => {
    if (shown.value && !dialog.current?.open) {
      setText("");
      setAt(0);
      dialog.current?.showModal();
    } else if (!shown.value) dialog.current?.close();
  }, [shown.value]);

  const run = (command: Command | undefined) => {
    shown.value = false;
    command?.run();
  };
  const keys = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown") setAt((n) => Math.min(found.length - 1, n + 1));
    else if (event.key === "ArrowUp") setAt((n) => Math.max(0, n - 1));
    else if (event.key === "Enter") run(found[at]);
    else return;
    event.preventDefault();
  };
  return (
    <dialog class="palette" ref={dialog} aria-label="Commands" onClose={() => (shown.value = false)}>
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
      <ul id="palette-list" role="listbox" aria-label="Commands">
        {found.map((c, i) => (
          <li key={c.title} id={`command-${i}`} role="option" aria-selected={i === at} onClick={() => run(c)} onPointerMove={() => setAt(i)}>
            <span>{c.title}</span>
            <small>{c.hint}</small>
          </li>
        ))}
        {!found.length && <li class="quiet">Nothing is called that.</li>}
      </ul>
    </dialog>
  );
}
