// Something that is read from the server and shown when it is there.

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ApiError, why } from "../api/door";

const EVERY = 2000;

export interface Loaded<T> {
  value: T | undefined;
  wrong: string;
  /** Whether it is wrong in that there is no such thing. */
  missing: boolean;
  /** Reads it again; what was there stays until then. */
  again: () => void;
  /** Puts something in its place that is known already. */
  set: (value: T) => void;
}

export function useLoaded<T>(load: () => Promise<T>, on: readonly unknown[]): Loaded<T> {
  const [value, setValue] = useState<T | undefined>();
  const [wrong, setWrong] = useState("");
  const [missing, setMissing] = useState(false);
  const turn = useRef(0);
  const again = useCallback(() => {
    const mine = ++turn.current;
    load().then(
      (found) => {
        if (mine !== turn.current) return;
        setValue(() => found);
        setWrong("");
        setMissing(false);
      },
      (error: unknown) => {
        if (mine !== turn.current) return;
        setWrong(why(error));
        setMissing(error instanceof ApiError && error.status === 404);
      },
    );
  }, on);
  useEffect(() => {
    setValue(undefined);
    setWrong("");
    setMissing(false);
    again();
    return () => {
      turn.current += 1;
    };
  }, [again]);
  const set = useCallback((known: T) => {
    // What is still being read is older.
    turn.current += 1;
    setValue(() => known);
    setWrong("");
    setMissing(false);
  }, []);
  return { value, wrong, missing, again, set };
}

/** Does something every two seconds for as long as something goes on. */
export function useMeanwhile(going: boolean, work: () => void): void {
  const now = useRef(work);
  now.current = work;
  useEffect(() => {
    if (!going) return;
    const timer = setInterval(() => now.current(), EVERY);
    return () => clearInterval(timer);
  }, [going]);
}
