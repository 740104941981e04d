// A table that holds half a million rows: only what can be seen is in the page.

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Cell, Column } from "../api/kusto";
import { copy } from "./attempt";
import { Detail } from "./detail";
import { type Act, Menu } from "./menu";
import { ordered, type Sorting } from "./order";
import { count, counted, isNumeric, shown, whole } from "./values";
import "./grid.css";

const ROW = 26;
const HEAD = 34;
const AROUND = 8;
const LEAST = 60;
const MOST = 420;
const NONE: ReadonlySet<number> = new Set();

interface Props {
  columns: Column[];
  rows: Cell[][];
  /** What stands above the columns' names, for those who can't see. */
  label: string;
  /** What can be done with a value, beside copying it. */
  acts?: ((cell: CellAt) => Act[]) | undefined;
  /** What can be done with the rows that are chosen, or with all that are shown. */
  take?: Taking | undefined;
}

export interface Taking {
  title: string;
  run: (rows: Cell[][]) => void;
}

/** A value in its place. */
export interface CellAt {
  column: Column;
  value: Cell | undefined;
}

interface Cursor {
  row: number;
  column: number;
}

/** Rows and columns to scroll, sort, filter, size, copy and open. */
export function Grid({ columns, rows, label, acts, take }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, left: 0, width: 800, height: 400 });
  const [widths, setWidths] = useState<number[]>([]);
  const [sorting, setSorting] = useState<Sorting | undefined>();
  const [filters, setFilters] = useState<ReadonlyMap<number, string>>(new Map());
  const [filtering, setFiltering] = useState(false);
  const [cursor, setCursor] = useState<Cursor>({ row: 0, column: 0 });
  const [open, setOpen] = useState<number | undefined>();
  const [menu, setMenu] = useState<{ x: number; y: number } | undefined>();
  const [chosen, setChosen] = useState<ReadonlySet<number>>(NONE);

  useLayoutEffect(() => {
    setWidths(columns.map((c, i) => guess(c, rows, i)));
    setSorting(undefined);
    setFilters(new Map());
    setOpen(undefined);
    setMenu(undefined);
    setChosen(NONE);
    setCursor({ row: 0, column: 0 });
    if (box.current) box.current.scrollTo(0, 0);
  }, [columns, rows]);

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const look = () =>
      setView({ top: element.scrollTop, left: element.scrollLeft, width: element.clientWidth, height: element.clientHeight });
    let asked = false;
    const later = () => {
      if (asked) return;
      asked = true;
      requestAnimationFrame(() => {
        asked = false;
        look();
      });
    };
    look();
    element.addEventListener("scroll", later, { passive: true });
    const sized = new ResizeObserver(later);
    sized.observe(element);
    return () => {
      element.removeEventListener("scroll", later);
      sized.disconnect();
    };
  }, []);

  const order = useMemo(() => ordered(columns, rows, sorting, filters), [columns, rows, sorting, filters]);
  const lefts = useMemo(() => {
    const made = [0];
    for (const width of widths) made.push((made.at(-1) ?? 0) + width);
    return made;
  }, [widths]);

  const head = filtering ? HEAD * 2 : HEAD;
  const from = Math.max(0, Math.floor(view.top / ROW) - AROUND);
  const to = Math.min(order.length, Math.ceil((view.top + view.height) / ROW) + AROUND);
  const visible: number[] = [];
  for (let c = 0; c < columns.length; c++) {
    if ((lefts[c + 1] ?? 0) >= view.left - 200 && (lefts[c] ?? 0) <= view.left + view.width + 200) visible.push(c);
  }
  const total = lefts.at(-1) ?? 0;

  const reveal = (to: Cursor) => {
    const element = box.current;
    if (!element) return;
    const y = to.row * ROW;
    if (y < element.scrollTop) element.scrollTop = y;
    else if (y + ROW + head > element.scrollTop + element.clientHeight) element.scrollTop = y + ROW + head - element.clientHeight;
    const x = lefts[to.column] ?? 0;
    const right = lefts[to.column + 1] ?? 0;
    if (x < element.scrollLeft) element.scrollLeft = x;
    else if (right > element.scrollLeft + element.clientWidth) element.scrollLeft = right - element.clientWidth;
  };
  const move = (row: number, column: number) => {
    const next = {
      row: Math.max(0, Math.min(order.length - 1, row)),
      column: Math.max(0, Math.min(columns.length - 1, column)),
    };
    setCursor(next);
    reveal(next);
  };
  const here = rows[order[cursor.row] ?? -1];
  /** Chooses the rows between two places of the order, too. */
  const choose = (one: number, other: number) => take && setChosen((all) => new Set([...all, ...order.slice(Math.min(one, other), Math.max(one, other) + 1)]));
  const toggle = (at: number) => {
    const index = order[at];
    if (!take || index === undefined) return;
    setChosen((all) => new Set(all.has(index) ? [...all].filter((i) => i !== index) : [...all, index]));
  };
  // What a filter hides isn't taken.
  const some = useMemo(() => (chosen.size ? Array.from(order).filter((i) => chosen.has(i)) : undefined), [chosen, order]);
  const doable = (): Act[] => {
    const column = columns[cursor.column];
    if (!here || !column) return [];
    const value = here[cursor.column];
    return [
      { title: "Copy the value", hint: "Ctrl C", run: () => void copy(whole(value), "Copied the value") },
      { title: "Copy the row", hint: "as JSON", run: () => void copy(JSON.stringify(Object.fromEntries(columns.map((c, i) => [c.name, here[i] ?? null]))), "Copied the row") },
      { title: "Open the row", hint: "Enter", run: () => setOpen(order[cursor.row]) },
      ...(take ? [{ title: chosen.has(order[cursor.row] ?? -1) ? "Choose the row no more" : "Choose the row", hint: "Space", run: () => toggle(cursor.row) }] : []),
      ...(acts?.({ column, value }) ?? []),
    ];
  };
  const ask = () => {
    const element = box.current;
    if (!element || !here) return;
    reveal(cursor);
    const { left, top } = element.getBoundingClientRect();
    setMenu({
      x: left + Math.max(0, (lefts[cursor.column] ?? 0) - element.scrollLeft) + 16,
      y: top + head + (cursor.row + 1) * ROW - element.scrollTop,
    });
  };
  const keys = (event: KeyboardEvent) => {
    const page = Math.max(1, Math.floor(view.height / ROW) - 2);
    const { row, column } = cursor;
    const step = (by: number) => {
      const to = Math.max(0, Math.min(order.length - 1, row + by));
      if (event.shiftKey) choose(row, to);
      move(to, column);
    };
    const moves: Record<string, () => void> = {
      ArrowDown: () => step(1),
      ArrowUp: () => step(-1),
      ArrowRight: () => move(row, column + 1),
      ArrowLeft: () => move(row, column - 1),
      PageDown: () => move(row + page, column),
      PageUp: () => move(row - page, column),
      Home: () => (event.ctrlKey || event.metaKey ? move(0, 0) : move(row, 0)),
      End: () => (event.ctrlKey || event.metaKey ? move(order.length - 1, columns.length - 1) : move(row, columns.length - 1)),
      Enter: () => setOpen(order[row]),
      Escape: () => (open === undefined ? setChosen(NONE) : setOpen(undefined)),
      ...(take ? { " ": () => toggle(row) } : {}),
    };
    if ((event.ctrlKey || event.metaKey) && event.key === "c" && !String(getSelection() ?? "")) {
      event.preventDefault();
      void copy(whole(here?.[cursor.column]), "Copied the value");
      return;
    }
    if (event.target !== event.currentTarget) return;
    if (event.key === "ContextMenu" || (event.shiftKey && event.key === "F10")) {
      event.preventDefault();
      ask();
      return;
    }
    if (take && (event.ctrlKey || event.metaKey) && event.key === "a") {
      event.preventDefault();
      choose(0, order.length - 1);
      return;
    }
    const act = moves[event.key];
    if (act) {
      event.preventDefault();
      act();
    }
  };
  const sort = (column: number) =>
    setSorting((s) => (s?.column !== column ? { column, descending: false } : s.descending ? undefined : { column, descending: true }));
  const resize = (column: number) => (event: PointerEvent) => {
    event.preventDefault();
    event.stopPropagation();
    const grip = event.currentTarget as HTMLElement;
    const began = event.clientX;
    const width = widths[column] ?? LEAST;
    grip.setPointerCapture(event.pointerId);
    const drag = (e: PointerEvent) =>
      setWidths((all) => all.map((w, i) => (i === column ? Math.max(40, width + e.clientX - began) : w)));
    grip.addEventListener("pointermove", drag);
    grip.addEventListener("pointerup", () => grip.removeEventListener("pointermove", drag), { once: true });
  };

  return (
    <div class="grid-with-detail">
      <div class="grid-bar">
        <span>
          {order.length === rows.length ? counted(rows.length, "row") : `${count(order.length)} of ${counted(rows.length, "row")}`}
        </span>
        <button type="button" class="plain" aria-pressed={filtering} onClick={() => setFiltering(!filtering)}>
          Filter
        </button>
        {filters.size > 0 && (
          <button type="button" class="plain" onClick={() => setFilters(new Map())}>
            Clear filters
          </button>
        )}
        {here && (
          <button
            type="button"
            class="plain"
            aria-haspopup="menu"
            aria-expanded={!!menu}
            title="What can be done with the chosen value: Shift F10, or a right click on it"
            onClick={(e) => {
              const { left, bottom } = e.currentTarget.getBoundingClientRect();
              setMenu({ x: left, y: bottom });
            }}
          >
            Value …
          </button>
        )}
        {take && rows.length > 0 && (
          <button
            type="button"
            class="plain"
            disabled={!(some ?? order).length}
            title="Rows are chosen by Space, Shift and the arrows, or Ctrl and Shift with a click; where none is, these are all that are shown"
            onClick={() => take.run(Array.from(some ?? order, (i) => rows[i] ?? []))}
          >
            {take.title} of {some ? counted(some.length, "row") : "these rows"} …
          </button>
        )}
        {chosen.size > 0 && (
          <button type="button" class="plain" onClick={() => setChosen(NONE)}>
            Choose none
          </button>
        )}
      </div>
      <div class="grid-and-detail">
        <div
          class="grid"
          ref={box}
          role="grid"
          aria-label={label}
          aria-rowcount={order.length + 1}
          aria-colcount={columns.length}
          aria-multiselectable={!!take}
          tabIndex={0}
          onKeyDown={keys}
          onContextMenu={(e) => {
            // The key that asks for a menu has been heard already.
            if (e.target === e.currentTarget) e.preventDefault();
          }}
          aria-activedescendant={order.length ? `cell-${cursor.row}-${cursor.column}` : undefined}
        >
          <div class="grid-head" role="row" aria-rowindex={1} style={{ width: `${total}px`, height: `${head}px` }}>
            {visible.map((c) => (
              <div
                key={c}
                role="columnheader"
                class="grid-name"
                aria-colindex={c + 1}
                aria-sort={sorting?.column === c ? (sorting.descending ? "descending" : "ascending") : "none"}
                style={{ left: `${lefts[c]}px`, width: `${widths[c]}px` }}
              >
                <button type="button" onClick={() => sort(c)} title={`${columns[c]?.name}: ${columns[c]?.type}`} tabIndex={-1}>
                  {columns[c]?.name}
                  <span class="grid-way" aria-hidden="true">
                    {sorting?.column === c ? (sorting.descending ? " ↓" : " ↑") : ""}
                  </span>
                </button>
                {filtering && (
                  <input
                    type="search"
                    aria-label={`Filter ${columns[c]?.name}`}
                    placeholder="contains"
                    value={filters.get(c) ?? ""}
                    onInput={(e) => {
                      const text = e.currentTarget.value;
                      setFilters((all) => {
                        const made = new Map(all);
                        if (text) made.set(c, text);
                        else made.delete(c);
                        return made;
                      });
                    }}
                  />
                )}
                <span class="grid-grip" onPointerDown={resize(c)} aria-hidden="true" />
              </div>
            ))}
          </div>
          <div class="grid-body" style={{ width: `${total}px`, height: `${order.length * ROW}px` }}>
            {Array.from({ length: Math.max(0, to - from) }, (_, i) => {
              const at = from + i;
              const index = order[at] ?? 0;
              const row = rows[index] ?? [];
              return (
                <div
                  key={at % (to - from + 1)}
                  role="row"
                  aria-rowindex={at + 2}
                  aria-selected={take ? chosen.has(index) : undefined}
                  class={`grid-row${at % 2 ? " odd" : ""}${open === index || chosen.has(index) ? " open" : ""}`}
                  style={{ transform: `translateY(${at * ROW}px)`, width: `${total}px` }}
                  onDblClick={() => setOpen(index)}
                >
                  {visible.map((c) => {
                    const column = columns[c] as Column;
                    const isHere = cursor.row === at && cursor.column === c;
                    return (
                      <div
                        key={c}
                        id={isHere ? `cell-${at}-${c}` : undefined}
                        role="gridcell"
                        aria-colindex={c + 1}
                        class={`grid-cell${isNumeric(column.type) ? " number" : ""}${isHere ? " here" : ""}`}
                        style={{ left: `${lefts[c]}px`, width: `${widths[c]}px` }}
                        onMouseDown={(e) => {
                          // The browser would select the text between.
                          if (take && e.shiftKey) e.preventDefault();
                        }}
                        onClick={(e) => {
                          if (e.shiftKey) choose(cursor.row, at);
                          else if (e.ctrlKey || e.metaKey) toggle(at);
                          setCursor({ row: at, column: c });
                          if (open !== undefined) setOpen(index);
                        }}
                        onContextMenu={(e) => {
                          if (e.shiftKey) return;
                          e.preventDefault();
                          setCursor({ row: at, column: c });
                          setMenu({ x: e.clientX, y: e.clientY });
                        }}
                      >
                        {shown(row[c], column.type)}
                      </div>
                    );
                  })}
                </div>
              );
            })}
          </div>
          {order.length === 0 && <p class="grid-empty">{rows.length ? "No row meets the filters." : "The answer has no rows."}</p>}
        </div>
        {open !== undefined && <Detail columns={columns} row={rows[open] ?? []} close={() => setOpen(undefined)} />}
      </div>
      {menu && (
        <Menu
          label={`Value of ${columns[cursor.column]?.name ?? ""}`}
          acts={doable()}
          at={menu}
          close={() => {
            setMenu(undefined);
            box.current?.focus();
          }}
        />
      )}
    </div>
  );
}

function guess(column: Column, rows: Cell[][], index: number): number {
  let longest = column.name.length + 3;
  const step = Math.max(1, Math.floor(rows.length / 60));
  for (let i = 0; i < rows.length; i += step) longest = Math.max(longest, shown(rows[i]?.[index], column.type, 60).length);
  return Math.max(LEAST, Math.min(MOST, Math.round(longest * 7.2) + 18));
}
