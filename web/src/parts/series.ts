// What of a table a chart draws: which column is the axis, which are drawn, which tell series apart.

import type { Cell, Table, Visualization } from "../api/kusto";
import { type Unrolled, unrolled } from "./arrays";
import { refused } from "./looks";
import { count, counted, isNumeric, shown, whole } from "./values";

const MOST_SERIES = 40;
const MOST_POINTS = 20_000;
const MOST_PANELS = 5;
const MOST_AXES = 5;

type Rows = Pick<Table, "columns" | "rows">;

export interface Shape {
  x: number;
  ys: number[];
  splits: number[];
}

export type Point = [string | number, number | null];

export interface Series {
  name: string;
  points: Point[];
  /** The chart that it is drawn in, where there are several below one another. */
  panel: number;
}

export interface Drawn {
  table: Rows;
  shape: Shape;
  series: Series[];
  /** What stands above each panel; of a single one, nothing. */
  panels: string[];
  /** Whether each series has an axis of its own. */
  ownAxes: boolean;
  stack: "" | "stacked" | "stacked100";
  /** Points that are anomalies. */
  marks: Point[];
  /** What is not drawn, in sentences. */
  left: string[];
}

/** How several series of columns, bars or areas stand to one another. */
function stacking(look: Visualization): Drawn["stack"] {
  const kind = (look.Kind ?? "").toLowerCase();
  if (!["barchart", "columnchart", "areachart", "stackedareachart"].includes(look.Visualization)) return "";
  if (kind === "stacked" || kind === "stacked100") return kind;
  return look.Visualization === "stackedareachart" ? "stacked" : "";
}

/** Places of the columns that are named. */
export function named(table: Rows, list: string[] | string | null | undefined): number[] {
  return (Array.isArray(list) ? list : list ? [list] : []).map((n) => table.columns.findIndex((c) => c.name === n)).filter((i) => i >= 0);
}

/** Named columns, or the first that fit. */
export function shapeOf(table: Rows, look: Visualization): Shape {
  const numeric = table.columns.map((c, i) => (isNumeric(c.type) ? i : -1)).filter((i) => i >= 0);
  const time = table.columns.findIndex((c) => c.type === "datetime");
  const wantsTime = ["timechart", "anomalychart", "areachart", "stackedareachart"].includes(look.Visualization);
  const marked = named(table, look.AnomalyColumns);
  let x = table.columns.findIndex((c) => c.name === look.XColumn);
  if (x < 0) x = wantsTime && time >= 0 ? time : 0;
  let splits = named(table, look.Series);
  let ys = named(table, look.YColumns);
  if (!ys.length) ys = numeric.filter((i) => i !== x && !marked.includes(i) && !splits.includes(i));
  if (!splits.length) {
    splits = table.columns.map((_, i) => i).filter((i) => i !== x && !ys.includes(i) && ["string", "bool", "guid"].includes(table.columns[i]?.type ?? ""));
  }
  return { x, ys, splits };
}

export function drawn(whole: Table, asked: Visualization): Drawn {
  const made = unrolled(whole, asked, MOST_POINTS);
  const { table, look } = made;
  const all = shapeOf(table, look);
  const ys = all.ys.filter((i) => isNumeric(table.columns[i]?.type ?? ""));
  const left = refused(asked);
  for (const i of all.ys) if (!ys.includes(i)) left.push(`\`${table.columns[i]?.name}\` is not drawn: it holds no numbers.`);
  if (!ys.length) left.push("Nothing is drawn: no column holds numbers for it.");
  const split = look.YSplit === "panels" && ys.length > 1;
  const shape = { ...all, ys: split ? ys.slice(0, MOST_PANELS) : ys };
  if (split && ys.length > MOST_PANELS) left.push(`There are at most ${MOST_PANELS} panels; the other columns are in the table.`);
  const found = drawnAs(made, shape, split, left);
  // Points say what they say without their colours; lines and columns of several would not.
  if (look.Visualization !== "scatterchart" || !found.skipped) return found;
  return drawnAs(made, { ...shape, splits: [] }, split, [...left, `Drawn in one colour: there are ${count(found.skipped + MOST_SERIES)} series.`]);
}

