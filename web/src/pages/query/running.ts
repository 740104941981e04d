// Queries that run, and what came of them, for each tab.

import { computed, effect, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ApiError, why } from "../../api/door";
import { PLAN, plans, words } from "../../api/explanations";
import * as kusto from "../../api/kusto";
import type { Selected } from "../../parts/spans";
import { session, workspace } from "../../shell/session";
import { fixOf, type Marked } from "./fixes";
import { remember } from "./history";
import { placed, type Sent } from "./places";
import type { Shown } from "./results";
import { current, tabs } from "./tabs";
import { scope } from "./timerange";

export interface Running {
  shown: (tab: string) => Shown | undefined;
  /** Asks what is selected, or the whole text. */
  run: (selected: Selected | undefined) => Promise<void>;
  /** Tells how that would be answered, without running it. */
  explain: (selected: Selected | undefined) => Promise<void>;
}

/** What came of each tab's query; it is still there when somebody comes back from another place. */
const results = signal<ReadonlyMap<string, Shown>>(new Map());
/** What each tab was asked last: an answer to something before it comes too late. */
const last = new Map<string, { stop?: () => void }>();

// Answers are of one person in one workspace, and go with them.
const whose = computed(() => JSON.stringify([session.value?.name, workspace.value?.name]));
effect(() => {
  if (!whose.value) return;
  for (const asked of last.values()) asked.stop?.();
  last.clear();
  results.value = new Map();
});

export function useRunning(place: string, range: string): Running {
  // Answers are large: with its tab one goes, and what still runs is stopped.
  const ids = tabs.value.map((t) => t.id).join();
  useEffect(() => {
    const isOpen = (tab: string) => tabs.value.some((t) => t.id === tab);
    for (const [tab, asked] of last) {
      if (isOpen(tab)) continue;
      asked.stop?.();
      last.delete(tab);
    }
    if (![...results.value.keys()].every(isOpen)) results.value = new Map([...results.value].filter(([tab]) => isOpen(tab)));
  }, [ids]);

  const begin = (selected: Selected | undefined) => {
    const tab = tabs.value.find((t) => t.id === current.value);
    const text = selected?.text ?? tab?.text ?? "";
    if (!tab || !text.trim()) return undefined;
    last.get(tab.id)?.stop?.();
    const mine: { stop?: () => void } = {};
    last.set(tab.id, mine);
    const show = (what: Shown) => {
      if (last.get(tab.id) === mine) results.value = new Map(results.value).set(tab.id, what);
    };
    return { mine, show, text, options: scope(range), sent: { whole: tab.text, start: selected?.start ?? 0, head: "", sent: text } };
  };

  const run = async (selected: Selected | undefined) => {
    const begun = begin(selected);
    if (!begun) return;
    const { mine, show, text, options, sent } = begun;
    const abort = new AbortController();
    const asked = `huntlake.pages;${crypto.randomUUID()}`;
    const stop = () => {
      abort.abort();
      void kusto.cancel(place, asked);
    };
    mine.stop = stop;
    show({ state: "running", since: performance.now(), stop });
    const at = new Date().toISOString();
    const remembered = { text: text.trim(), workspace: place, at };
    try {
      const answer = await kusto.query({ workspace: place, text, options, signal: abort.signal, id: asked });
      delete mine.stop;
      show({ state: "answered", answer, asked: { workspace: place, text, options }, sent });
      const rows = answer.tables.reduce((n, t) => n + t.rows.length, 0);
      remember({ ...remembered, rows, seconds: answer.seconds });
    } catch (error) {
      delete mine.stop;
      if (error instanceof DOMException && error.name === "AbortError") {
        show({ state: "cancelled" });
        return;
      }
      const failed = failure(error, sent);
      show(failed);
      remember({ ...remembered, wrong: failed.message });
    }
  };

  const explain = async (selected: Selected | undefined) => {
    const begun = begin(selected);
    if (!begun) return;
    const { show, text, options, sent } = begun;
    show({ state: "explaining" });
    try {
      const [found, said] = await Promise.all([plans(place, text, options), words(text)]);
      show({ state: "explained", plans: found, words: said });
    } catch (error) {
      show(failure(error, { ...sent, head: PLAN, sent: PLAN + text }));
    }
  };

  return { shown: (tab) => results.value.get(tab), run, explain };
}

type Failed = Extract<Shown, { state: "failed" }>;

function failure(error: unknown, sent: Sent): Failed {
  const problem = error instanceof ApiError ? error : new ApiError(0, "Error", why(error));
  const faults = problem.faults.map((fault): Marked => {
    const at = placed(fault, sent);
    const fix = fixOf(fault, at);
    return { ...fault, ...(at ? { at } : {}), ...(fix ? { fix } : {}) };
  });
  return { state: "failed", message: problem.message, code: problem.code, faults };
}
