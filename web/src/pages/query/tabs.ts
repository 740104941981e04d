// The queries a person has open: kept in the browser, so that a closed window loses nothing.

import { batch, effect, signal } from "@preact/signals";
import type { Search } from "../../api/searches";

export interface Tab {
  id: string;
  title: string;
  text: string;
  /** The saved query that it was opened from, as it was then. */
  saved?: Search;
}

const KEY = "query tabs";
/** Which of them a window shows is its own; a new window begins with that of the last. */
const AT = "query tab";

function read(text: string | null): Tab[] {
  try {
    const { tabs } = JSON.parse(text ?? "") as { tabs: Tab[] };
    return tabs.filter((t) => typeof t.id === "string" && typeof t.text === "string");
  } catch {
    // Nothing was kept, or something that can't be read any more.
    return [];
  }
}

function stored(): { tabs: Tab[]; at: string } {
  const kept = read(localStorage.getItem(KEY));
  const found = kept.length ? kept : [{ id: crypto.randomUUID(), title: "Query 1", text: FIRST }];
  const at = sessionStorage.getItem(AT) ?? localStorage.getItem(AT);
  return { tabs: found, at: (found.find((t) => t.id === at) ?? found.at(-1))?.id ?? "" };
}

export const FIRST = `// Shift+Enter runs the query, or what is selected of it.
SigninLogs
| where TimeGenerated > ago(14d)
| summarize Attempts = count(), Failed = countif(ResultType != "0") by bin(TimeGenerated, 1d)
| render timechart
`;

const begun = stored();
export const tabs = signal<Tab[]>(begun.tabs);
export const current = signal(begun.at);

/** How often another window of this browser has changed them: then the editor must show that, and not what was typed. */
export const changedElsewhere = signal(0);

effect(() => {
  localStorage.setItem(KEY, JSON.stringify({ tabs: tabs.value }));
});
effect(() => {
  localStorage.setItem(AT, current.value);
  sessionStorage.setItem(AT, current.value);
});
addEventListener("storage", (event) => {
  const theirs = event.key === KEY ? read(event.newValue) : [];
  if (!theirs.length) return;
  batch(() => {
    tabs.value = theirs;
    if (!theirs.some((t) => t.id === current.value)) current.value = theirs[0]?.id ?? "";
    changedElsewhere.value += 1;
  });
});

export function open(text = "", title = ""): string {
  const id = crypto.randomUUID();
  tabs.value = [...tabs.value, { id, title: title || `Query ${tabs.value.length + 1}`, text }];
  current.value = id;
  return id;
}

export function close(id: string): void {
  const at = tabs.value.findIndex((t) => t.id === id);
  const left = tabs.value.filter((t) => t.id !== id);
  if (!left.length) {
    open();
    tabs.value = tabs.value.filter((t) => t.id !== id);
    return;
  }
  tabs.value = left;
  if (current.value === id) current.value = (left[at] ?? left[at - 1] ?? left[0])?.id ?? "";
}

export function write(id: string, text: string): void {
  tabs.value = tabs.value.map((t) => (t.id === id ? { ...t, text } : t));
}

/** Opens a saved query; a tab that has it open already is shown. */
export function openSaved(saved: Search): void {
  const found = tabs.value.find((t) => t.saved?.name === saved.name && t.saved.etag === saved.etag);
  const { displayName, query } = saved.properties;
  const id = found?.id ?? open(query, displayName);
  current.value = id;
  keep(id, saved);
}

/** Lets a tab belong to a saved query. */
export function keep(id: string, saved: Search): void {
  tabs.value = tabs.value.map((t) => (t.id === id ? { ...t, saved, title: saved.properties.displayName } : t));
}

/** Asks for another name of it. */
export function rename(id: string): void {
  const title = prompt("Name of this query", tabs.value.find((t) => t.id === id)?.title);
  if (!title) return;
  tabs.value = tabs.value.map((t) => (t.id === id ? { ...t, title } : t));
}
