// What is read again by itself, so long as nobody is in the midst of something.

import { useEffect, useRef } from "preact/hooks";

/** Does something every so many seconds while somebody can see it; with 0 it never does. */
export function useOften(seconds: number, work: () => void): void {
  const now = useRef(work);
  now.current = work;
  useEffect(() => {
    if (!seconds) return;
    let due = false;
    const act = () => {
      due = document.hidden;
      if (!due) now.current();
    };
    const seen = () => {
      if (due && !document.hidden) act();
    };
    const timer = setInterval(act, seconds * 1000);
    document.addEventListener("visibilitychange", seen);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", seen);
    };
  }, [seconds]);
}
