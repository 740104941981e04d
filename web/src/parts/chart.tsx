// The charts that `render` asks for.

import { BarChart, LineChart, PieChart, ScatterChart, TreemapChart } from "echarts/charts";
import { DataZoomComponent, GridComponent, LegendComponent, TitleComponent, TooltipComponent } from "echarts/components";
import * as echarts from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Table, Visualization } from "../api/kusto";
import { dark } from "../shell/theme";
import { axes } from "./chart_axes";
import { pie, treemap } from "./chart_shares";
import { quoted } from "./sentences";
import { counted } from "./values";
import "./chart.css";

echarts.use([
  BarChart,
  LineChart,
  PieChart,
  ScatterChart,
  TreemapChart,
  GridComponent,
  LegendComponent,
  TitleComponent,
  TooltipComponent,
  DataZoomComponent,
  CanvasRenderer,
]);

// Told apart by those who don't see all colours, on light and on dark; the second eight are for charts of many series.
const COLOURS = "#1b8a96 #d9822b #7565c8 #5a9b2f #c8475a #3f7fd6 #b3902f #93648d #5fb3bd #8a5a2b #a99ce0 #2f6b3a #e58a97 #2a4f8f #7d7a2a #5c6b7a".split(" ");
const PANEL = 150;

export function Chart({ table, look }: { table: Table; look: Visualization }) {
  const place = useRef<HTMLDivElement>(null);
  const isDark = dark.value;
  const { option, left, panels } = useMemo(() => {
    if (look.Visualization === "piechart") return { ...pie(table, look), panels: 1 };
    if (look.Visualization === "treemap") return { ...treemap(table, look, isDark), panels: 1 };
    return axes(table, look);
  }, [table, look, isDark]);
  useEffect(() => {
    if (!place.current) return;
    const chart = echarts.init(place.current, isDark ? "dark" : undefined, { renderer: "canvas" });
    chart.setOption({ backgroundColor: "transparent", color: COLOURS, useUTC: true, ...option });
    const sized = new ResizeObserver(() => chart.resize());
    sized.observe(place.current);
    return () => {
      sized.disconnect();
      chart.dispose();
    };
  }, [option]);
  return (
    <div class="chart-drawn">
      {left.length > 0 && <p class="chart-left">{quoted(left.join(" "))}</p>}
      <div
        class="chart"
        ref={place}
        role="img"
        aria-label={`${look.Visualization} of ${counted(table.rows.length, "row")}; the table holds the values`}
        style={panels > 1 ? { minHeight: `${panels * PANEL}px` } : {}}
      />
    </div>
  );
}
