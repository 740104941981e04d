// What was asked lately, in this browser.

import { signal } from "@preact/signals";

export interface Asked {
  text: string;
  workspace: string;
  at: string;
  rows?: number;
  seconds?: number;
  wrong?: string;
}

const KEY = "query history";
const MOST = 200;

function stored(): Asked[] {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "[]") as Asked[];
  } catch {
    return [];
  }
}

export const history = signal<Asked[]>(stored());

export function remember(asked: Asked): void {
  const others = history.value.filter((a) => a.text !== asked.text || a.workspace !== asked.workspace);
  history.value = [asked, ...others].slice(0, MOST);
  localStorage.setItem(KEY, JSON.stringify(history.value));
}

export function forget(): void {
  history.value = [];
  localStorage.removeItem(KEY);
}
