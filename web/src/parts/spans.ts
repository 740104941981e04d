// Places in a text that is edited: lines and columns count from 1, columns in UTF-16 units.

export interface Span {
  line: number;
  column: number;
  length: number;
}

/** A piece of the text, and the offset at which it begins. */
export interface Selected {
  text: string;
  start: number;
}

/** What to write instead of what stands at a place. */
export interface Fix {
  at: Span;
  wrong: string;
  right: string;
}

export function offsetOf(text: string, line: number, column: number): number {
  const above = text.split("\n").slice(0, line - 1);
  return above.reduce((n, one) => n + one.length + 1, 0) + column - 1;
}
