// Signals, hunts, their versions, reviews and runs, over huntlake's own resources below a workspace.

import { arm } from "../shell/session";
import { json, post as send } from "./door";
import { all } from "./sentinel";

const VERSION = "api-version=2026-01-01";

export interface Who {
  objectId?: string;
  name?: string;
}

export interface Review {
  version: number;
  contentHash: string;
  decision: "approved" | "changes_requested" | "rejected";
  by?: Who;
  timeUtc: string;
  comment: string;
  expirationTimeUtc?: string;
  automatic?: string;
}

export interface Hunt {
  name: string;
  properties: {
    title: string;
    statement?: string;
    rationale?: string;
    state: string;
    reason?: string;
    maker: string;
    currentVersion: number;
    runnableVersion?: number;
    runnableState?: string;
    contentHash: string;
    needsSenior?: boolean;
    author?: Who;
    responsible?: string;
    createdTimeUtc: string;
    lastModifiedTimeUtc: string;
    hypothesis?: string;
    incident?: string;
    signals?: string[];
    techniques?: string[];
    tables?: string[];
    rule?: string;
    runs?: number;
    runsWithFindings?: number;
    reviews?: Review[];
    comments?: { version: number; by?: Who; timeUtc: string; text: string }[];
  };
}

export interface Finding {
  code: string;
  level: "error" | "warning" | "note";
  weight?: number;
  reason: string;
  help?: string;
  start?: number;
  end?: number;
}

export interface Proof {
  timeUtc: string;
  weight?: number;
  findings?: Finding[];
  cost?: { bytes: number; rows: number; tables: string[] };
  volume?: { rowsPerDay: number; low: number; high: number; sampled: string };
  dryRun?: {
    sinceTimeUtc: string;
    untilTimeUtc: string;
    rows?: number;
    daily?: { day: string; rows: number }[];
    entities?: { type: string; count: number }[];
    sample?: Record<string, unknown>[];
    seconds?: number;
    limited?: string;
    failure?: string;
  };
  checks?: { recording: string; expectation: string; rows: number; passed: boolean }[];
}

export interface Version {
  name: string;
  properties: {
    version: number;
    state: string;
    contentHash: string;
    query: string;
    parameters?: { name: string; value: string }[];
    frequency?: string;
    period?: string;
    limits: { rowsPerDay: number; seconds: number; readBytes: number; memoryMiB: number };
    entityMappings?: { entityType: string; fieldMappings: { identifier: string; columnName: string }[] }[];
    liveWatchlists?: string[];
    maker: string;
    model?: string;
    author?: Who;
    responsible?: string;
    createdTimeUtc: string;
    note?: string;
    draft?: { source: string; reference?: string; explanation?: { text: string; start: number; end: number }[]; notice?: string };
    proof?: Proof;
  };
}

export interface Cluster {
  signature: string;
  title: string;
  summary?: string;
  rows: number;
  score: number;
  parts: Record<string, number>;
  knownGood?: string;
  entities: { type: string; value: string }[];
  sample: Record<string, unknown>[];
  verdict?: { verdict: string; reason?: string; comment?: string; made?: string; by?: Who; timeUtc: string };
}

export interface HuntRun {
  name: string;
  properties: {
    version: number;
    windowStartUtc: string;
    windowEndUtc: string;
    status: string;
    startedTimeUtc: string;
    rows: number;
    seconds: number;
    failure?: string;
    remarks: string[];
    askedBy?: string;
    clusters: Cluster[];
  };
}

export interface Signal {
  name: string;
  properties: {
    kind: string;
    title: string;
    source: string;
    reference?: string;
    observed?: string;
    observedTimeUtc?: string;
    trust?: number;
    summary?: string;
    techniques?: { id: string; confidence: number }[];
    indicators?: { kind: string; value: string }[];
    actors?: string[];
  };
}

export interface Hypothesis {
  name: string;
  properties: {
    title: string;
    statement: string;
    rationale?: { text: string; signals: string[] }[];
    techniques?: string[];
    tables?: string[];
    priority: number;
    parts: Record<string, number>;
    confidence: number;
    confidenceLevel: string;
    disconfirming?: string;
    duplicateOf?: string;
    hunt?: string;
    dismissed?: string;
  };
}

export interface Gap {
  name: string;
  properties: { technique: string; needed?: string[]; reason: string };
}

export interface Switch {
  properties: { stopped: string; waits: string; phase: number; rules: Record<string, string>; held: Record<string, string> };
}

