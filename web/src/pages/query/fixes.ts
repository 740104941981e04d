// What to write instead of a name that nobody knows, where the server has said which one is meant.

import type { Fault } from "../../api/door";
import type { Fix, Span } from "../../parts/spans";

/** A fault with its place in the tab's text. */
export interface Marked extends Fault {
  at?: Span;
  fix?: Fix;
}

export function fixOf(fault: Fault, at: Span | undefined): Fix | undefined {
  const right = /^did you mean `([^`]+)`\?/.exec(fault.help)?.[1];
  const wrong = /`([^`]+)`/.exec(fault.message)?.[1];
  const text = fault.place?.text;
  if (!right || !wrong || !text || !at) return undefined;
  // Only names: of `mv-expand` too, but nothing that would need quotes.
  if (!/^(\w+|[a-z]+(-[a-z]+)+)$/.test(right)) return undefined;
  if ([`['${wrong}']`, `["${wrong}"]`].includes(text)) return { at, wrong: text, right };
  // Of a call the fault is the whole of it, and its name is what is wrong.
  if (!text.startsWith(wrong) || /^[\w-]/.test(text.slice(wrong.length))) return undefined;
  return { at: { ...at, length: wrong.length }, wrong, right };
}
