// Places in a text. The server counts characters from 1 in each line; the editor counts UTF-16 units.

import type { Fault } from "../../api/door";
import type { Span } from "../../parts/spans";

/** What is sent of a tab's text: `sent` is `head` and then the text from `start` on. */
export interface Sent {
  whole: string;
  start: number;
  head: string;
  sent: string;
}

/** Where in the tab's text a fault lies; undefined where it lies in none of it. */
export function placed(fault: Fault, { whole, start, head, sent }: Sent): Span | undefined {
  if (!fault.place) return undefined;
  const lines = sent.split("\n");
  const before = lines.slice(0, fault.place.line - 1).reduce((n, line) => n + line.length + 1, 0);
  const line = [...(lines[fault.place.line - 1] ?? "")];
  const within = line.slice(0, fault.place.column - 1).join("").length;
  const at = before + within - head.length;
  if (at < 0) return undefined;
  const above = whole.slice(0, start + at).split("\n");
  return { line: above.length, column: (above.at(-1) ?? "").length + 1, length: fault.place.text.length };
}
