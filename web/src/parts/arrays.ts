// Series that lie in arrays, as `make-series` gives them, become a row for each of their points.

import type { Cell, Column, Table, Visualization } from "../api/kusto";

export interface Unrolled {
  table: Pick<Table, "columns" | "rows">;
  look: Visualization;
  /** How many rows there would be without a bound. */
  total: number;
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

/** The table with at least `most` of its rows; one without arrays for an axis stays as it is. */
export function unrolled(table: Table, look: Visualization, most: number): Unrolled {
  const types = table.columns.map((column, i) => (column.type === "dynamic" ? held(table.rows, i) : undefined));
  const named = table.columns.findIndex((c) => c.name === look.XColumn);
  const times = types.indexOf("datetime");
  const x = named >= 0 ? named : times >= 0 ? times : types.findIndex((t) => t !== undefined);
  if (!types[x]) return { table, look, total: table.rows.length };
  const columns = table.columns.map((c, i): Column => ({ name: c.name, type: types[i] ?? c.type }));
  const rows: Cell[][] = [];
  let total = 0;
  for (const row of table.rows) {
    const places = row[x];
    if (!Array.isArray(places)) continue;
    total += places.length;
    if (rows.length > most) continue;
    for (let at = 0; at < places.length; at++) rows.push(row.map((cell, i) => (types[i] && Array.isArray(cell) ? ((cell[at] as Cell) ?? null) : cell)));
  }
  return { table: { columns, rows }, look: { ...look, XColumn: columns[x]?.name ?? null }, total };
}

/** The type of what lies in a column's arrays; undefined where it isn't arrays that the column holds. */
function held(rows: Cell[][], index: number): string | undefined {
  const arrays = rows.map((row) => row[index]).filter((cell) => cell !== null && cell !== undefined);
  if (!arrays.length || !arrays.every(Array.isArray)) return undefined;
  const values = (arrays as Cell[][]).flatMap((a) => a.slice(0, 100)).filter((v) => v !== null);
  if (values.every((v) => typeof v === "number" || v === "NaN")) return "real";
  return values.every((v) => typeof v === "string" && TIME.test(v)) ? "datetime" : "string";
}
