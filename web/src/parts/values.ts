// How values of each Kusto type look, and in which order they come.

import type { Cell } from "../api/kusto";

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

export function count(n: number): string {
  return n.toLocaleString("en-US");
}

/** `1 row`, `2,115 rows`. */
export function counted(n: number, one: string): string {
  return `${count(n)} ${n === 1 ? one : `${one}s`}`;
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
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  const hours = Math.round(seconds / 3600);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} d`;
}

/** How long something took, or since when it goes on. */
export function took({ startTime, endTime }: { startTime?: string; endTime?: string }): string {
  if (!startTime) return "–";
  return endTime ? duration((Date.parse(endTime) - Date.parse(startTime)) / 1000) : `since ${time(startTime).slice(11, 19)}`;
}

/** `PT1H` as `1 h`. */
export function every(duration: string | undefined): string {
  const found = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?$/.exec(duration ?? "");
  if (!found) return duration ?? "–";
  const parts = [found[1] && `${found[1]} d`, found[2] && `${found[2]} h`, found[3] && `${found[3]} min`].filter(Boolean);
  return `every ${parts.join(" ")}`;
}

/** A value of any kind as a text that a line can hold. */
export function brief(value: unknown): string {
  if (value === null || value === undefined) return "";
  const said = typeof value === "string" ? value : JSON.stringify(value);
  return said.length > 200 ? `${said.slice(0, 200)}…` : said;
}
