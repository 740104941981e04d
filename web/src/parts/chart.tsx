// The charts that `render` asks for.

import { BarChart, LineChart, PieChart, ScatterChart } from "echarts/charts";
import { DataZoomComponent, GridComponent, LegendComponent, TitleComponent, TooltipComponent } from "echarts/components";
import * as echarts from "echarts/core";
import type { EChartsCoreOption } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Table, Visualization } from "../api/kusto";
import { dark } from "../shell/theme";
import { drawn, shapeOf, stacking, type Drawn } from "./series";
import { isNumeric, shown } from "./values";
import "./chart.css";

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

const MOST_SLICES = 30;
// Told apart by those who don't see all colours, on light and on dark; the second eight are for charts of many series.
const COLOURS = "#1b8a96 #d9822b #7565c8 #5a9b2f #c8475a #3f7fd6 #b3902f #93648d #5fb3bd #8a5a2b #a99ce0 #2f6b3a #e58a97 #2a4f8f #7d7a2a #5c6b7a".split(" ");
const LETTER = 6.6;
// The day stands where a day begins; `9` alone could be anything.
const TIMES = { year: "{yyyy}", month: "{MMM} {yyyy}", day: "{d} {MMM}", hour: "{HH}:{mm}", minute: "{HH}:{mm}", second: "{HH}:{mm}:{ss}" };

export function Chart({ table, look }: { table: Table; look: Visualization }) {
  const place = useRef<HTMLDivElement>(null);
  const isDark = dark.value;
  const made = useMemo(() => (look.Visualization === "piechart" ? undefined : drawn(table, look)), [table, look]);
  useEffect(() => {
    if (!place.current) return;
    const chart = echarts.init(place.current, isDark ? "dark" : undefined, { renderer: "canvas" });
    chart.setOption({ backgroundColor: "transparent", color: COLOURS, useUTC: true, ...(made ? axes(table, look, made) : pie(table, look)) });
    const sized = new ResizeObserver(() => chart.resize());
    sized.observe(place.current);
    return () => {
      sized.disconnect();
      chart.dispose();
    };
  }, [table, look, made, isDark]);
  return (
    <div class="chart-drawn">
      {made && made.left.length > 0 && <p class="chart-left">{made.left.join(" ")}</p>}
      <div class="chart" ref={place} role="img" aria-label={`${look.Visualization} of ${table.rows.length} rows; the table holds the values`} />
    </div>
  );
}

// Values of logs are text on the canvas, never markup.
const TOOLTIP = { renderMode: "richText", confine: true };

function title(look: Visualization): object {
  return look.Title ? { title: { text: look.Title, left: "center", textStyle: { fontSize: 14 } } } : {};
}

function pie(table: Table, look: Visualization): EChartsCoreOption {
  const { x, ys } = shapeOf(table, look);
  const data = table.rows
    .map((row) => ({ name: shown(row[x], table.columns[x]?.type ?? "", 80), value: Number(row[ys[0] ?? 1] ?? 0) }))
    .sort((a, b) => b.value - a.value);
  const rest = data.slice(MOST_SLICES).reduce((sum, d) => sum + d.value, 0);
  const kept = rest ? [...data.slice(0, MOST_SLICES), { name: `(${data.length - MOST_SLICES} others)`, value: rest }] : data;
  const share = ({ name, value, percent }: { name: string; value: number; percent: number }) => `${name}\n${value.toLocaleString("en-US")} (${percent} %)`;
  return {
    ...title(look),
    tooltip: { ...TOOLTIP, trigger: "item", formatter: share },
    legend: { show: look.Legend !== "hidden", type: "scroll", bottom: 0 },
    animation: false,
    series: [{ type: "pie", radius: ["35%", "68%"], center: ["50%", "47%"], minShowLabelAngle: 4, data: kept }],
  };
}

function axes(table: Table, look: Visualization, { shape, series }: Drawn): EChartsCoreOption {
  const { x } = shape;
  const kind = look.Visualization;
  const lying = kind === "barchart";
  const xType = table.columns[x]?.type ?? "string";
  const onTime = xType === "datetime";
  const onNumber = isNumeric(xType) && ["linechart", "scatterchart", "areachart", "stackedareachart", "timechart"].includes(kind);
  const stack = stacking(look);
  const area = kind === "areachart" || kind === "stackedareachart";
  const type = kind === "scatterchart" ? "scatter" : kind === "columnchart" || lying ? "bar" : "line";
  const names = onTime || onNumber ? [] : [...new Set(table.rows.map((row) => shown(row[x], xType, 80)))];
  const longest = Math.min(26, Math.max(4, ...names.map((n) => n.length)));
  const leaning = !lying && names.length * longest * LETTER > 900;
  const label = { overflow: "truncate", width: longest * LETTER, ...(leaning ? { rotate: 35 } : {}) };
  const main = onTime
    ? { type: "time", axisLabel: { formatter: TIMES, hideOverlap: true } }
    : onNumber
      ? { type: look.XAxis === "log" ? "log" : "value", scale: true }
      : { type: "category", data: names, inverse: lying, axisLabel: label };
  const percent = stack === "stacked100";
  const bounds = { ...(isBound(look.Ymin) ? { min: look.Ymin } : {}), ...(isBound(look.Ymax) ? { max: look.Ymax } : percent ? { max: 100 } : {}) };
  const values = {
    type: look.YAxis === "log" ? "log" : "value",
    name: look.YTitle ?? "",
    scale: kind === "scatterchart",
    ...(percent ? { axisLabel: { formatter: "{value} %" } } : {}),
    ...bounds,
  };
  const below = leaning ? Math.round(longest * LETTER * 0.6) + 16 : 30;
  const named = { ...main, name: look.XTitle ?? "", nameLocation: "middle", nameGap: lying ? longest * LETTER + 20 : below };
  const left = lying ? longest * LETTER + (look.XTitle ? 44 : 24) : leaning ? Math.max(64, longest * LETTER * 0.8) : 64;
  const legend = look.Legend !== "hidden" && series.length > 1;
  return {
    ...title(look),
    tooltip: { ...TOOLTIP, trigger: type === "scatter" ? "item" : "axis" },
    legend: { show: legend, type: "scroll", bottom: 0 },
    grid: { left, right: 28, top: look.Title || (look.YTitle && !lying) ? 40 : 24, bottom: below + (legend ? 34 : 0) + (look.XTitle ? 14 : 0) },
    xAxis: lying ? values : named,
    yAxis: lying ? named : values,
    dataZoom: onTime ? [{ type: "inside", filterMode: "none" }] : [],
    animation: false,
    series: series.map((s) => ({
      name: s.name,
      type,
      data: s.points.map(([a, b]) => (lying ? [b, a] : [a, b])),
      ...(stack && (type === "bar" || area) ? { stack: "all" } : {}),
      ...(area ? { areaStyle: { opacity: stack ? 0.55 : 0.25 } } : {}),
      ...(type === "bar" ? { barMaxWidth: 46 } : {}),
      showSymbol: type === "scatter" || (!area && s.points.length < 40),
      symbolSize: type === "scatter" ? 7 : 4,
      ...(type === "line" && !stack ? { sampling: "lttb" } : {}),
    })),
  };
}

/** The server says `NaN` where there is no bound. */
function isBound(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}
