// Which looks of `render` there are; apart from the charts themselves, which are loaded when one is drawn.

import type { Table } from "../api/kusto";
import { KINDS } from "./looks";

/** The look that a query asks for and the pages have not; empty where there is none. */
export function undrawable(table: Table): string {
  const wanted = table.visualization?.Visualization;
  return wanted && wanted !== "table" && !KINDS.includes(wanted) ? wanted : "";
}

/** Whether a table can be drawn as `render` asks. */
export function drawable(table: Table): boolean {
  return !!table.visualization && KINDS.includes(table.visualization.Visualization);
}
