// Pieces of KQL made of names. A name is data: whatever it holds, it stays one literal.

/** A text as a literal. */
export function quoted(text: string): string {
  const escaped = text
    .replace(/[\\"]/g, "\\$&")
    .replace(/\p{Cs}/gu, "\ufffd")
    .replace(/[\p{Cc}\u2028\u2029]/gu, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return `"${escaped}"`;
}

/** A table or a column of any name. */
export function bracketed(name: string): string {
  // Bare, `true` is a value, whatever columns there are.
  return /^(?!(true|false)$)[a-z_]\w*$/i.test(name) ? name : `[${quoted(name)}]`;
}

/** What a search asks: one of the words, in any column. `search` would take a `*` in a word for a wildcard. */
export function anywhere(words: string[]): string {
  const terms = words.map((w) => (w.includes("*") ? `* has ${quoted(w)}` : quoted(w)));
  return terms.length === 1 ? (terms[0] ?? "") : `(${terms.join(" or ")})`;
}

/** The same for `where`. */
export function inAnyColumn(words: string[]): string {
  const terms = words.map((w) => `* has ${quoted(w)}`);
  return terms.length === 1 ? (terms[0] ?? "") : `(${terms.join(" or ")})`;
}

/** Literals for `in`, `in~` and `has_any`. */
export function listed(texts: string[]): string {
  return `(${texts.map(quoted).join(", ")})`;
}
