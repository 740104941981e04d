// What the lake holds, and files that are sent to be imported.

import { arm, workspace } from "../shell/session";
import { ApiError, json } from "./door";
import { rows } from "./kusto";
import { all } from "./sentinel";

const VERSION = "api-version=2026-01-01";

export interface TableState {
  name: string;
  properties: {
    rows: number;
    files: number;
    days: number;
    bytes: number;
    indexBytes: number;
    filesToCompact: number;
    oldestTimeUtc?: string;
    newestTimeUtc?: string;
    retentionInDays?: number;
  };
}

export const tables = (): Promise<TableState[]> => all<TableState>(`${arm.value}/providers/huntlake.Lake/tables?${VERSION}`);

/** Says how many days the rows of a table are kept; null is what the server says by itself. */
export function keep(table: string, days: number | null): Promise<unknown> {
  const body = { properties: { totalRetentionInDays: days ?? -1 } };
  return json(`${arm.value}/tables/${encodeURIComponent(table)}?api-version=2023-09-01`, { method: "PATCH", body });
}

export interface Import {
  id: string;
  /** What the page that sent it calls it. */
  clientRequestId: string;
  name: string;
  by: string;
  startedTimeUtc: string;
  state: "receiving" | "waiting" | "reading" | "done" | "failed";
  doneBytes: number;
  totalBytes: number;
  rows: number;
  failure: string;
  tables?: Record<string, number>;
  rowsRead?: number;
  rowsRefused?: number;
  skipped?: string[];
  files?: { name: string; format: string; status: string; reason: string; sha256: string; rows: number }[];
}

function place(below = ""): string {
  return `/imports/workspaces/${encodeURIComponent(workspace.value?.name ?? "")}${below}`;
}

export const imports = async (): Promise<Import[]> => (await json<{ value: Import[] }>(place())).value;

/** Sends a file under an id of the caller's, and tells how much of it is there; a fetch can't tell that. */
export function send(id: string, file: File, zone: string, told: (done: number) => void, proof: string): Promise<Import> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/app/api${place()}?${new URLSearchParams({ name: file.name, timeZone: zone })}`);
    request.setRequestHeader("x-huntlake-proof", proof);
    request.setRequestHeader("x-ms-client-request-id", id);
    request.setRequestHeader("content-type", "application/octet-stream");
    request.upload.onprogress = (event) => told(event.loaded);
    request.onload = () => {
      const answer = parsed(request.responseText);
      if (request.status === 202) resolve(answer as unknown as Import);
      else reject(new ApiError(request.status, "Error", answer.error?.message ?? `The server answered ${request.status}.`));
    };
    request.onerror = () => reject(new ApiError(0, "Unreachable", "The server doesn't answer. Is it still running?"));
    request.send(file);
  });
}

function parsed(text: string): { error?: { message?: string } } {
  try {
    return JSON.parse(text) as { error?: { message?: string } };
  } catch {
    return {};
  }
}

export interface DeadLetter {
  TimeGenerated: string;
  Table: string;
  Reason: string;
  Source: string;
  Line: number;
  Text: string;
}

/** The rows that were refused lately. The table is there only since the first one was. */
export const deadLetters = (where: string): Promise<DeadLetter[]> =>
  rows<DeadLetter>(
    where,
    `union isfuzzy=true HuntlakeDeadLetters, (datatable(TimeGenerated: datetime, Table: string, Reason: string, Source: string, Line: long, Text: string)[])
| where TimeGenerated > ago(30d)
| top 200 by TimeGenerated
| project TimeGenerated, Table, Reason, Source, Line, Text`,
  );

export interface AuditRow {
  TimeGenerated: string;
  Sequence: number;
  ActorKind: string;
  ActorName: string;
  Action: string;
  ObjectType: string;
  ObjectId: string;
  FromState: string;
  ToState: string;
  Reason: string;
}

export const audit = (where: string): Promise<AuditRow[]> =>
  rows<AuditRow>(where, "HuntlakeAudit | top 200 by Sequence | project TimeGenerated, Sequence, ActorKind, ActorName, Action, ObjectType, ObjectId, FromState, ToState, Reason");
