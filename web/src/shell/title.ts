// What a window is called: by it people find their way among many.

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";

/** The thing that the page shows; empty where it shows none. */
export const titled = signal("");

export function useTitle(title: string | undefined): void {
  useEffect(() => {
    titled.value = title ?? "";
    return () => {
      titled.value = "";
    };
  }, [title]);
}
