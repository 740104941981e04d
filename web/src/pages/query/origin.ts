// Whether the rows of an answer are rows of one table, as they lie in the lake.

import type { Column, SchemaTable } from "../../api/kusto";
import { type Stage, stages } from "./pipeline";

export interface Origin {
  table: string;
  /** Columns of the answer that the table hasn't. */
  left: string[];
}

/** They leave rows out, or sort them, and change nothing within. */
const KEEPING = new Set(["as", "filter", "limit", "order", "project-away", "project-keep", "project-reorder", "render", "sample", "sort", "take", "top", "where"]);

/** The table that the rows are of; where they are of none, or of several, why. */
export function originOf(text: string, columns: readonly Column[], tables: readonly SchemaTable[]): Origin | string {
  const found = stages(text);
  if (!found) return "The answer is not of a query over a table.";
  const [source, ...operators] = found.stages;
  const table = named(source?.said ?? []);
  const known = tables.find((t) => t.name === table);
  if (!table) return "The query doesn't begin with the name of one table: a test takes rows of one table as they are.";
  if (found.declared.includes(table)) return `${table} is declared by a let of the query: begin with the name of the table itself.`;
  if (!known) return `${table} is not a table of this workspace.`;
  for (const stage of operators) {
    const wrong = changed(stage, known);
    if (wrong) return wrong;
  }
  const other = columns.find((c) => known.columns.some((k) => k.name === c.name && k.type !== c.type));
  if (other) return `${other.name} is of the type ${other.type} here, and of another in ${table}.`;
  const left = columns.map((c) => c.name).filter((name) => !known.columns.some((k) => k.name === name));
  return left.length === columns.length ? `No column of the answer is one of ${table}.` : { table, left };
}

function named(said: readonly string[][]): string | undefined {
  const tokens = said.length === 1 ? (said[0] ?? []) : [];
  if (tokens.length === 1 && /^[\p{L}_][\p{L}\p{N}_]*$/u.test(tokens[0] ?? "")) return tokens[0];
  const [open, text, shut] = tokens;
  return tokens.length === 3 && open === "[" && shut === "]" ? text?.slice(1, -1) : undefined;
}

/** Why the rows after an operator aren't rows of the table; empty where they are. */
function changed({ operator, said }: Stage, { name, columns }: SchemaTable): string {
  if (KEEPING.has(operator)) return "";
  if (operator === "project") {
    const computes = said.some((piece) => piece.some((token) => /^[=(]$/.test(token)));
    return computes ? `A column is computed by project: a test takes the columns of ${name} as they are.` : "";
  }
  if (operator === "extend") {
    for (const [column = "", equals] of said) {
      if (equals !== "=") return `A column that extend makes has no name: a test takes the columns of ${name} as they are.`;
      if (columns.some((c) => c.name === column)) return `${column} is computed by extend: a test takes the columns of ${name} as they are.`;
    }
    return "";
  }
  return `These are rows that ${operator} makes, not rows of ${name}: ask with where, sort, top, take or project alone.`;
}
