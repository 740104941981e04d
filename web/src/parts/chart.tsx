// The charts that `render` asks for.

import { BarChart, LineChart, PieChart, ScatterChart } from "echarts/charts";
import { DataZoomComponent, GridComponent, LegendComponent, TitleComponent, TooltipComponent } from "echarts/components";
import * as echarts from "echarts/core";
import type { EChartsCoreOption } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { useEffect, useRef } from "preact/hooks";
import type { Cell, Table, Visualization } from "../api/kusto";
import { dark } from "../shell/theme";
import { isNumeric, shown, whole } from "./values";

echarts.use([
  BarChart,
  LineChart,
  PieChart,
  ScatterChart,
  GridComponent,
  LegendComponent,
  TitleComponent,
  TooltipComponent,
  DataZoomComponent,
  CanvasRenderer,
]);

const MOST_SERIES = 40;
const MOST_POINTS = 20_000;
const MOST_SLICES = 30;

export function Chart({ table, look }: { table: Table; look: Visualization }) {
  const place = useRef<HTMLDivElement>(null);
  const isDark = dark.value;
  useEffect(() => {
    if (!place.current) return;
    const chart = echarts.init(place.current, isDark ? "dark" : undefined, { renderer: "canvas" });
    chart.setOption({ backgroundColor: "transparent", ...optionOf(table, look) });
    const sized = new ResizeObserver(() => chart.resize());
    sized.observe(place.current);
    return () => {
      sized.disconnect();
      chart.dispose();
    };
  }, [table, look, isDark]);
  return <div class="chart" ref={place} role="img" aria-label={`${look.Visualization} of ${table.rows.length} rows; the table holds the values`} />;
}

interface Shape {
  x: number;
  ys: number[];
  splits: number[];
}

/** Which column is the axis, which are drawn, and which tell series apart: named ones, or the first that fit. */
function shapeOf(table: Table, look: Visualization): Shape {
  const named = (list: string[] | string | null) =>
    (Array.isArray(list) ? list : list ? [list] : []).map((n) => table.columns.findIndex((c) => c.name === n)).filter((i) => i >= 0);
  const numeric = table.columns.map((c, i) => (isNumeric(c.type) ? i : -1)).filter((i) => i >= 0);
  const time = table.columns.findIndex((c) => c.type === "datetime");
  const wantsTime = ["timechart", "anomalychart"].includes(look.Visualization);
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

function optionOf(table: Table, look: Visualization): EChartsCoreOption {
  const { x, ys, splits } = shapeOf(table, look);
  const title = look.Title ? { title: { text: look.Title, left: "center", textStyle: { fontSize: 14 } } } : {};
  // Values of logs are text on the canvas, never markup.
  const tooltip = { renderMode: "richText", confine: true };
  if (look.Visualization === "piechart") {
    const data = table.rows
      .map((row) => ({ name: shown(row[x], table.columns[x]?.type ?? "", 80), value: Number(row[ys[0] ?? 1] ?? 0) }))
      .sort((a, b) => b.value - a.value);
    const rest = data.slice(MOST_SLICES).reduce((sum, d) => sum + d.value, 0);
    const kept = rest ? [...data.slice(0, MOST_SLICES), { name: "(others)", value: rest }] : data;
    return { ...title, tooltip: { ...tooltip, trigger: "item" }, legend: { type: "scroll", bottom: 0 }, series: [{ type: "pie", radius: ["35%", "70%"], data: kept }] };
  }
  const series = seriesOf(table, { x, ys, splits });
  const kind = look.Visualization;
  const lying = kind === "barchart";
  const xType = table.columns[x]?.type ?? "string";
  const onTime = xType === "datetime";
  const onNumber = isNumeric(xType) && ["linechart", "scatterchart", "areachart", "stackedareachart", "timechart"].includes(kind);
  const stacked = /stacked/i.test(look.Kind ?? "") || kind === "stackedareachart" || ((kind === "columnchart" || kind === "barchart") && look.Kind !== "unstacked");
  const area = kind === "areachart" || kind === "stackedareachart";
  const type = kind === "scatterchart" ? "scatter" : kind === "columnchart" || lying ? "bar" : "line";
  const names = onTime || onNumber ? [] : [...new Set(table.rows.map((row) => shown(row[x], xType, 80)))];
  const main = onTime
    ? { type: "time" }
    : onNumber
      ? { type: look.XAxis === "log" ? "log" : "value", scale: true }
      : { type: "category", data: names, inverse: lying, axisLabel: { overflow: "truncate", width: lying ? 180 : 110 } };
  const values = { type: look.YAxis === "log" ? "log" : "value", name: look.YTitle ?? "", scale: kind === "scatterchart" };
  const named = { ...main, name: look.XTitle ?? "", nameLocation: "middle", nameGap: 30 };
  return {
    ...title,
    tooltip: { ...tooltip, trigger: type === "scatter" ? "item" : "axis" },
    legend: { show: look.Legend !== "hidden" && series.length > 1, type: "scroll", bottom: 0 },
    grid: { left: lying ? 200 : 64, right: 24, top: look.Title ? 40 : 24, bottom: series.length > 1 ? 64 : 48 },
    xAxis: lying ? values : named,
    yAxis: lying ? named : values,
    dataZoom: onTime ? [{ type: "inside", filterMode: "none" }] : [],
    animation: false,
    series: series.map((s) => ({
      name: s.name,
      type,
      data: s.points.map(([a, b]) => (lying ? [b, a] : [a, b])),
      ...(stacked && (type === "bar" || area) ? { stack: "all" } : {}),
      ...(area ? { areaStyle: { opacity: 0.35 } } : {}),
      showSymbol: s.points.length < 40,
      symbolSize: type === "scatter" ? 7 : 4,
      ...(type === "line" ? { sampling: "lttb" } : {}),
    })),
  };
}

interface Series {
  name: string;
  points: [string | number, number | null][];
}

function seriesOf(table: Table, { x, ys, splits }: Shape): Series[] {
  const xType = table.columns[x]?.type ?? "string";
  const found = new Map<string, Series>();
  for (const row of table.rows.slice(0, MOST_POINTS)) {
    const split = splits.map((i) => whole(row[i])).join(", ");
    for (const y of ys) {
      const own = table.columns[y]?.name ?? "";
      const name = splits.length ? (ys.length > 1 ? `${split}: ${own}` : split) : own;
      let series = found.get(name);
      if (!series) {
        if (found.size >= MOST_SERIES) continue;
        series = { name, points: [] };
        found.set(name, series);
      }
      series.points.push([at(row[x], xType), row[y] === null || row[y] === undefined ? null : Number(row[y])]);
    }
  }
  const made = [...found.values()];
  if (xType === "datetime" || isNumeric(xType)) {
    for (const s of made) s.points.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
  }
  return made;
}

function at(value: Cell | undefined, type: string): string | number {
  if (isNumeric(type)) return Number(value);
  return type === "datetime" ? whole(value) : shown(value, type, 80);
}
