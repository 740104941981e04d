// The tests of rules: texts that are kept below their rule, and what came of each.

import { arm } from "../shell/session";
import { ask, json } from "./door";
import { ofKind } from "./drafts";
import type { Properties } from "./drafts";
import { worked } from "./lines";
import { all, path } from "./sentinel";

export interface TestRun {
  passed: boolean;
  timeUtc: string;
  seconds: number;
  error: string | null;
  differences: { line: number; text: string }[];
  /** The rest is told of tests that failed. */
  expected: string;
  alerts: { title: string; severity: string; entities: string[] }[];
  alertCount: number;
  rows: string[];
  rowCount: number;
  notes: string[];
}

export interface RuleTest {
  name: string;
  etag: string;
  properties: {
    displayName: string;
    text: string;
    /** `isCurrent` says whether the rule is still the one that was run. */
    lastRun: (TestRun & { isCurrent: boolean }) | null;
  };
}

export interface Outcome {
  passed: number;
  failed: number;
  tests: (TestRun & { name: string | null; displayName: string })[];
}

export interface Progress {
  testsDone: number;
  tests: number;
}

export interface Finding {
  code: string;
  message: string;
  help?: string;
  line: number;
  column: number;
  level: "error";
}

export interface Tally {
  passed: number;
  failed: number;
  unknown: number;
}

const below = (rule: string, rest = "") => path(`alertRules/${encodeURIComponent(rule)}/providers/huntlake.Detection/tests${rest}`);
const ours = (what: string) => `${arm.value}/providers/huntlake.Detection/${what}?api-version=2026-01-01`;
const one = (rule: string, name: string) => below(rule, `/${encodeURIComponent(name)}`);

export const tests = (rule: string): Promise<RuleTest[]> => all<RuleTest>(below(rule));

/** Writes a test: a new one, or in place of the version that `etag` names. Fails with 412 where another is there. */
export function store(rule: string, name: string, text: string, etag: string | undefined): Promise<RuleTest> {
  return json<RuleTest>(one(rule, name), {
    method: "PUT",
    headers: etag ? { "If-Match": etag } : { "If-None-Match": "*" },
    body: { properties: { text } },
  });
}

/** Deletes a test; fails with 412 where it isn't that version any more. */
export async function remove(rule: string, name: string, etag: string | undefined): Promise<void> {
  await ask(one(rule, name), { method: "DELETE", headers: etag ? { "If-Match": etag } : {} });
}

export async function read(text: string, signal: AbortSignal): Promise<{ displayName: string; findings: Finding[] }> {
  const answer = await json<{ properties: { displayName: string; findings: Finding[] } }>(ours("drafts/readTest"), { method: "POST", body: { properties: { text } }, signal });
  return answer.properties;
}

/** Runs the stored tests of a rule, all or those of these names; what came of them is kept. */
export function run(rule: string, names: string[] | undefined, tell: (progress: Progress) => void, signal?: AbortSignal): Promise<Outcome> {
  return worked(below(rule), { method: "POST", body: { properties: names ? { tests: names } : {} }, ...(signal ? { signal } : {}) }, tell);
}

interface Tried {
  kind: string;
  rule: Properties;
  name: string;
  /** Without them the tests that are stored of that name's rule are run. */
  texts?: string[];
}

/** Runs a rule that isn't stored like this, or texts that aren't; nothing is kept. */
export function attempted({ kind, rule, ...more }: Tried, signal?: AbortSignal): Promise<Outcome> {
  const properties = { kind, rule: ofKind(kind, rule), ...more };
  return worked(ours("drafts/test"), { method: "POST", body: { properties }, ...(signal ? { signal } : {}) }, () => {});
}

/** How the tests of each rule stand, by its id in lower case. */
export async function tallies(): Promise<Map<string, Tally>> {
  const found = await all<{ name: string; properties: Tally }>(ours("testedRules"));
  return new Map(found.map((f) => [f.name.toLowerCase(), f.properties]));
}
