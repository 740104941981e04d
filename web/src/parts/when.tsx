// Times as people say them, with the exact one behind them.

import { signal } from "@preact/signals";
import { now } from "../api/door";
import { time } from "./values";

const TURN = 20_000;

/** Goes on by itself: a page that lies open says how long ago something was, and not how long it was when it was opened. */
const moment = signal(now().getTime());
setInterval(() => {
  if (!document.hidden) moment.value = now().getTime();
}, TURN);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) moment.value = now().getTime();
});

const UNITS: [number, string][] = [
  [60, "s"],
  [60, "min"],
  [24, "h"],
  [14, "d"],
];

function ago(iso: string, at: number): string {
  let left = Math.max(0, (at - Date.parse(iso)) / 1000);
  for (const [most, unit] of UNITS) {
    if (left < most) return `${Math.floor(left)} ${unit} ago`;
    left /= most === 24 ? 24 : 60;
  }
  return iso.slice(0, 10);
}

export function When({ at }: { at: string | undefined }) {
  if (!at) return <span class="quiet">–</span>;
  return (
    <time dateTime={at} title={`${time(at)} UTC`}>
      {ago(at, Math.max(moment.value, now().getTime()))}
    </time>
  );
}
