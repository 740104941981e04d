// A table of things, each a row: sorted by a column, which the address tells, and chosen where something is done with several.

import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { opens } from "../shell/router";
import { useSaid } from "./address";

export interface ListColumn<T> {
  title: string;
  cell: (one: T) => ComponentChildren;
  look?: "wide" | "number" | "tactics";
  /** What it is sorted by; without it, it isn't. */
  by?: (one: T) => string | number | undefined;
  /** The greatest come first when it is chosen. */
  down?: boolean;
}

export interface Choosing<T> {
  chosen: ReadonlySet<string>;
  choose: (keys: ReadonlySet<string>) => void;
  called: (one: T) => string;
}

interface Props<T> {
  label: string;
  rows: readonly T[];
  columns: readonly ListColumn<T>[];
  of: (one: T, at: number) => string;
  /** Where a row leads. */
  to?: (one: T) => string;
  choosing?: Choosing<T> | undefined;
  look?: string;
  /** How many rows are shown, the first by the order. */
  most?: number;
}

/** The table; where nothing meets what is searched for, a word that says so. */
export function List<T>({ label, rows, columns, of, to, choosing, look = "", most = Infinity }: Props<T>) {
  const [said, say] = useSaid("sort");
  const falls = said.startsWith("-");
  const by = columns.find((c) => c.by && slug(c) === said.replace(/^-/, ""));
  const sorted = (by ? order(rows, by, falls) : rows).slice(0, most);
  const keys = sorted.map(of);
  const sortables = columns.filter((c) => c.by);
  const next = (column: ListColumn<T>) => {
    const first = column.down ? "-" : "";
    if (column !== by) say(first + slug(column));
    else say(falls === !!column.down ? (first ? "" : "-") + slug(column) : "");
  };
  if (!rows.length) return <p class="empty">Nothing meets what is searched for.</p>;
  return (
    <>
      {sortables.length > 0 && (
        <label class="list-sort">
          Sorted by{" "}
          <select value={by ? said : ""} onChange={(e) => say(e.currentTarget.value)}>
            <option value="">–</option>
            {sortables.flatMap((c) => [
              <option key={slug(c)} value={slug(c)}>
                {c.title} ↑
              </option>,
              <option key={`-${slug(c)}`} value={`-${slug(c)}`}>
                {c.title} ↓
              </option>,
            ])}
          </select>
        </label>
      )}
      <table class={`list ${look}`.trim()} aria-label={label}>
        <thead>
          <tr>
            {choosing && (
              <th scope="col" class="choose">
                <All keys={keys} {...choosing} />
              </th>
            )}
            {columns.map((c) => (
              <th key={c.title} scope="col" class={c.look} aria-sort={c === by ? (falls ? "descending" : "ascending") : undefined}>
                {c.by ? (
                  <button type="button" class="plain" onClick={() => next(c)}>
                    {c.title}
                    <span aria-hidden="true">{c === by ? (falls ? " ↓" : " ↑") : ""}</span>
                  </button>
                ) : (
                  c.title
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {sorted.map((one, i) => {
            const key = keys[i] ?? "";
            return (
              <tr key={key} class={[to && "opens", choosing?.chosen.has(key) && "chosen"].filter(Boolean).join(" ") || undefined} onClick={to && opens(to(one))}>
                {choosing && (
                  <td class="choose">
                    <Choice keys={keys} at={i} {...choosing} title={choosing.called(one)} />
                  </td>
                )}
                {columns.map((c) => (
                  <td key={c.title} class={c.look} data-title={c.title}>
                    {c.cell(one)}
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </>
  );
}

interface AllProps {
  keys: readonly string[];
  chosen: ReadonlySet<string>;
  choose: (keys: ReadonlySet<string>) => void;
}

function All({ keys, chosen, choose }: AllProps) {
  const here = keys.filter((k) => chosen.has(k)).length;
  return (
    <input
      type="checkbox"
      aria-label="Choose all that are shown"
      title="In a box: Space chooses, the arrows go on, with Shift they choose, Ctrl A chooses all, Esc none"
      checked={here > 0 && here === keys.length}
      ref={(box) => {
        if (box) box.indeterminate = here > 0 && here < keys.length;
      }}
      onChange={(e) => choose(e.currentTarget.checked ? new Set([...chosen, ...keys]) : without(chosen, keys))}
    />
  );
}

/** The box of a row: the arrows go from one to the next, and with Shift everything between is chosen, too. */
function Choice({ keys, at, chosen, choose, title }: AllProps & { at: number; title: string }) {
  const box = useRef<HTMLInputElement>(null);
  const boxes = () => [...(box.current?.closest("tbody")?.querySelectorAll<HTMLInputElement>("td.choose input") ?? [])];
  const move = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      const next = keys[at + step];
      boxes()[at + step]?.focus();
      if (event.shiftKey && next) choose(new Set([...chosen, keys[at] ?? "", next]));
    } else if ((event.ctrlKey || event.metaKey) && event.key === "a") choose(new Set([...chosen, ...keys]));
    else if (event.key === "Escape") choose(without(chosen, keys));
    else return;
    event.preventDefault();
  };
  const click = (event: MouseEvent) => {
    const all = boxes();
    const last = all.findIndex((b) => b.dataset.last);
    for (const b of all) delete b.dataset.last;
    if (box.current) box.current.dataset.last = "1";
    const between = event.shiftKey && last >= 0 ? keys.slice(Math.min(last, at), Math.max(last, at) + 1) : keys.slice(at, at + 1);
    choose(chosen.has(keys[at] ?? "") ? without(chosen, between) : new Set([...chosen, ...between]));
  };
  return (
    <label>
      <input ref={box} type="checkbox" aria-label={`Choose ${title}`} checked={chosen.has(keys[at] ?? "")} onClick={click} onKeyDown={move} />
    </label>
  );
}

function without(chosen: ReadonlySet<string>, keys: readonly string[]): Set<string> {
  const gone = new Set(keys);
  return new Set([...chosen].filter((k) => !gone.has(k)));
}

const TEXTS = new Intl.Collator(undefined, { numeric: true });

/** What has nothing comes last, whichever way it goes. */
function order<T>(rows: readonly T[], { by }: ListColumn<T>, falls: boolean): T[] {
  const way = falls ? -1 : 1;
  const keyed = rows.map((one, at) => ({ one, at, key: by?.(one) }));
  const isNothing = (key: string | number | undefined) => key === undefined || key === "";
  keyed.sort((a, b) => {
    if (isNothing(a.key) || isNothing(b.key)) return Number(isNothing(a.key)) - Number(isNothing(b.key)) || a.at - b.at;
    const found = typeof a.key === "number" && typeof b.key === "number" ? a.key - b.key : TEXTS.compare(String(a.key), String(b.key));
    return found * way || a.at - b.at;
  });
  return keyed.map((k) => k.one);
}

function slug<T>({ title }: ListColumn<T>): string {
  return title.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
}
