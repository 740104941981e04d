// Incidents and what belongs to them, over Azure Resource Manager's API.

import { arm } from "../shell/session";
import { ask, json } from "./door";

const VERSION = "2024-09-01";

export const SEVERITIES = ["High", "Medium", "Low", "Informational"] as const;
export type Severity = (typeof SEVERITIES)[number];
export const STATUSES = ["New", "Active", "Closed"] as const;
export type Status = (typeof STATUSES)[number];
/** How many incidents a list has at most. */
export const MOST = 2000;

export interface Incident {
  name: string;
  etag: string;
  properties: {
    title: string;
    description?: string;
    severity: Severity;
    status: Status;
    classification?: string;
    classificationReason?: string;
    classificationComment?: string;
    owner: { assignedTo?: string | null; userPrincipalName?: string | null; email?: string | null; objectId?: string | null };
    labels: { labelName: string; labelType?: string }[];
    incidentNumber: number;
    createdTimeUtc: string;
    lastModifiedTimeUtc: string;
    firstActivityTimeUtc?: string;
    lastActivityTimeUtc?: string;
    incidentUrl: string;
    additionalData: {
      alertsCount: number;
      bookmarksCount: number;
      commentsCount: number;
      tactics: string[];
      techniques?: string[];
      alertProductNames: string[];
    };
    relatedAnalyticRuleIds?: string[];
  };
}

export interface Alert {
  name: string;
  properties: {
    alertDisplayName: string;
    description?: string;
    severity: Severity;
    tactics: string[];
    startTimeUtc?: string;
    endTimeUtc?: string;
    timeGenerated: string;
    additionalData: Record<string, string>;
  };
}

export interface Entity {
  name: string;
  kind: string;
  properties: Record<string, unknown>;
}

export interface Comment {
  name: string;
  properties: { message: string; createdTimeUtc: string; author: { name?: string; userPrincipalName?: string } };
}

export interface Task {
  name: string;
  etag: string;
  properties: { title: string; description?: string; status: "New" | "Completed"; createdTimeUtc?: string };
}

export interface Entry {
  name: string;
  properties: { timeUtc: string; kind: string; text: string; author: { name?: string }; details: Record<string, unknown> };
}

export interface Similar {
  name: string;
  properties: {
    incidentNumber: number;
    title: string;
    severity: Severity;
    status: Status;
    classification?: string | null;
    classificationReason?: string | null;
    classificationComment?: string | null;
    createdTimeUtc: string;
    score: number;
    reasons: string[];
  };
}

interface Page<T> {
  value: T[];
  nextLink?: string;
}

/** The path of one of Sentinel's resources in the workspace. */
export function path(below: string, query: Record<string, string> = {}): string {
  const asked = new URLSearchParams({ "api-version": VERSION, ...query });
  return `${arm.value}/providers/Microsoft.SecurityInsights/${below}?${asked}`;
}

/** All pages of a list, at most `most` of what it holds. */
export async function all<T>(first: string, most = MOST): Promise<T[]> {
  const found: T[] = [];
  let next: string | undefined = first;
  while (next && found.length < most) {
    const page: Page<T> = await json<Page<T>>(next);
    found.push(...page.value);
    // What follows is told as a whole address; the door wants the path.
    next = page.nextLink ? page.nextLink.slice(new URL(page.nextLink).origin.length) : undefined;
  }
  return found;
}

export interface Filter {
  status: Status[];
  severity: Severity[];
}

export function incidents({ status, severity }: Filter): Promise<Incident[]> {
  const either = (name: string, values: string[]) => `(${values.map((v) => `properties/${name} eq '${v}'`).join(" or ")})`;
  const parts = [status.length && either("status", status), severity.length && either("severity", severity)].filter(Boolean);
  const query: Record<string, string> = { $orderby: "properties/createdTimeUtc desc", $top: "200" };
  if (parts.length) query["$filter"] = parts.join(" and ");
  return all<Incident>(path("incidents", query));
}

/** The incident of a number, or of an id; null where no number is that. */
export async function incident(which: string): Promise<Incident | null> {
  if (!/^\d+$/.test(which)) return json<Incident>(path(`incidents/${encodeURIComponent(which)}`));
  const [found] = await all<Incident>(path("incidents", { $filter: `properties/incidentNumber eq ${which}`, $top: "1" }));
  return found ?? null;
}

