// What can be done with something, beside the place where it was asked for.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import "./menu.css";

export interface Act {
  title: string;
  hint?: string;
  run?: () => void;
  /** Why it can't be done; it is shown all the same. */
  refused?: string;
}

interface Props {
  label: string;
  acts: Act[];
  at: { x: number; y: number };
  close: () => void;
}

/** A menu that has the focus until something is chosen, or it is left. */
export function Menu({ label, acts, at, close }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [placed, setPlaced] = useState(at);
  useLayoutEffect(() => {
    const { width, height } = box.current?.getBoundingClientRect() ?? { width: 0, height: 0 };
    setPlaced({ x: Math.max(4, Math.min(at.x, innerWidth - width - 4)), y: Math.max(4, Math.min(at.y, innerHeight - height - 4)) });
  }, [at.x, at.y, acts.length]);
  useEffect(() => {
    box.current?.querySelector<HTMLElement>("[role=menuitem]")?.focus();
    addEventListener("resize", close);
    return () => removeEventListener("resize", close);
  }, []);
  const keys = (event: KeyboardEvent) => {
    const all = [...(box.current?.querySelectorAll<HTMLElement>("[role=menuitem]") ?? [])];
    const here = all.indexOf(document.activeElement as HTMLElement);
    const to = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: all.length - 1 }[event.key];
    if (to !== undefined) all[(to + all.length) % all.length]?.focus();
    else if (event.key === "Escape" || event.key === "Tab") close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const leave = (event: FocusEvent) => {
    if (!box.current?.contains(event.relatedTarget as Node | null)) close();
  };
  return (
    <div
      class="menu"
      role="menu"
      aria-label={label}
      ref={box}
      style={{ left: `${placed.x}px`, top: `${placed.y}px` }}
      onKeyDown={keys}
      onFocusOut={leave}
      onContextMenu={(e) => e.preventDefault()}
    >
      {acts.map((act) => (
        <button
          key={act.title}
          type="button"
          role="menuitem"
          tabIndex={-1}
          aria-disabled={!act.run ? "true" : undefined}
          onClick={() => {
            if (!act.run) return;
            close();
            act.run();
          }}
        >
          <span>{act.title}</span>
          {(act.refused || act.hint) && <small>{act.refused || act.hint}</small>}
        </button>
      ))}
    </div>
  );
}
