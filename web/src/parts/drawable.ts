// Which looks of `render` there are; apart from the charts themselves, which are loaded when one is drawn.

import type { Table } from "../api/kusto";

const KINDS = [
  "anomalychart",
  "areachart",
  "barchart",
  "columnchart",
  "linechart",
  "piechart",
  "scatterchart",
  "stackedareachart",
  "timechart",
];

/** Whether a table can be drawn as `render` asks. */
export function drawable(table: Table): boolean {
  return !!table.visualization && KINDS.includes(table.visualization.Visualization);
}
