// Queries over Kusto's own protocol, version 2.

import type { Cell, Column } from "./cells";
import { ApiError, ask, json } from "./door";
import { type Exactly, parse } from "./large";

export type { Cell, Column };

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
  YSplit?: string | null;
  Accumulate?: boolean;
  AnomalyColumns?: string[] | string | null;
  Ymin?: number | "NaN";
  Ymax?: number | "NaN";
  Xmin?: number | "NaN";
  Xmax?: number | "NaN";
}

export interface Answer {
  tables: Table[];
  /** Seconds that the server says it took, and that it took until everything was here. */
  seconds: number;
  elapsed: number;
  bytes: number;
  /** What was read of the lake's files, at most; undefined where the server doesn't tell. */
  reads?: Reads;
  /** Why the answer isn't whole, if it isn't. */
  partial?: string;
}

export interface Reads {
  files: Part;
  rows: Part;
  bytes: Part;
  since: string;
  until: string;
}

interface Part {
  total: number;
  scanned: number;
}

/** What the server says of what a query has cost. */
interface Consumption {
  ExecutionTime?: number;
  input_dataset_statistics?: {
    extents?: Part & { scanned_min_datetime: string; scanned_max_datetime: string };
    rows?: Part;
    bytes?: Part;
  };
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
  /** Options of Kusto's, such as `query_datetimescope_from`. */
  options?: Record<string, string>;
  /** After how many seconds the server gives up. */
  patience?: number;
}

/** Runs a query. Throws `ApiError`, or `AbortError` where it was cancelled. */
export async function query({ workspace, text, signal, id, options, patience }: Asked): Promise<Answer> {
  const began = performance.now();
  const bound = patience ? { servertimeout: span(patience) } : {};
  const answer = await ask("/v2/rest/query", {
    method: "POST",
    body: { db: workspace, csl: text, properties: { Options: { ...options, results_progressive_enabled: false, ...bound } } },
    headers: { "x-ms-client-request-id": id ?? `huntlake.pages;${crypto.randomUUID()}` },
    ...(signal ? { signal } : {}),
  });
  const body = await answer.text();
  const made = read(parse<Frame[]>(body));
  return { ...made, bytes: body.length, elapsed: (performance.now() - began) / 1000 };
}

function span(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(11, 19);
}

/** Ends a query that runs on the server, by the id it was asked with. */
export async function cancel(workspace: string, id: string): Promise<void> {
  const body = { db: workspace, csl: `.cancel query "${id.replaceAll('"', "")}"` };
  await ask("/v1/rest/mgmt", { method: "POST", body }).catch(() => undefined);
}

function read({ body: frames, exact }: Exactly<Frame[]>): Omit<Answer, "bytes" | "elapsed"> {
  const tables: Table[] = [];
  const looks = new Map<number, Visualization>();
  let seconds = 0;
  let reads: Reads | undefined;
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
      tables.push({ name: frame.TableName ?? "", columns, rows: exact(rows, columns), ...(look ? { visualization: look } : {}) });
    } else if (frame.TableKind === "QueryCompletionInformation") {
      const stats = rows.find((row) => row.includes("QueryResourceConsumption"))?.at(-1);
      if (typeof stats === "string") {
        const told = JSON.parse(stats) as Consumption;
        const { extents, rows: ofRows, bytes } = told.input_dataset_statistics ?? {};
        seconds = told.ExecutionTime ?? 0;
        if (extents && ofRows && bytes) {
          reads = { files: extents, rows: ofRows, bytes, since: extents.scanned_min_datetime, until: extents.scanned_max_datetime };
        }
      }
    }
  }
  if (!tables.length && partial) throw new ApiError(400, "PartialFailure", partial);
  return { tables, seconds, ...(reads ? { reads } : {}), ...(partial ? { partial } : {}) };
}

const PARQUET = "application/vnd.apache.parquet";

/** The answer of a query as a Parquet file, and whether it has all rows. */
export async function parquet({ workspace, text, options }: Asked): Promise<{ file: Blob; whole: boolean }> {
  const answer = await ask("/v2/rest/query", { method: "POST", body: { db: workspace, csl: text, properties: { Options: options ?? {} } }, headers: { accept: PARQUET } });
  const file = await answer.blob();
  // What the file says of itself stands at its end, as plain text.
  const end = await file.slice(Math.max(0, file.size - 256 * 1024)).text();
  return { file, whole: !end.includes("huntlake:truncated") };
}

/** One table as objects, for small answers that a page itself asks for. */
export async function rows<T>(workspace: string, text: string, signal?: AbortSignal): Promise<T[]> {
  const { tables } = await query({ workspace, text, ...(signal ? { signal } : {}) });
  return objects<T>(tables[0]);
}

/** The rows of a table as objects. */
export function objects<T>(table: Table | undefined): T[] {
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
export async function command<T>(workspace: string, text: string, options: Record<string, string> = {}): Promise<T[]> {
  const body = { db: workspace, csl: text, properties: { Options: options } };
  const answer = await json<{ Tables: { Columns: { ColumnName: string }[]; Rows: Cell[][] }[] }>("/v1/rest/mgmt", { method: "POST", body });
  const [table] = answer.Tables;
  return (table?.Rows ?? []).map((row) => Object.fromEntries((table?.Columns ?? []).map((c, i) => [c.ColumnName, row[i]])) as T);
}

/** A workspace's name in a command. */
function named(workspace: string): string {
  return `["${workspace.replaceAll('"', "")}"]`;
}

export interface Member {
  Role: string;
  PrincipalDisplayName: string;
  PrincipalType: string;
  PrincipalFQN: string;
}

/** Who has a role in the workspace. */
export const members = (workspace: string): Promise<Member[]> => command<Member>(workspace, `.show database ${named(workspace)} principals`);

/** The tables and functions of a workspace. */
export async function schema(workspace: string): Promise<Schema> {
  const [shown] = await command<{ DatabaseSchema: string }>(workspace, `.show database ${named(workspace)} schema as json`);
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
