// Queries over Kusto's own protocol, version 2.

import { ApiError, ask, json } from "./door";

export type Cell = string | number | boolean | null | object;

export interface Column {
  name: string;
  /** Kusto's name of the type: `string`, `long`, `datetime` … */
  type: string;
}

export interface Table {
  name: string;
  columns: Column[];
  rows: Cell[][];
  /** What `render` asks for; undefined where the query has none. */
  visualization?: Visualization;
}

export interface Visualization {
  Visualization: string;
  Title: string | null;
  XColumn: string | null;
  YColumns: string[] | string | null;
  Series: string[] | string | null;
  Kind: string | null;
  XTitle: string | null;
  YTitle: string | null;
  Legend: string | null;
  XAxis: string | null;
  YAxis: string | null;
}

export interface Answer {
  tables: Table[];
  /** Seconds that the server says it took, and that it took until everything was here. */
  seconds: number;
  elapsed: number;
  bytes: number;
  /** Why the answer isn't whole, if it isn't. */
  partial?: string;
}

interface Frame {
  FrameType: string;
  TableKind?: string;
  TableName?: string;
  TableId?: number;
  Columns?: { ColumnName: string; ColumnType: string }[];
  Rows?: (Cell[] | { OneApiErrors: unknown })[];
  HasErrors?: boolean;
  OneApiErrors?: { error: { message: string; "@message"?: string } }[];
}

export interface Asked {
  workspace: string;
  text: string;
  signal?: AbortSignal;
  id?: string;
}

/** Runs a query. Throws `ApiError`, or `AbortError` where it was cancelled. */
export async function query({ workspace, text, signal, id }: Asked): Promise<Answer> {
  const began = performance.now();
  const answer = await ask("/v2/rest/query", {
    method: "POST",
    body: { db: workspace, csl: text, properties: { Options: { results_progressive_enabled: false } } },
    headers: { "x-ms-client-request-id": id ?? `huntlake.pages;${crypto.randomUUID()}` },
    ...(signal ? { signal } : {}),
  });
  const body = await answer.text();
  const made = read(JSON.parse(body) as Frame[]);
  return { ...made, bytes: body.length, elapsed: (performance.now() - began) / 1000 };
}

/** Ends a query that runs on the server, by the id it was asked with. */
export async function cancel(workspace: string, id: string): Promise<void> {
  const body = { db: workspace, csl: `.cancel query "${id.replaceAll('"', "")}"` };
  await ask("/v1/rest/mgmt", { method: "POST", body }).catch(() => undefined);
}

function read(frames: Frame[]): Omit<Answer, "bytes" | "elapsed"> {
  const tables: Table[] = [];
  const looks = new Map<number, Visualization>();
  let seconds = 0;
  let partial: string | undefined;
  for (const frame of frames) {
    if (frame.FrameType === "DataSetCompletion" && frame.HasErrors) {
      const first = frame.OneApiErrors?.[0]?.error;
      partial = first?.["@message"] ?? first?.message ?? "The answer is not whole.";
    }
    if (frame.FrameType !== "DataTable") continue;
    const rows = (frame.Rows ?? []).filter((row): row is Cell[] => Array.isArray(row));
    if (frame.TableKind === "QueryProperties") {
      for (const [table, key, value] of rows) {
        if (key === "Visualization") looks.set(Number(table), JSON.parse(String(value)) as Visualization);
      }
    } else if (frame.TableKind === "PrimaryResult") {
      const columns = (frame.Columns ?? []).map((c) => ({ name: c.ColumnName, type: c.ColumnType }));
      const look = looks.get(frame.TableId ?? -1);
      tables.push({ name: frame.TableName ?? "", columns, rows, ...(look ? { visualization: look } : {}) });
    } else if (frame.TableKind === "QueryCompletionInformation") {
      const stats = rows.find((row) => row.includes("QueryResourceConsumption"))?.at(-1);
      if (typeof stats === "string") seconds = Number((JSON.parse(stats) as { ExecutionTime?: number }).ExecutionTime ?? 0);
    }
  }
  if (!tables.length && partial) throw new ApiError(400, "PartialFailure", partial);
  return { tables, seconds, ...(partial ? { partial } : {}) };
}

/** One table as objects, for small answers that a page itself asks for. */
export async function rows<T>(workspace: string, text: string, signal?: AbortSignal): Promise<T[]> {
  const { tables } = await query({ workspace, text, ...(signal ? { signal } : {}) });
  const [table] = tables;
  if (!table) return [];
  return table.rows.map((row) => Object.fromEntries(table.columns.map((c, i) => [c.name, row[i]])) as T);
}

export interface SchemaTable {
  name: string;
  columns: Column[];
  folder: string;
  doc: string;
}

export interface SchemaFunction {
  name: string;
  parameters: string;
  body: string;
  folder: string;
  doc: string;
}

export interface Schema {
  tables: SchemaTable[];
  functions: SchemaFunction[];
  /** As `.show schema as json` gives it: what the editor wants. */
  raw: unknown;
}

interface ShownSchema {
  Databases: Record<
    string,
    {
      Tables: Record<string, { Name: string; Folder?: string; DocString?: string; OrderedColumns: { Name: string; CslType: string }[] }>;
      Functions: Record<
        string,
        {
          Name: string;
          Body: string;
          Folder?: string;
          DocString?: string;
          InputParameters: { Name: string; CslType?: string; Columns?: unknown[] }[];
        }
      >;
    }
  >;
}

/** The rows that a management command answers, as objects. */
export async function command<T>(workspace: string, text: string): Promise<T[]> {
  const body = { db: workspace, csl: text };
  const answer = await json<{ Tables: { Columns: { ColumnName: string }[]; Rows: Cell[][] }[] }>("/v1/rest/mgmt", { method: "POST", body });
  const [table] = answer.Tables;
  return (table?.Rows ?? []).map((row) => Object.fromEntries((table?.Columns ?? []).map((c, i) => [c.ColumnName, row[i]])) as T);
}

/** The tables and functions of a workspace. */
export async function schema(workspace: string): Promise<Schema> {
  const [shown] = await command<{ DatabaseSchema: string }>(workspace, `.show database ["${workspace.replaceAll('"', "")}"] schema as json`);
  const raw = JSON.parse(shown?.DatabaseSchema ?? "{}") as ShownSchema;
  const [database] = Object.values(raw.Databases ?? {});
  const tables = Object.values(database?.Tables ?? {}).map((t) => ({
    name: t.Name,
    columns: t.OrderedColumns.map((c) => ({ name: c.Name, type: c.CslType })),
    folder: t.Folder ?? "",
    doc: t.DocString ?? "",
  }));
  const functions = Object.values(database?.Functions ?? {}).map((f) => ({
    name: f.Name,
    parameters: f.InputParameters.map((p) => `${p.Name}:${p.CslType ?? "(…)"}`).join(", "),
    body: f.Body,
    folder: f.Folder ?? "",
    doc: f.DocString ?? "",
  }));
  const byName = (a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name);
  return { tables: tables.sort(byName), functions: functions.sort(byName), raw };
}
