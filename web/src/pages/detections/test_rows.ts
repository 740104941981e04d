// Rows of the lake as events of a test.

import type { Cell, Table } from "../../api/kusto";

const SECOND = 1000;
const PLACEHOLDER = /^\s*- \{TimeGenerated: -10m\}\s*$/;

/** The table that a query begins with. */
export function tableOf(query: string): string {
  const lines = query.split("\n").filter((line) => !/^\s*(\/\/|let\b|$)/.test(line));
  return /^\s*([A-Za-z_]\w*)/.exec(lines[0] ?? "")?.[1] ?? "SigninLogs";
}

const MOST = 100;

/** Asks for rows of the lake that pass the first filters of a rule's query: those between two times, or any few. */
export function like(query: string, since: string | null, until: string | null): string {
  const lines = query.split("\n").filter((line) => !/^\s*(\/\/|$)/.test(line));
  const own = /^\s*[A-Za-z_]\w*\s*$/.test(lines[0] ?? "") ? lines : [tableOf(query)];
  const end = own.findIndex((line) => /^\s*\|(?!\s*where\b)/.test(line));
  return [...own.slice(0, end < 0 ? own.length : end), ...(since && until ? [`| where TimeGenerated between (${moment(since)} .. ${moment(until)})`, `| take ${MOST}`] : ["| where TimeGenerated > ago(30d)", "| take 3"])].map((line) => line.trimEnd()).join("\n");
}

/** A time as KQL has it; whatever an address holds, it is nothing else. */
function moment(iso: string): string {
  return `datetime(${/^[\dT:.Z+-]+$/.test(iso) ? iso : "null"})`;
}

/** A new test of a rule. */
export function begun(query: string): string {
  return `name: fires\nevents:\n  ${tableOf(query)}:\n    - {TimeGenerated: -10m}\nexpect:\n  alerts: 1\n`;
}

/** The text with rows of a table among its events; where it doesn't say what time it is, with the time right after the newest. */
export function withRows(text: string, table: string, rows: string[], newest: number): string {
  const lines = text.replace(/\n+$/, "").split("\n").filter((line) => !PLACEHOLDER.test(line));
  const events = lines.findIndex((line) => /^events:\s*(#.*)?$/.test(line));
  const items = rows.map((row) => `    - ${row}`);
  if (events < 0) lines.push("events:", `  ${table}:`, ...items);
  else {
    const end = lines.findIndex((line, at) => at > events && /^[^\s#]/.test(line));
    const own = lines.findIndex((line, at) => at > events && (end < 0 || at < end) && line.trimEnd() === `  ${table}:`);
    if (own >= 0) lines.splice(own + 1, 0, ...items);
    else lines.splice(events + 1, 0, `  ${table}:`, ...items);
  }
  if (newest && !lines.some((line) => /^(clock|runs):/.test(line))) {
    const name = lines.findIndex((line) => line.startsWith("name:"));
    lines.splice(name + 1, 0, `clock: ${new Date(Math.ceil((newest + SECOND) / SECOND) * SECOND).toISOString().replace(".000Z", "Z")}`);
  }
  return `${lines.join("\n")}\n`;
}

/** Each row in one line of YAML, without what is empty and without columns that the table hasn't; and when the newest happened. */
export function asEvents(answer: Pick<Table, "columns" | "rows">, known: readonly string[]): { rows: string[]; newest: number } {
  let newest = 0;
  const rows = answer.rows.map((row) => {
    const cells: string[] = [];
    answer.columns.forEach((column, i) => {
      const value = row[i] ?? null;
      if (!known.includes(column.name) || isEmpty(value)) return;
      if (column.name === "TimeGenerated" || column.name === "Timestamp") newest = Math.max(newest, Date.parse(String(value)) || 0);
      // JSON is YAML, but for two ends of lines.
      cells.push(`${column.name}: ${JSON.stringify(value).replace(/[\u2028\u2029\u0085\u007f-\u009f\ufeff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`)}`);
    });
    return `{${cells.join(", ")}}`;
  });
  return { rows, newest };
}

function isEmpty(value: Cell): boolean {
  return value === null || value === "" || JSON.stringify(value) === "{}" || JSON.stringify(value) === "[]";
}
