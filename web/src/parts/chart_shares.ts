// Charts of parts of a whole: slices, and rectangles within rectangles.

import type { EChartsCoreOption } from "echarts/core";
import type { Table, Visualization } from "../api/kusto";
import { title, TOOLTIP } from "./chart_axes";
import { refused } from "./looks";
import { named, shapeOf } from "./series";
import { count, counted, isNumeric, shown } from "./values";

const MOST_SLICES = 30;
const MOST_LEAVES = 1000;
const ON_LIGHT = "#17202a";
const ON_DARK = "#e3e8ec";

interface Shares {
  option: EChartsCoreOption;
  left: string[];
}

interface Share {
  /** Its names, from the outermost. */
  path: string[];
  value: number;
}

/** What each row has of the whole, the largest first; rows of the same names are one. */
function shares(table: Table, levels: number[], y: number): Share[] {
  const found = new Map<string, Share>();
  for (const row of table.rows) {
    const path = levels.map((i) => shown(row[i], table.columns[i]?.type ?? "", 80) || "(empty)");
    const key = JSON.stringify(path);
    const share = found.get(key) ?? { path, value: 0 };
    share.value += Number(row[y] ?? 0) || 0;
    found.set(key, share);
  }
  return [...found.values()].sort((a, b) => b.value - a.value);
}

/** The column of the values, and what is said where others could be meant. */
function measured(table: Table, look: Visualization, ys: number[], left: string[]): number {
  const [y = -1, ...others] = ys.filter((i) => isNumeric(table.columns[i]?.type ?? ""));
  if (y < 0) left.push("Nothing is drawn: no column holds numbers for it.");
  if (others.length) left.push(`Drawn is \`${table.columns[y]?.name}\`: a ${look.Visualization} has one measure.`);
  return y;
}

/** Leaves out what has no area. */
function there(all: Share[], left: string[]): Share[] {
  const kept = all.filter((s) => s.value > 0);
  if (kept.length < all.length) left.push(`Not drawn: ${counted(all.length - kept.length, "value")} of 0 or less.`);
  return kept;
}

export function pie(table: Table, look: Visualization): Shares {
  const left = refused(look);
  const { x, ys } = shapeOf(table, look);
  const series = named(table, look.Series);
  const y = measured(table, look, ys, left);
  const all = there(shares(table, series.length ? series : [x], y), left).map(({ path, value }) => ({ name: path.join(", "), value }));
  const rest = all.slice(MOST_SLICES).reduce((sum, d) => sum + d.value, 0);
  const data = rest ? [...all.slice(0, MOST_SLICES), { name: `(${all.length - MOST_SLICES} others)`, value: rest }] : all;
  const share = ({ name, value, percent }: { name: string; value: number; percent: number }) => `${name}\n${count(value)} (${percent} %)`;
  return {
    left,
    option: {
      title: title(look),
      tooltip: { ...TOOLTIP, trigger: "item", formatter: share },
      legend: { show: look.Legend !== "hidden", type: "scroll", bottom: 0 },
      animation: false,
      series: [{ type: "pie", radius: ["35%", "68%"], center: ["50%", "47%"], minShowLabelAngle: 4, data }],
    },
  };
}

interface Branch {
  name: string;
  value: number;
  children?: Branch[];
}

/** Columns that hold no numbers are the levels, from the left; a rectangle is as large as the numbers within it. */
export function treemap(table: Table, look: Visualization, isDark: boolean): Shares {
  const left = refused(look);
  const { ys } = shapeOf(table, look);
  const y = measured(table, look, ys, left);
  const series = named(table, look.Series);
  const first = named(table, look.XColumn);
  const others = series.length ? series : table.columns.flatMap((c, i) => (i === y || isNumeric(c.type) ? [] : [i]));
  const levels = [...first, ...others.filter((i) => !first.includes(i))];
  const all = there(shares(table, levels, y), left);
  if (all.length > MOST_LEAVES) left.push(`Drawn are the largest ${count(MOST_LEAVES)} of ${count(all.length)}.`);
  const roots: Branch[] = [];
  for (const { path, value } of all.slice(0, MOST_LEAVES)) {
    let branches = roots;
    for (const [depth, name] of (path.length ? path : [table.columns[y]?.name ?? ""]).entries()) {
      let branch = branches.find((b) => b.name === name);
      if (!branch) branches.push((branch = { name, value: 0 }));
      branch.value += value;
      if (depth < path.length - 1) branches = branch.children ??= [];
    }
  }
  const told = ({ treePathInfo = [], value }: { treePathInfo?: { name: string }[]; value: number }) => `${treePathInfo.flatMap((p) => p.name || []).join(" / ")}\n${count(value)}`;
  return {
    left,
    option: {
      title: title(look),
      tooltip: { ...TOOLTIP, formatter: told },
      animation: false,
      series: [
        {
          type: "treemap",
          name: "all",
          data: roots,
          roam: false,
          top: look.Title ? 34 : 8,
          left: 8,
          right: 8,
          bottom: levels.length > 1 ? 34 : 8,
          breadcrumb: { show: levels.length > 1, bottom: 4 },
          label: { formatter: ({ name, value }: { name: string; value: number }) => `${name}\n${count(value)}`, overflow: "truncate", lineHeight: 15 },
          upperLabel: { show: levels.length > 1, height: 22, color: isDark ? ON_DARK : ON_LIGHT, textBorderWidth: 0, formatter: ({ name, value }: { name: string; value: number }) => `${name}  ${count(value)}`, overflow: "truncate" },
          levels: [
            { itemStyle: { gapWidth: 3, borderColor: "transparent" }, upperLabel: { show: false } },
            { itemStyle: { gapWidth: 1, borderWidth: 2, borderColor: "transparent" }, colorSaturation: [0.35, 0.6] },
          ],
        },
      ],
    },
  };
}
