// What a page of its own asks the lake.

import { useEffect, useRef } from "preact/hooks";
import { query, type Answer } from "../api/kusto";
import { workspace } from "../shell/session";
import { type Loaded, useLoaded } from "./load";

/** The answer of a query that the server may take `patience` seconds for; without a text nothing is asked yet. */
export function useAnswer(text: string | undefined, patience: number): Loaded<Answer> {
  const where = workspace.value?.name ?? "";
  const asked = useRef<AbortController | undefined>(undefined);
  const found = useLoaded(() => {
    if (text === undefined) return new Promise<Answer>(() => undefined);
    asked.current = new AbortController();
    return query({ workspace: where, text, patience, signal: asked.current.signal });
  }, [where, text]);
  useEffect(() => () => asked.current?.abort(), [where, text]);
  return found;
}
