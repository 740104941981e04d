// The parts of one thing, such as an incident's story and its tasks; the address tells which is shown.

import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { go, place } from "../shell/router";
import { useInView } from "./in_view";

export interface Part {
  title: string;
  /** How many things are in it, where that is known. */
  count?: number | undefined;
  show: () => ComponentChildren;
}

/** A row of tabs and the part that is chosen; the arrows go from one to the next. */
export function Parts({ label, parts }: { label: string; parts: readonly [Part, ...Part[]] }) {
  const row = useRef<HTMLDivElement>(null);
  const { path, query } = place.value;
  const named = query.get("part");
  const shown = Math.max(0, parts.findIndex((p) => slug(p) === named));
  const part = parts[shown] ?? parts[0];
  useInView(row, "[aria-selected=true]", [shown, parts.map((p) => p.count).join()]);
  const choose = (at: number) => {
    const next = parts[(at + parts.length) % parts.length] ?? parts[0];
    const asked = new URLSearchParams(query);
    asked.set("part", slug(next));
    go(`${path}?${asked}`, { replace: true });
  };
  const keys = (event: KeyboardEvent) => {
    const to = { ArrowRight: shown + 1, ArrowLeft: shown - 1, Home: 0, End: parts.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    choose(to);
    row.current?.querySelectorAll<HTMLElement>("[role=tab]")[(to + parts.length) % parts.length]?.focus();
  };
  return (
    <>
      <div class="parts" role="tablist" aria-label={label} ref={row} onKeyDown={keys}>
        {parts.map((p, i) => (
          <button
            key={p.title}
            type="button"
            role="tab"
            id={`part-${slug(p)}`}
            aria-selected={i === shown}
            aria-controls="part"
            tabIndex={i === shown ? 0 : -1}
            onClick={() => choose(i)}
          >
            {p.title} {p.count !== undefined && <small>{p.count}</small>}
          </button>
        ))}
      </div>
      <div id="part" role="tabpanel" aria-labelledby={`part-${slug(part)}`}>
        {part.show()}
      </div>
    </>
  );
}

function slug(part: Part): string {
  return part.title.toLowerCase();
}