function drawnAs({ table, look, total }: Unrolled, shape: Shape, split: boolean, said: readonly string[]): Drawn & { skipped: number } {
  const left = [...said];
  const { series, skipped } = seriesOf(table, shape, split);
  const xType = table.columns[shape.x]?.type ?? "string";
  if (xType === "datetime" || isNumeric(xType)) {
    for (const s of series) s.points.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
  }
  let ownAxes = look.YSplit === "axes" && series.length > 1;
  if (ownAxes && (series.length > MOST_AXES || look.Visualization === "barchart")) {
    ownAxes = false;
    left.push(`\`ysplit=axes\` is not supported for ${look.Visualization === "barchart" ? "barchart" : `more than ${MOST_AXES} series`}: all have one axis.`);
  }
  const stack = ownAxes ? "" : stacking(look);
  if (ownAxes && stacking(look)) left.push("What has axes of its own is not stacked.");
  const panels = split ? shape.ys.map((y) => table.columns[y]?.name ?? "") : [""];
  for (const [panel] of panels.entries()) {
    const within = series.filter((s) => s.panel === panel);
    if (stack) fill(within);
    if (look.Accumulate) within.forEach(accumulate);
    if (stack === "stacked100") share(within);
  }
  const marks = marksOf(table, look, shape);
  if (look.Visualization === "anomalychart" && !look.AnomalyColumns) left.push("No anomaly is marked: name the columns that tell them, such as `anomalycolumns=flag`.");
  if (look.YAxis === "log") left.push(...positive(series));
  left.push(...acrossTold(look, xType, series));
  if (total > MOST_POINTS) left.push(`Drawn are the first ${count(MOST_POINTS)} of ${counted(total, "row")}.`);
  if (skipped) left.push(`Drawn are the first ${MOST_SERIES} series; ${count(skipped)} more are in the table.`);
  return { table, shape, series, panels, ownAxes, stack, marks, left, skipped };
}

function seriesOf(table: Rows, { x, ys, splits }: Shape, split: boolean): { series: Series[]; skipped: number } {
  const xType = table.columns[x]?.type ?? "string";
  const found = new Map<string, Series>();
  const skipped = new Set<string>();
  for (const row of table.rows.slice(0, MOST_POINTS)) {
    const which = splits.map((i) => whole(row[i])).join(", ");
    for (const [at, y] of ys.entries()) {
      const own = table.columns[y]?.name ?? "";
      const name = splits.length ? (ys.length > 1 ? `${which}: ${own}` : which) : own;
      let series = found.get(name);
      if (!series) {
        if (found.size >= MOST_SERIES) {
          skipped.add(name);
          continue;
        }
        series = { name, points: [], panel: split ? at : 0 };
        found.set(name, series);
      }
      series.points.push([place(row[x], xType), number(row[y])]);
    }
  }
  return { series: [...found.values()], skipped: skipped.size };
}

function place(value: Cell | undefined, type: string): string | number {
  if (isNumeric(type)) return Number(value);
  return type === "datetime" ? whole(value) : shown(value, type, 80);
}

function number(value: Cell | undefined): number | null {
  return value === null || value === undefined || !Number.isFinite(Number(value)) ? null : Number(value);
}

/** The values of the first drawn column wherever a column of anomalies says that there is one. */
function marksOf(table: Rows, look: Visualization, { x, ys: [y = -1] }: Shape): Point[] {
  const flags = look.Visualization === "anomalychart" ? named(table, look.AnomalyColumns) : [];
  const xType = table.columns[x]?.type ?? "string";
  return table.rows.slice(0, MOST_POINTS).flatMap((row): Point[] => (flags.some((i) => Number(row[i] ?? 0)) ? [[place(row[x], xType), number(row[y])]] : []));
}

function accumulate(series: Series): void {
  let sum = 0;
  series.points = series.points.map(([x, y]) => [x, (sum += y ?? 0)]);
}

/** Takes away what an axis of powers has no place for, and says so. */
function positive(series: Series[]): string[] {
  let gone = 0;
  for (const s of series) {
    s.points = s.points.map(([x, y]) => {
      if (y === null || y > 0) return [x, y];
      gone += 1;
      return [x, null];
    });
  }
  return gone ? [`Not drawn: ${counted(gone, "value")} of 0 or less, for which \`yaxis=log\` has no place.`] : [];
}

/** Whether the axis across is one of numbers. */
export function isMeasured(look: Visualization, xType: string): boolean {
  return isNumeric(xType) && ["linechart", "scatterchart", "areachart", "stackedareachart", "timechart", "anomalychart"].includes(look.Visualization);
}

/** What is asked of the axis across, and can't be: only numbers have powers and bounds that are numbers. */
function acrossTold(look: Visualization, xType: string, series: Series[]): string[] {
  const asked = [look.XAxis === "log" && "xaxis=log", isBound(look.Xmin) && "xmin", isBound(look.Xmax) && "xmax"].filter((a) => a !== false);
  if (!isMeasured(look, xType)) return asked.map((a) => `\`${a}\` is not supported for an axis of ${xType === "datetime" ? "times" : "names"}.`);
  if (look.XAxis !== "log") return [];
  const before = series.reduce((n, s) => n + s.points.length, 0);
  for (const s of series) s.points = s.points.filter(([x]) => Number(x) > 0);
  const gone = before - series.reduce((n, s) => n + s.points.length, 0);
  return gone ? [`Not drawn: ${counted(gone, "point")} at 0 or less, for which \`xaxis=log\` has no place.`] : [];
}

/** The server says `NaN` where there is no bound. */
export function isBound(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
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
