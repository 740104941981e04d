// What stands in a table's rows.

export type Cell = string | number | boolean | null | object;

export interface Column {
  name: string;
  /** Kusto's name of the type: `string`, `long`, `datetime` … */
  type: string;
}
