// Rules that are being written: as properties and as YAML, and tried before they are stored.

import { arm } from "../shell/session";
import { json } from "./door";
import { worked } from "./lines";
import type { Rule } from "./rules";
import { all, path } from "./sentinel";

export type Properties = Rule["properties"];

/** Something that is wrong with a rule, or odd: at its place in the YAML, and in the query where it is about that. */
export interface Finding {
  code: string;
  level: "error" | "warning" | "note";
  message: string;
  help?: string;
  line: number;
  column: number;
  /** The field at the top that it is about. */
  field?: string;
  queryLine?: number;
  queryColumn?: number;
}

export interface Draft {
  text: string;
  /** By what the rule is kept. */
  name: string;
  /** What the text says; null where it can't be read. */
  kind: string | null;
  rule: Properties | null;
  columns: string[];
  findings: Finding[];
}

interface Shown {
  properties: Draft;
}

const at = (what: string) => `${arm.value}/providers/huntlake.Detection/${what}?api-version=2026-01-01`;

async function posted(what: string, properties: object, signal?: AbortSignal): Promise<Draft> {
  const made = await json<Shown>(at(`drafts/${what}`), { method: "POST", body: { properties }, ...(signal ? { signal } : {}) });
  return made.properties;
}

export const read = (text: string, signal?: AbortSignal) => posted("read", { text }, signal);

export const written = (draft: { text: string; kind: string; rule: Properties; name?: string }, signal?: AbortSignal) => posted("write", draft, signal);

/** A stored rule as YAML, and the file of its tests; null where it has none. */
export async function file(rule: string): Promise<Draft & { tests: string | null }> {
  return (await json<{ properties: Draft & { tests: string | null } }>(at(`ruleFiles/${encodeURIComponent(rule)}`))).properties;
}

/** Keeps beside a stored rule what its YAML says that the rule itself doesn't hold. */
export async function keep(rule: string, text: string): Promise<void> {
  await json(at(`ruleFiles/${encodeURIComponent(rule)}`), { method: "PUT", body: { properties: { text } } });
}

export interface EntityType {
  name: string;
  properties: { identifiers: string[] };
}

export async function entityTypes(): Promise<EntityType[]> {
  return (await json<{ value: EntityType[] }>(at("entityTypes"))).value;
}

/** Stores a rule: as a new one, or in place of the version that `etag` names. Fails with 412 where another is there. */
export function store(name: string, kind: string, rule: Properties, etag: string | undefined): Promise<Rule> {
  return json<Rule>(path(`alertRules/${encodeURIComponent(name)}`), {
    method: "PUT",
    headers: etag ? { "If-Match": etag } : { "If-None-Match": "*" },
    body: { kind, properties: ofKind(kind, rule) },
  });
}

/** What a rule of that kind says: one that runs each minute has no schedule. */
export function ofKind(kind: string, rule: Properties): Properties {
  if (kind !== "NRT") return rule;
  const { queryFrequency: _f, queryPeriod: _p, triggerOperator: _o, triggerThreshold: _t, startTimeUtc: _s, ...rest } = rule;
  return rest;
}

export interface Trial {
  startTimeUtc: string;
  endTimeUtc: string;
  windows: number;
  runs: number;
  abandoned: number;
  suppressed: number;
  alerts: number;
  incidents: number;
  byDay: { day: string; alerts: number }[];
  entities: { entity: string; alerts: number }[];
  failures: { reason: string; windows: number }[];
  samples: { title: string; severity: string; startTimeUtc: string | null; endTimeUtc: string | null; entities: string[] }[];
  /** Null where too many alerts are stored to be compared with. */
  overlaps: { rule: string; title: string; sharedEntities: number }[] | null;
  seconds: number;
}

export interface Progress {
  windowsDone: number;
  windows: number;
}

interface Tried {
  kind: string;
  rule: Properties;
  name: string;
  days: number;
}

/** What a rule would have told in the last days; `tell` hears how far it is, and whoever aborts ends it on the server. */
export function backtest({ kind, rule, name, days }: Tried, tell: (progress: Progress) => void, signal: AbortSignal): Promise<Trial> {
  const properties = { kind, rule: ofKind(kind, rule), days, name };
  return worked(at("drafts/backtest"), { method: "POST", body: { properties }, signal }, tell);
}

export interface Coverage {
  name: string;
  properties: {
    technique: string;
    name: string;
    tactics: string[];
    visibility: number;
    tables: string[];
    missing: string[];
    /** The titles of hunts and of enabled rules. */
    hunts: string[];
    rules: string[];
    source: string;
  };
}

/** What of each technique is seen, hunted and detected. */
export const coverage = (): Promise<Coverage[]> => all<Coverage>(`${arm.value}/providers/huntlake.Hunting/coverage?api-version=2026-01-01`);
