// Charts with axes: lines, areas, columns, bars and points.

import type { EChartsCoreOption } from "echarts/core";
import type { Table, Visualization } from "../api/kusto";
import { type Drawn, drawn, isBound, isMeasured, type Series } from "./series";
import { shown } from "./values";

const LETTER = 6.6;
const AXIS = 54;
const BARS = ["barchart", "columnchart"];
const ANOMALY = "#d11a4a";
// The day stands where a day begins; `9` alone could be anything.
const TIMES = { year: "{yyyy}", month: "{MMM} {yyyy}", day: "{d} {MMM}", hour: "{HH}:{mm}", minute: "{HH}:{mm}", second: "{HH}:{mm}:{ss}" };

/** Values of logs are text on the canvas, never markup. */
export const TOOLTIP = { renderMode: "richText", confine: true };

export function title(look: Visualization): object[] {
  return look.Title ? [{ text: look.Title, left: "center", textStyle: { fontSize: 14 } }] : [];
}

export function axes(whole: Table, look: Visualization): { option: EChartsCoreOption; left: string[]; panels: number } {
  const made = drawn(whole, look);
  const { table, shape, series, panels, ownAxes } = made;
  const kind = look.Visualization;
  const lying = kind === "barchart";
  const xType = table.columns[shape.x]?.type ?? "string";
  const names = xType === "datetime" || isMeasured(look, xType) ? [] : [...new Set(table.rows.map((row) => shown(row[shape.x], xType, 80)))];
  const longest = Math.min(26, Math.max(4, ...names.map((n) => n.length)));
  const leaning = !lying && names.length * longest * LETTER > 900;
  const below = leaning ? Math.round(longest * LETTER * 0.6) + 16 : 30;
  const legend = look.Legend !== "hidden" && (series.length > 1 || look.Legend === "visible");
  const lanes = ownAxes ? series.length : 1;
  const edges = {
    left: lying ? longest * LETTER + (look.XTitle ? 44 : 24) : leaning ? Math.max(64, longest * LETTER * 0.8) : 64,
    right: 28 + (lanes - 1) * AXIS,
    top: look.Title || (look.YTitle && !lying) || ownAxes ? 44 : 24,
    bottom: below + (legend ? 34 : 0) + (look.XTitle ? 14 : 0),
  };
  const across = panels.map((_, gridIndex) => ({ gridIndex, ...main(look, xType, { names, longest, lying, leaning }), name: look.XTitle ?? "", nameLocation: "middle", nameGap: lying ? longest * LETTER + 20 : below }));
  const up = ownAxes
    ? series.map((s, i) => ({
        ...measure(look, made),
        name: s.name,
        nameTextStyle: { overflow: "truncate", width: AXIS * 1.4 },
        position: i ? "right" : "left",
        offset: i > 1 ? (i - 1) * AXIS : 0,
        alignTicks: true,
        axisLine: { show: true },
      }))
    : panels.map((_, gridIndex) => ({ gridIndex, ...measure(look, made) }));
  const rows = panels.map((text, i) => {
    const head = look.Title ? 7 : 0;
    const high = (100 - head - (legend ? 8 : 0)) / panels.length;
    return { text, head: `${head + i * high}%`, top: `${head + (i + 0.17) * high}%`, height: `${0.6 * high}%` };
  });
  return {
    left: made.left,
    panels: panels.length,
    option: {
      title: [...title(look), ...rows.flatMap(({ text, head }) => (text ? [{ text, top: head, left: edges.left - 20, padding: 3, textStyle: { fontSize: 12 } }] : []))],
      tooltip: { ...TOOLTIP, trigger: kind === "scatterchart" ? "item" : "axis" },
      axisPointer: { link: [{ [lying ? "yAxisIndex" : "xAxisIndex"]: "all" }] },
      legend: { show: legend, type: "scroll", bottom: 0 },
      grid: panels.length > 1 ? rows.map(({ top, height }) => ({ left: edges.left, right: edges.right, top, height })) : edges,
      xAxis: lying ? up : across,
      yAxis: lying ? across : up,
      dataZoom: xType === "datetime" ? [{ type: "inside", filterMode: "none", xAxisIndex: panels.map((_, i) => i) }] : [],
      animation: false,
      series: [...series.map((s, i) => line(s, i, look, made)), ...marked(made)],
    },
  };
}

interface Naming {
  names: string[];
  longest: number;
  lying: boolean;
  leaning: boolean;
}

/** The axis that tells where a point stands. */
function main(look: Visualization, xType: string, { names, longest, lying, leaning }: Naming): object {
  if (xType === "datetime") return { type: "time", axisLabel: { formatter: TIMES, hideOverlap: true } };
  if (!isMeasured(look, xType)) return { type: "category", data: names, inverse: lying, axisLabel: { overflow: "truncate", width: longest * LETTER, ...(leaning ? { rotate: 35 } : {}) } };
  const bounds = { ...(isBound(look.Xmin) ? { min: look.Xmin } : {}), ...(isBound(look.Xmax) ? { max: look.Xmax } : {}) };
  return { type: look.XAxis === "log" ? "log" : "value", scale: true, ...bounds };
}

/** The axis that tells how much it is. */
function measure(look: Visualization, { stack, series }: Drawn): object {
  const percent = stack === "stacked100";
  // A bar begins below the least value: one that is as low as the axis would not be seen.
  const least = Math.min(...series.flatMap((s) => s.points.map(([, y]) => y ?? Infinity)));
  const foot = look.YAxis === "log" && BARS.includes(look.Visualization) && Number.isFinite(least) ? 10 ** (Math.ceil(Math.log10(least)) - 1) : undefined;
  return {
    type: look.YAxis === "log" ? "log" : "value",
    name: look.YTitle ?? "",
    scale: look.Visualization === "scatterchart",
    ...(percent ? { axisLabel: { formatter: "{value} %" } } : {}),
    ...(foot ? { min: foot, startValue: foot } : {}),
    ...(isBound(look.Ymin) ? { min: look.Ymin } : {}),
    ...(isBound(look.Ymax) ? { max: look.Ymax } : percent ? { max: 100 } : {}),
  };
}

function line({ name, points, panel }: Series, at: number, look: Visualization, { stack, ownAxes }: Drawn): object {
  const kind = look.Visualization;
  const lying = kind === "barchart";
  const area = kind === "areachart" || kind === "stackedareachart";
  const type = kind === "scatterchart" ? "scatter" : kind === "columnchart" || lying ? "bar" : "line";
  const own = ownAxes ? at : panel;
  return {
    name,
    type,
    data: points.map(([a, b]) => (lying ? [b, a] : [a, b])),
    xAxisIndex: lying ? own : panel,
    yAxisIndex: lying ? panel : own,
    ...(stack ? { stack: String(panel) } : {}),
    ...(area ? { areaStyle: { opacity: stack ? 0.55 : 0.25 } } : {}),
    ...(type === "bar" ? { barMaxWidth: 46 } : {}),
    showSymbol: type === "scatter" || (!area && points.length < 40),
    symbolSize: type === "scatter" ? 7 : 4,
    ...(type === "line" && !stack ? { sampling: "lttb" } : {}),
  };
}

/** The anomalies, each as a mark of its own. */
function marked({ marks }: Drawn): object[] {
  return marks.length ? [{ name: "anomaly", type: "scatter", data: marks, symbol: "diamond", symbolSize: 11, itemStyle: { color: ANOMALY }, z: 5 }] : [];
}
