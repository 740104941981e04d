// What the address says beside the path, so that a link shows the same.

import { go, place } from "../shell/router";

/** Writes some of it, and takes away what is empty; what else stands there stays. */
export function say(said: Record<string, string>): void {
  const { path, query } = place.value;
  const next = new URLSearchParams(query);
  for (const [name, value] of Object.entries(said)) {
    if (value) next.set(name, value);
    else next.delete(name);
  }
  const text = next.toString();
  go(text ? `${path}?${text}` : path, { replace: true });
}

/** One thing of it, and how it is written. */
export function useSaid(name: string): [string, (value: string) => void] {
  return [place.value.query.get(name) ?? "", (value) => say({ [name]: value })];
}