export interface Opened {
  name: string;
  properties: { kind: string; reason: string; evidence: Record<string, string>; openedTimeUtc: string; closedTimeUtc?: string };
}

const path = (below: string): string => `${arm.value}/providers/huntlake.Hunting/${below}?${VERSION}`;
/** Where a hunt is, or something below it. */
export const of = (name: string, below = ""): string => path(`hunts/${encodeURIComponent(name)}${below}`);

export const hunts = (): Promise<Hunt[]> => all<Hunt>(path("hunts"));
export const hunt = (name: string): Promise<Hunt> => json<Hunt>(of(name));
export const versions = (name: string): Promise<Version[]> => all<Version>(of(name, "/versions"));
export const runs = (name: string): Promise<HuntRun[]> => all<HuntRun>(of(name, "/runs"), 200);
export const breakers = (name: string): Promise<Opened[]> => all<Opened>(of(name, "/breakers"));
export const signals = (): Promise<Signal[]> => all<Signal>(path("signals"));
export const hypotheses = (): Promise<Hypothesis[]> => all<Hypothesis>(path("hypotheses"));
export const gaps = (): Promise<Gap[]> => all<Gap>(path("dataGaps"));
/** Proposes so many hunts: for all signals, or for some of them by name. */
export const propose = (top: number, signals: string[] = []): Promise<unknown> => post(path("hypotheses/propose"), { top, signals });
export const dismiss = (name: string, reason: string): Promise<unknown> => post(path(`hypotheses/${encodeURIComponent(name)}/dismiss`), { reason });
export const figures = (): Promise<{ name: string; properties: Record<string, unknown> }[]> => all(path("metrics"));
export const switches = (): Promise<Switch> => json<Switch>(path("switches/default"));

export interface Begun {
  title: string;
  statement: string;
  rationale: string;
  query: string;
  period: string;
  tables: string[];
  techniques: string[];
  entityMappings: { entityType: string; fieldMappings: { identifier: string; columnName: string }[] }[];
  incident?: string;
}

export interface Repair {
  properties: { version: number; query?: string; valid?: boolean; repairs?: Finding[]; findings?: Finding[] };
}

/** What is proposed in place of the current version's query; nothing is written. */
export const repair = (name: string): Promise<Repair> => post(of(name, "/repair"), {});

/** Makes a new version that is as another but for its query. */
export function rewritten(name: string, { properties: p }: Version, query: string, note: string): Promise<unknown> {
  const { parameters, frequency, period, entityMappings, liveWatchlists, version } = p;
  const limits = { rowsPerDay: p.limits.rowsPerDay, seconds: p.limits.seconds, readBytes: p.limits.readBytes, memoryMiB: p.limits.memoryMiB };
  return step(name, "edit", { query, parameters, frequency, period, limits, entityMappings, liveWatchlists, version, note });
}

/** Begins a hunt, as a draft; nothing runs. */
export const begin = (begun: Begun): Promise<Hunt> => post(path("hunts"), begun);

/** Takes a step with a hunt: `submit`, `prove`, `schedule`, `retire` … */
export const step = (name: string, what: string, properties: object): Promise<unknown> => post(of(name, `/${what}`), properties);

/** Decides about exactly the version that was shown. */
export function review(one: Hunt, decision: Review["decision"], comment: string): Promise<unknown> {
  const { currentVersion: version, contentHash } = one.properties;
  return step(one.name, "review", { decision, comment, version, contentHash });
}

/** Runs a hunt over the last days; without a number over the time that its schedule says. */
export function run(name: string, days?: number): Promise<HuntRun> {
  const since = days ? { windowStartUtc: new Date(Date.now() - days * 86_400_000).toISOString() } : {};
  return post(of(name, "/runs"), since);
}

export const follow = (name: string, id: string, what: string, properties: object): Promise<unknown> => post(of(name, `/runs/${id}/${what}`), properties);

export interface Difference {
  query: string;
  changed: { what: string; before: string; after: string }[];
}

export const difference = (name: string, before: number, after: number): Promise<Difference> => post(of(name, "/difference"), { before, after });
export const report = (name: string, content: string): Promise<unknown> => post(path("signals/report"), { name, content });
export const pack = (name: string): Promise<{ markdown: string; package: unknown }> => post(of(name, "/packages"), {});
export const turn = (what: "stop" | "goOn", reason: string): Promise<unknown> => post(path(`switches/default/${what}`), { reason });

export function post<T>(to: string, properties: object): Promise<T> {
  return send<T>(to, { properties });
}
