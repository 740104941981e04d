// Sentences of the server, as people read them.

/** A text whose pieces between backticks are code. */
export function quoted(text: string) {
  return text.split("`").map((piece, i) => (i % 2 ? <code key={i}>{piece}</code> : piece));
}

/** A remark as a sentence of its own. */
export function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
}
