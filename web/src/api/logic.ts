// Workflows, their runs, and approvals, over Azure Resource Manager's API.

import { arm, session } from "../shell/session";
import { ask, json } from "./door";
import { all } from "./sentinel";

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
    requestedTimeUtc: string;
    expirationTimeUtc: string;
    options?: { name: string; title: string }[];
    decidedBy?: { name?: string };
    decidedTimeUtc?: string;
    comment?: string;
  };
}

function group(): string {
  const s = session.value;
  return s ? `/subscriptions/${s.subscription}/resourceGroups/${s.resourceGroup}/providers/Microsoft.Logic/workflows` : "";
}

const of = (name: string): string => `${group()}/${encodeURIComponent(name)}`;

export const workflows = (): Promise<Workflow[]> => all<Workflow>(`${group()}?${VERSION}`);
export const workflow = (name: string): Promise<Workflow> => json<Workflow>(`${of(name)}?${VERSION}`);
export const runs = (name: string): Promise<Run[]> => all<Run>(`${of(name)}/runs?${VERSION}&$top=100`, 100);
export const run = (name: string, id: string): Promise<Run> => json<Run>(`${of(name)}/runs/${id}?${VERSION}`);
export const actions = (name: string, id: string): Promise<RunAction[]> => all<RunAction>(`${of(name)}/runs/${id}/actions?${VERSION}`);

export const setState = (name: string, enabled: boolean): Promise<unknown> => post(`${of(name)}/${enabled ? "enable" : "disable"}`);
export const cancel = (name: string, id: string): Promise<unknown> => post(`${of(name)}/runs/${id}/cancel`);

/** Does a run again: from its beginning, or from some of its actions. */
export function resubmit(name: string, id: string, from: string[] = []): Promise<unknown> {
  return post(`${of(name)}/runs/${id}/resubmit`, from.length ? { actions: from } : {});
}

export const start = (name: string, trigger: string): Promise<unknown> => post(`${of(name)}/triggers/${encodeURIComponent(trigger)}/run`);

function approvalsPath(below = ""): string {
  return `${arm.value}/providers/huntlake.Playbooks/approvals${below}?api-version=2026-01-01`;
}

export const approvals = (): Promise<Approval[]> => all<Approval>(approvalsPath());

/** Approves or refuses exactly what was shown: the hash of its inputs goes with the decision. */
export function decide(approval: Approval, approved: boolean, comment: string): Promise<unknown> {
  const body = { properties: { comment, inputsHash: approval.properties.inputsHash ?? "" } };
  return post(approvalsPath(`/${approval.name}/${approved ? "approve" : "refuse"}`), body, true);
}

export function answer(approval: Approval, option: string, comment: string): Promise<unknown> {
  return post(approvalsPath(`/${approval.name}/answer`), { properties: { option, comment } }, true);
}

async function post(path: string, body: unknown = {}, whole = false): Promise<unknown> {
  const reply = await ask(whole ? path : `${path}?${VERSION}`, { method: "POST", body });
  const text = await reply.text();
  return text ? (JSON.parse(text) as unknown) : undefined;
}
