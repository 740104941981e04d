// The queries a person has open: kept in the browser, so that a closed window loses nothing.

import { effect, signal } from "@preact/signals";
import type { Search } from "../../api/searches";

export interface Tab {
  id: string;
  title: string;
  text: string;
  /** The saved query that it was opened from, as it was then. */
  saved?: Search;
}

const KEY = "query tabs";

function stored(): { tabs: Tab[]; at: string } {
  try {
    const read = JSON.parse(localStorage.getItem(KEY) ?? "") as { tabs: Tab[]; at: string };
    if (read.tabs.length) return read;
  } catch {
    // Nothing was kept, or something that can't be read any more.
  }
  const first = { id: crypto.randomUUID(), title: "Query 1", text: FIRST };
  return { tabs: [first], at: first.id };
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

effect(() => {
  localStorage.setItem(KEY, JSON.stringify({ tabs: tabs.value, at: current.value }));
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

export function rename(id: string, title: string): void {
  tabs.value = tabs.value.map((t) => (t.id === id ? { ...t, title } : t));
}
