// Where in the pages a person is: the address tells, so that every place can be shared.

import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";

export const BASE = "/app";

export interface Place {
  path: string;
  query: URLSearchParams;
}

function here(): Place {
  return { path: location.pathname.slice(BASE.length) || "/", query: new URLSearchParams(location.search) };
}

export const place = signal<Place>(here());

addEventListener("popstate", () => {
  place.value = here();
});

/** The workspace that every address says; empty where a person has only one. */
const home = signal("");

/** A path within the pages with the workspace that it is of, so that it means the same to whoever gets it. */
export function addressed(to: string): string {
  const [front = "", hash] = to.split(/(?=#)/);
  if (!home.value || /[?&]workspace=/.test(front)) return to;
  return `${front}${front.includes("?") ? "&" : "?"}workspace=${encodeURIComponent(home.value)}${hash ?? ""}`;
}

/** Has every address say this workspace, or none. */
export function inEveryAddress(workspace: string): void {
  home.value = workspace;
  const now = location.pathname.slice(BASE.length) + location.search + location.hash;
  if (addressed(now) !== now) go(now, { replace: true });
}

/** Goes to a path within the pages, such as `/incidents/4`; with `replace` the way back leads past here. */
export function go(to: string, { replace = false } = {}): void {
  history[replace ? "replaceState" : "pushState"](null, "", BASE + addressed(to));
  place.value = here();
}

/** A click on a row opens what it is about, unless it meant something within the row, or text is being selected. */
export function opens(to: string): (event: MouseEvent) => void {
  return (event) => {
    const inside = event.target instanceof Element && event.target.closest("a, button, input, label, select");
    if (!inside && !String(getSelection() ?? "")) go(to);
  };
}

/** The pieces of a path; one that can't be decoded stays as it is written. */
export function pieces(path: string): string[] {
  return path.split("/").map((piece) => {
    try {
      return decodeURIComponent(piece);
    } catch {
      return piece;
    }
  });
}

interface LinkProps {
  to: string;
  children?: ComponentChildren;
  class?: string;
  title?: string;
  "aria-label"?: string;
  "aria-current"?: "page" | undefined;
}

export function Link({ to, children, ...rest }: LinkProps) {
  const follow = (event: MouseEvent) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    go(to);
  };
  return (
    <a {...rest} href={BASE + addressed(to)} onClick={follow}>
      {children}
    </a>
  );
}
