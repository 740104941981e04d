// How values of each Kusto type look, and in which order they come.

import type { Cell, Column } from "../api/kusto";

const NUMERIC = new Set(["int", "long", "real", "double", "decimal"]);

export function isNumeric(type: string): boolean {
  return NUMERIC.has(type);
}

/** A value as text; of what is long, as much as a row can show. */
export function shown(value: Cell | undefined, type: string, most = 400): string {
  if (value === null || value === undefined) return "";
  let text: string;
  if (typeof value === "object") text = JSON.stringify(value);
  else if (type === "datetime" && typeof value === "string") text = time(value);
  else if (typeof value === "number" && (type === "real" || type === "double")) text = String(value);
  else text = String(value);
  return text.length > most ? `${text.slice(0, most)}…` : text;
}

/** `2026-11-22 10:35:34.905`, in UTC, without the zeros that say nothing. */
export function time(iso: string): string {
  return iso
    .replace("T", " ")
    .replace(/(\.\d*?)0*Z$/, "$1")
    .replace(/\.?Z?$/, "");
}

/** The whole value as text, as it is copied. */
export function whole(value: Cell | undefined): string {
  if (value === null || value === undefined) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** The value with line breaks where it is JSON, also JSON within a text; undefined where it is not. */
export function pretty(value: Cell | undefined): string | undefined {
  if (typeof value === "object" && value !== null) return JSON.stringify(value, null, 2);
  if (typeof value !== "string" || !/^\s*[[{]/.test(value)) return undefined;
  try {
    return JSON.stringify(JSON.parse(value), null, 2);
  } catch {
    return undefined;
  }
}

/** Compares two values of a column: nulls come last, whichever way it goes. */
export function comparer(column: Column, descending: boolean): (a: Cell | undefined, b: Cell | undefined) => number {
  const way = descending ? -1 : 1;
  const numeric = isNumeric(column.type);
  const collator = new Intl.Collator(undefined, { numeric: false, sensitivity: "variant" });
  return (a, b) => {
    const noA = a === null || a === undefined || a === "";
    const noB = b === null || b === undefined || b === "";
    if (noA || noB) return noA && noB ? 0 : noA ? 1 : -1;
    if (numeric) return (Number(a) - Number(b)) * way;
    if (typeof a === "boolean" && typeof b === "boolean") return (Number(a) - Number(b)) * way;
    const one = whole(a);
    const two = whole(b);
    if (column.type === "datetime") return (one < two ? -1 : one > two ? 1 : 0) * way;
    return collator.compare(one, two) * way;
  };
}

export function count(n: number): string {
  return n.toLocaleString("en-US");
}

export function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

export function duration(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}