/** Those of these ids that there are. */
export async function incidentsOf(ids: string[]): Promise<Incident[]> {
  if (!ids.length) return [];
  return all<Incident>(path("incidents", { $filter: ids.map((id) => `name eq '${id.replaceAll("'", "''")}'`).join(" or "), $top: "200" }));
}

/** Writes an incident as it is now; fails with 412 where somebody else has changed it meanwhile. */
export function change(was: Incident, properties: Partial<Incident["properties"]>): Promise<Incident> {
  const p = { ...was.properties, ...properties };
  const { title, description, severity, status, classification, classificationReason, classificationComment, owner, labels, firstActivityTimeUtc, lastActivityTimeUtc } = p;
  const closed = status === "Closed" ? { classification: classification ?? "Undetermined", classificationReason, classificationComment } : {};
  return json<Incident>(path(`incidents/${was.name}`), {
    method: "PUT",
    headers: { "If-Match": was.etag },
    body: { properties: { title, description, severity, status, owner, labels, firstActivityTimeUtc, lastActivityTimeUtc, ...closed } },
  });
}

export const alerts = async (id: string): Promise<Alert[]> =>
  (await json<{ value: Alert[] }>(path(`incidents/${id}/alerts`), { method: "POST" })).value;

/** Each once by what people call it: rules know one account now with its SID, now without. */
export function distinct(entities: Entity[]): Entity[] {
  const found = new Map<string, Entity>();
  for (const e of entities) {
    const key = `${e.kind} ${called(e).toLowerCase()}`;
    if (!found.has(key)) found.set(key, e);
  }
  return [...found.values()];
}

export const entities = async (id: string): Promise<Entity[]> =>
  (await json<{ entities: Entity[] }>(path(`incidents/${id}/entities`), { method: "POST" })).entities;

export const comments = (id: string): Promise<Comment[]> => all<Comment>(path(`incidents/${id}/comments`));
export const tasks = (id: string): Promise<Task[]> => all<Task>(path(`incidents/${id}/tasks`));
export const timeline = (id: string): Promise<Entry[]> => all<Entry>(path(`incidents/${id}/timeline`));

export const similar = (id: string): Promise<Similar[]> => all<Similar>(path(`incidents/${id}/similar`));

/** Runs a playbook on an entity of an incident. */
export async function runOnEntity(entity: string, incidentId: string, workflow: string): Promise<void> {
  const incidentArmId = `${arm.value}/providers/Microsoft.SecurityInsights/Incidents/${incidentId}`;
  await ask(path(`entities/${entity}/runPlaybook`), { method: "POST", body: { logicAppsResourceId: workflow, incidentArmId } });
}

export function say(id: string, message: string): Promise<Comment> {
  return json<Comment>(path(`incidents/${id}/comments/${crypto.randomUUID()}`), { method: "PUT", body: { properties: { message } } });
}

export function addTask(id: string, title: string): Promise<Task> {
  return json<Task>(path(`incidents/${id}/tasks/${crypto.randomUUID()}`), { method: "PUT", body: { properties: { title, status: "New" } } });
}

export function setTask(id: string, task: Task, status: "New" | "Completed"): Promise<Task> {
  return json<Task>(path(`incidents/${id}/tasks/${task.name}`), {
    method: "PUT",
    headers: { "If-Match": task.etag },
    body: { properties: { title: task.properties.title, description: task.properties.description, status } },
  });
}

/** What names an entity, for people. */
export function called(entity: Entity): string {
  const p = entity.properties;
  const text = (key: string) => (typeof p[key] === "string" ? (p[key] as string) : "");
  const domain = text("upnSuffix") || text("ntDomain") || text("dnsDomain");
  const join = (name: string) => {
    if (!name || !domain) return name;
    return text("ntDomain") && !text("upnSuffix") ? `${domain}\\${name}` : text("upnSuffix") ? `${name}@${domain}` : `${name}.${domain}`;
  };
  return (
    text("friendlyName") ||
    join(text("accountName") || text("name")) ||
    join(text("hostName")) ||
    text("address") ||
    text("url") ||
    text("domainName") ||
    text("hashValue") ||
    text("fileName") ||
    text("commandLine") ||
    text("mailboxPrimaryAddress") ||
    text("processId") ||
    Object.values(p).find((v): v is string => typeof v === "string" && !!v) ||
    entity.kind
  );
}
