// What of a table a chart draws: which column is the axis, which are drawn, which tell series apart.

import type { Cell, Table, Visualization } from "../api/kusto";
import { count, isNumeric, shown, whole } from "./values";

const MOST_SERIES = 40;
const MOST_POINTS = 20_000;

export interface Shape {
  x: number;
  ys: number[];
  splits: number[];
}

export interface Series {
  name: string;
  points: [string | number, number | null][];
}

export interface Drawn {
  shape: Shape;
  series: Series[];
  /** What is not drawn, in sentences. */
  left: string[];
}

/** How several series of columns, bars or areas stand to one another. */
export function stacking(look: Visualization): "" | "stacked" | "stacked100" {
  const kind = (look.Kind ?? "").toLowerCase();
  if (kind === "stacked" || kind === "stacked100") return kind;
  return look.Visualization === "stackedareachart" ? "stacked" : "";
}

/** Named columns, or the first that fit. */
export function shapeOf(table: Table, look: Visualization): Shape {
  const named = (list: string[] | string | null) =>
    (Array.isArray(list) ? list : list ? [list] : []).map((n) => table.columns.findIndex((c) => c.name === n)).filter((i) => i >= 0);
  const numeric = table.columns.map((c, i) => (isNumeric(c.type) ? i : -1)).filter((i) => i >= 0);
  const time = table.columns.findIndex((c) => c.type === "datetime");
  const wantsTime = ["timechart", "anomalychart", "areachart", "stackedareachart"].includes(look.Visualization);
  let x = table.columns.findIndex((c) => c.name === look.XColumn);
  if (x < 0) x = wantsTime && time >= 0 ? time : 0;
  let ys = named(look.YColumns);
  if (!ys.length) ys = numeric.filter((i) => i !== x);
  let splits = named(look.Series);
  if (!splits.length) {
    splits = table.columns.map((_, i) => i).filter((i) => i !== x && !ys.includes(i) && ["string", "bool", "guid"].includes(table.columns[i]?.type ?? ""));
  }
  return { x, ys, splits };
}

export function drawn(table: Table, look: Visualization): Drawn {
  const shape = shapeOf(table, look);
  const made = drawnAs(table, look, shape);
  // Points say what they say without their colours; lines and columns of several would not.
  if (look.Visualization !== "scatterchart" || !made.skipped) return made;
  const one = drawnAs(table, look, { ...shape, splits: [] });
  return { ...one, left: [...one.left, `Drawn in one colour: there are ${count(made.skipped + MOST_SERIES)} series.`] };
}

function drawnAs(table: Table, look: Visualization, shape: Shape): Drawn & { skipped: number } {
  const { x, ys, splits } = shape;
  const xType = table.columns[x]?.type ?? "string";
  const found = new Map<string, Series>();
  const skipped = new Set<string>();
  for (const row of table.rows.slice(0, MOST_POINTS)) {
    const split = splits.map((i) => whole(row[i])).join(", ");
    for (const y of ys) {
      const own = table.columns[y]?.name ?? "";
      const name = splits.length ? (ys.length > 1 ? `${split}: ${own}` : split) : own;
      let series = found.get(name);
      if (!series) {
        if (found.size >= MOST_SERIES) {
          skipped.add(name);
          continue;
        }
        series = { name, points: [] };
        found.set(name, series);
      }
      series.points.push([at(row[x], xType), row[y] === null || row[y] === undefined ? null : Number(row[y])]);
    }
  }
  const series = [...found.values()];
  if (xType === "datetime" || isNumeric(xType)) {
    for (const s of series) s.points.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
  }
  if (look.Accumulate) series.forEach(accumulate);
  const stack = stacking(look);
  if (stack) fill(series);
  if (stack === "stacked100") share(series);
  const left: string[] = [];
  if (table.rows.length > MOST_POINTS) left.push(`Drawn are the first ${count(MOST_POINTS)} of ${count(table.rows.length)} rows.`);
  if (skipped.size) left.push(`Drawn are the first ${MOST_SERIES} series; ${count(skipped.size)} more are in the table.`);
  if (look.YSplit && look.YSplit !== "none") left.push(`\`ysplit = ${look.YSplit}\` is not supported here: all series have one axis.`);
  if (look.Visualization === "anomalychart") left.push("Anomalies are not marked: this is not supported here.");
  return { shape, series, left, skipped: skipped.size };
}

function at(value: Cell | undefined, type: string): string | number {
  if (isNumeric(type)) return Number(value);
  return type === "datetime" ? whole(value) : shown(value, type, 80);
}

function accumulate(series: Series): void {
  let sum = 0;
  series.points = series.points.map(([x, y]) => [x, (sum += y ?? 0)]);
}

/** Gives each series a point at every place that any has: what lies on another must have the other under it. */
function fill(series: Series[]): void {
  const places = [...new Set(series.flatMap((s) => s.points.map(([x]) => x)))];
  if (series.length && series.every((s) => isSorted(s.points))) places.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  for (const s of series) {
    const own = new Map<string | number, number>();
    for (const [x, y] of s.points) own.set(x, (own.get(x) ?? 0) + (y ?? 0));
    s.points = places.map((x) => [x, own.get(x) ?? 0]);
  }
}

function isSorted(points: Series["points"]): boolean {
  return points.every(([x], i) => i === 0 || (points[i - 1]?.[0] ?? x) <= x);
}

/** Makes percents of values that stand at the same place in each series. */
function share(series: Series[]): void {
  const sums = (series[0]?.points ?? []).map((_, i) => series.reduce((sum, s) => sum + Math.abs(s.points[i]?.[1] ?? 0), 0));
  for (const s of series) {
    s.points = s.points.map(([x, y], i) => [x, sums[i] ? Math.round(((y ?? 0) / (sums[i] ?? 1)) * 10_000) / 100 : 0]);
  }
}
