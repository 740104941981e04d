// Answers as files.

import type { Table } from "../../api/kusto";
import { whole } from "../../parts/values";

export function csv(table: Table): string[] {
  const lines = [table.columns.map((c) => field(c.name)).join(",") + "\r\n"];
  for (const row of table.rows) lines.push(row.map((v) => field(whole(v))).join(",") + "\r\n");
  return lines;
}

export function lines(table: Table): string[] {
  const names = table.columns.map((c) => c.name);
  return table.rows.map((row) => JSON.stringify(Object.fromEntries(names.map((n, i) => [n, row[i]]))) + "\n");
}

function field(text: string): string {
  // A cell that a spreadsheet would take for a formula stays text.
  const safe = /^[=+\-@\t\r]/.test(text) && !/^[+-]?[\d.]+(e[+-]?\d+)?$/i.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
