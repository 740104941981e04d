// What a query would read, what it does in words, and queries for questions in plain words.

import { arm } from "../shell/session";
import { post as send } from "./door";
import { command, type Column } from "./kusto";

const VERSION = "api-version=2026-01-01";

export interface Step {
  text: string;
}

export interface Finding {
  code: string;
  level: "error" | "warning" | "note";
  title: string;
  reason: string;
  help: string;
  line?: number;
}

export interface Part {
  total: number;
  scanned: number;
}

export interface Scan {
  Database: string;
  Table: string;
  Columns: string[];
  Since: string | null;
  Until: string | null;
  Extents: Part;
  Rows: Part;
  Bytes: Part;
}

export interface Plan {
  name: string;
  columns: Column[];
  sql: string;
  plan: string;
  scans: Scan[];
}

interface Result {
  Name: string;
  Columns: { ColumnName: string; ColumnType: string }[];
  Sql: string;
  Plan: string;
  Scans: Scan[];
}

/** What stands before the query that a plan is asked for. */
export const PLAN = ".show queryplan <|\n";

/** How each table of the answer would be computed; nothing is run. */
export async function plans(workspace: string, text: string, options: Record<string, string>): Promise<Plan[]> {
  const rows = await command<{ ResultType: string; Content: string }>(workspace, PLAN + text, options);
  const content = rows.find((r) => r.ResultType === "QueryPlan")?.Content ?? "{}";
  const told = JSON.parse(content) as { RootOperator?: { Results: Result[] } };
  return (told.RootOperator?.Results ?? []).map((r) => ({
    name: r.Name,
    columns: r.Columns.map((c) => ({ name: c.ColumnName, type: c.ColumnType })),
    sql: r.Sql,
    plan: r.Plan,
    scans: r.Scans,
  }));
}

export interface Words {
  explanation: Step[];
  findings: Finding[];
}

export async function words(query: string): Promise<Words> {
  return (await post<{ properties: Words }>("explanations", { query })).properties;
}

export interface Answered {
  question: string;
  query: string;
  table: string;
  tables: { name: string; score: number }[];
  explanation: Step[];
  /** `core`, or `model` where a language model has drafted it. */
  maker: string;
  notUnderstood: string[];
  remark: string;
  proof: { valid: boolean; findings: Finding[]; cost?: { bytes: number; rows: number } };
}

/** A query for a question, over that table or the likeliest. It isn't run. */
export async function ask(question: string, table = ""): Promise<Answered> {
  return (await post<{ properties: Answered }>("questions", { question, table })).properties;
}

function post<T>(to: string, properties: object): Promise<T> {
  return send<T>(`${arm.value}/providers/huntlake.Hunting/${to}?${VERSION}`, { properties });
}
