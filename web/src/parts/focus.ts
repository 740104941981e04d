// Where the keys go when something opens in the place of a button, and when it is gone again.

import type { RefObject } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

/** The first field that somebody fills in; `autofocus` counts once for a whole page, or within a dialog. */
export function focused(element: HTMLElement | null): void {
  element?.focus();
}

/** What opened something has the focus again when that is closed, where nothing else has taken it. */
export function useReturn<E extends HTMLElement>(open: boolean): RefObject<E | null> {
  const opener = useRef<E>(null);
  const before = useRef(open);
  useLayoutEffect(() => {
    if (before.current && !open && document.activeElement === document.body) opener.current?.focus();
    before.current = open;
  }, [open]);
  return opener;
}
