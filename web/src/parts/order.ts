// In which order the values of a column come.

import type { Cell, Column } from "../api/kusto";
import { isNumeric, whole } from "./values";

export interface Sorting {
  column: number;
  descending: boolean;
}

/** The places of the rows that hold what each filter wants in its column, in the order that is wanted. */
export function ordered(
  columns: Column[],
  rows: Cell[][],
  sorting: Sorting | undefined,
  filters: ReadonlyMap<number, string>,
): Uint32Array | number[] {
  const wanted = [...filters].map(([c, text]) => [c, text.toLowerCase()] as const);
  const kept: number[] = [];
  for (let i = 0; i < rows.length; i++) {
    if (wanted.every(([c, text]) => whole(rows[i]?.[c]).toLowerCase().includes(text))) kept.push(i);
  }
  return sorting ? sorted(kept, rows, sorting.column, columns[sorting.column] as Column, sorting.descending) : kept;
}

/** Places of rows sorted by a column: nulls come last, whichever way it goes; equals stay as they were. */
function sorted(places: number[], rows: Cell[][], index: number, column: Column, descending: boolean): number[] {
  const there = places.filter((i) => !isNothing(rows[i]?.[index]));
  const gone = places.filter((i) => isNothing(rows[i]?.[index]));
  const way = descending ? -1 : 1;
  if (isNumeric(column.type)) {
    const values = Float64Array.from(rows, (row) => Number(row[index]));
    there.sort((a, b) => ((values[a] as number) - (values[b] as number)) * way || a - b);
    return [...there, ...gone];
  }
  const texts = rows.map((row) => whole(row[index]));
  if (column.type === "datetime") {
    there.sort((a, b) => {
      const one = texts[a] as string;
      const two = texts[b] as string;
      return one < two ? -way : one > two ? way : a - b;
    });
    return [...there, ...gone];
  }
  return [...byText(there, texts, descending), ...gone];
}

/** Comparing texts as people sort them is slow: each is compared once, however often it occurs, and then numbers are. */
function byText(places: number[], texts: string[], descending: boolean): Iterable<number> {
  const distinct = [...new Set(texts)].sort(new Intl.Collator(undefined, { sensitivity: "variant" }).compare);
  if (descending) distinct.reverse();
  const ranks = new Map(distinct.map((text, rank) => [text, rank]));
  const keys = Float64Array.from(places, (i) => (ranks.get(texts[i] as string) as number) * texts.length + i);
  return keys.sort().map((key) => key % texts.length);
}

function isNothing(value: Cell | undefined): boolean {
  return value === null || value === undefined || value === "";
}
