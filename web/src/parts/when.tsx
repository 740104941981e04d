// Times as people say them, with the exact one behind them.

import { time } from "./values";

const UNITS: [number, string][] = [
  [60, "s"],
  [60, "min"],
  [24, "h"],
  [14, "d"],
];

export function ago(iso: string, now = Date.now()): string {
  let left = Math.max(0, (now - Date.parse(iso)) / 1000);
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
      {ago(at)}
    </time>
  );
}
