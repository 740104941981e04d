// A link that opens a query: the text lies behind the `#`, which no browser sends to a server.

import { BASE, addressed } from "../../shell/router";

export function linkTo(text: string): string {
  return location.origin + BASE + addressed(pathTo(text));
}

/** The same within the pages. */
export function pathTo(text: string): string {
  return `/query#q=${encode(text)}`;
}

/** A new rule that asks it. */
export function ruleOf(text: string): string {
  return `/detections/new#q=${encode(text)}`;
}

/** The query of the address, once; undefined where it has none. */
export function shared(): string | undefined {
  const found = /^#q=([A-Za-z0-9_-]+)$/.exec(location.hash)?.[1];
  if (!found) return undefined;
  history.replaceState(null, "", location.pathname + location.search);
  try {
    return decode(found);
  } catch {
    return undefined;
  }
}

function encode(text: string): string {
  const bytes = new TextEncoder().encode(text);
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function decode(text: string): string {
  const bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
}
