// Workflows, their runs, and approvals, over Azure Resource Manager's API.

import { arm, session } from "../shell/session";
import { json, post } from "./door";
import { all, path as sentinel } from "./sentinel";

const VERSION = "api-version=2019-05-01";

export interface WorkflowAction {
  type: string;
  runAfter?: Record<string, string[]>;
  inputs?: unknown;
  expression?: unknown;
  foreach?: string;
  actions?: Record<string, WorkflowAction>;
  else?: { actions?: Record<string, WorkflowAction> };
  cases?: Record<string, { case: unknown; actions?: Record<string, WorkflowAction> }>;
  default?: { actions?: Record<string, WorkflowAction> };
}

export interface Workflow {
  id: string;
  name: string;
  etag?: string;
  tags?: Record<string, string>;
  properties: {
    state: "Enabled" | "Disabled";
    version: string;
    createdTime: string;
    changedTime: string;
    parameters?: Record<string, { value?: Record<string, { connectionId?: string }> }>;
    definition: { triggers: Record<string, { type: string; kind?: string; inputs?: unknown }>; actions: Record<string, WorkflowAction> };
  };
}

export interface Run {
  name: string;
  properties: {
    status: string;
    startTime: string;
    endTime?: string;
    code?: string;
    error?: { code?: string; message?: string };
    trigger?: { name?: string };
    huntlakeIncident?: string;
  };
}

const GOING = new Set(["Running", "Waiting", "Suspended"]);

/** Whether a run hasn't ended yet. */
export const goesOn = (run: Run | undefined): boolean => GOING.has(run?.properties.status ?? "");

export interface RunAction {
  name: string;
  properties: {
    status: string;
    startTime?: string;
    endTime?: string;
    code?: string;
    error?: { code?: string; message?: string };
    inputsLink?: { uri: string };
    outputsLink?: { uri: string };
    retryHistory?: unknown[];
    /** Of an action within loops: in how many rounds it was. */
    repetitionCount?: number;
  };
}

export interface Round extends RunAction {
  properties: RunAction["properties"] & { repetitionIndexes: { scopeName: string; itemIndex: number }[] };
}

export type Mode = "live" | "dry-run" | "replay";

export interface Connection {
  id: string;
  name: string;
  etag: string;
  properties: {
    displayName: string;
    api: { name: string };
    statuses: { status: string; error?: { message: string } }[];
    overallStatus: string;
    changedTime: string;
    huntlakeMode: Mode;
    huntlakeWorkspace: string;
  };
}

export interface Approval {
  name: string;
  properties: {
    kind: string;
    status: string;
    summary: string;
    text?: string;
    workflow: string;
    run: string;
    action: string;
    incident?: string;
    connector?: string;
    operation?: string;
    effect?: string;
    inputs?: Record<string, unknown>;
    inputsHash?: string;
    reasons?: string[];
    /** Who set off the run, where that is known. */
    requestedBy?: { objectId?: string; name?: string };
    requestedTimeUtc: string;
    /** Whoever set off the run doesn't decide. */
    fourEyes?: boolean;
    /** Of each of these, whoever decides must be one. */
    approvers?: string[][];
    expirationTimeUtc: string;
    options?: { name: string; title: string }[];
    decidedBy?: { name?: string };
    decidedTimeUtc?: string;
    comment?: string;
  };
}

function group(type = "Microsoft.Logic/workflows"): string {
  const s = session.value;
  return s ? `/subscriptions/${s.subscription}/resourceGroups/${s.resourceGroup}/providers/${type}` : "";
}

const of = (name: string): string => `${group()}/${encodeURIComponent(name)}`;

export const connections = (): Promise<Connection[]> => all<Connection>(`${group("Microsoft.Web/connections")}?${VERSION}`);

/** Says what becomes of a connection's calls; fails with 412 where somebody else has changed it meanwhile. */
export function setMode(connection: Connection, mode: Mode): Promise<Connection> {
  return json<Connection>(`${group("Microsoft.Web/connections")}/${encodeURIComponent(connection.name)}?${VERSION}`, {
    method: "PATCH",
    headers: { "If-Match": connection.etag },
    body: { properties: { huntlakeMode: mode } },
  });
}

export const workflows = (): Promise<Workflow[]> => all<Workflow>(`${group()}?${VERSION}`);
export const workflow = (name: string): Promise<Workflow> => json<Workflow>(`${of(name)}?${VERSION}`);
export const runs = (name: string): Promise<Run[]> => all<Run>(`${of(name)}/runs?${VERSION}&$top=100`, 100);
export const run = (name: string, id: string): Promise<Run> => json<Run>(`${of(name)}/runs/${id}?${VERSION}`);
export const actions = (name: string, id: string): Promise<RunAction[]> => all<RunAction>(`${of(name)}/runs/${id}/actions?${VERSION}`);

/** What an action did in each round of the loops around it. */
export async function rounds(name: string, id: string, action: string): Promise<Round[]> {
  const path = `${of(name)}/runs/${id}/actions/${encodeURIComponent(action)}`;
  const found = await all<Round>(`${path}/repetitions?${VERSION}`, 500);
  return found.length ? found : all<Round>(`${path}/scopeRepetitions?${VERSION}`, 500);
}

export const setState = (name: string, enabled: boolean): Promise<unknown> => post(`${of(name)}/${enabled ? "enable" : "disable"}?${VERSION}`, {});
export const cancel = (name: string, id: string): Promise<unknown> => post(`${of(name)}/runs/${id}/cancel?${VERSION}`, {});

/** Does a run again: from its beginning, or from some of its actions. */
export function resubmit(name: string, id: string, from: string[] = []): Promise<unknown> {
  return post(`${of(name)}/runs/${id}/resubmit?${VERSION}`, from.length ? { actions: from } : {});
}

export const start = (name: string, trigger: string): Promise<unknown> => post(`${of(name)}/triggers/${encodeURIComponent(trigger)}/run?${VERSION}`, {});

/** Has a playbook run on an incident, by the incident's name. */
export function runOnIncident(workflow: Workflow, incident: string): Promise<unknown> {
  const body = { logicAppsResourceId: workflow.id, tenantId: session.value?.tenant ?? "" };
  return post(sentinel(`incidents/${incident}/runPlaybook`), body);
}

function approvalsPath(below = ""): string {
  return `${arm.value}/providers/huntlake.Playbooks/approvals${below}?api-version=2026-01-01`;
}

export const approvals = (): Promise<Approval[]> => all<Approval>(approvalsPath());

/** Approves or refuses exactly what was shown: the hash of its inputs goes with the decision. */
export function decide(approval: Approval, approved: boolean, comment: string): Promise<unknown> {
  const body = { properties: { comment, inputsHash: approval.properties.inputsHash ?? "" } };
  return post(approvalsPath(`/${approval.name}/${approved ? "approve" : "refuse"}`), body);
}

export function answer(approval: Approval, option: string, comment: string): Promise<unknown> {
  return post(approvalsPath(`/${approval.name}/answer`), { properties: { option, comment } });
}
