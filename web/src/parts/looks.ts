// What `render` can say of each look, and what of it the pages don't do.

import type { Visualization } from "../api/kusto";

const COMMON = ["title"];
const SHARED = [...COMMON, "legend", "series", "xcolumn", "ycolumns"];
const AXES = [...SHARED, "accumulate", "xaxis", "xtitle", "xmin", "xmax", "yaxis", "ytitle", "ymin", "ymax", "ysplit"];
const BARS = [...AXES, "kind"];

const OBEYED: Record<string, readonly string[]> = {
  anomalychart: [...AXES, "anomalycolumns"],
  areachart: BARS,
  barchart: BARS,
  card: COMMON,
  columnchart: BARS,
  linechart: AXES,
  piechart: SHARED,
  scatterchart: AXES,
  stackedareachart: BARS,
  timechart: AXES,
  treemap: [...COMMON, "series", "xcolumn", "ycolumns"],
};

export const KINDS: readonly string[] = Object.keys(OBEYED);

/** What is said of how it looks, by the names that a query has; not what is so anyway. */
function said(look: Visualization): [string, string][] {
  const all: Record<string, unknown> = {
    accumulate: look.Accumulate || null,
    anomalycolumns: look.AnomalyColumns,
    kind: look.Kind,
    legend: look.Legend,
    series: look.Series,
    title: look.Title,
    xaxis: look.XAxis,
    xcolumn: look.XColumn,
    xmax: look.Xmax,
    xmin: look.Xmin,
    xtitle: look.XTitle,
    yaxis: look.YAxis,
    ycolumns: look.YColumns,
    ymax: look.Ymax,
    ymin: look.Ymin,
    ysplit: look.YSplit,
    ytitle: look.YTitle,
  };
  const usual = [null, undefined, "", "NaN", "default", "unstacked", "linear", "none", "visible"];
  return Object.entries(all).flatMap(([name, value]): [string, string][] => (usual.includes(value as string) ? [] : [[name, String(value)]]));
}

/** What of it isn't done, in sentences. */
export function refused(look: Visualization): string[] {
  const kind = look.Visualization;
  const known = OBEYED[kind] ?? [];
  return said(look).flatMap(([name, value]) => {
    if (name === "kind" && value === "map") return ["`kind=map` is not supported here: there are no maps."];
    if (known.includes(name)) return [];
    return [`\`${name}=${value}\` is not supported for ${kind}: it is drawn without.`];
  });
}
