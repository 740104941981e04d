// Where the last statement of a query ends, as far as that can be told without reading all of KQL: strings, comments and
// brackets hide what is in them.

const TOKEN =
  /(?<gap>\s+|\/\/[^\n]*)|(?<text>[hH]?(?:@"(?:[^"]|"")*"|@'(?:[^']|'')*'|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|```[^]*?```|~~~[^]*?~~~)|(?<word>[\p{L}\p{N}_$]+(?:-[\p{L}]+)*)|(?<sign>[^])/gu;

interface Last {
  /** Where its last operator ends, and, where that only draws, where its pipe stands. */
  end: number;
  render: number | undefined;
  operator: string;
  /** Whether it gives no answer of its own: then the query's answer is of a statement before it. */
  declares: boolean;
}

const DECLARING = new Set(["let", "set", "declare", "alias", "restrict"]);

/** The last statement; undefined of a command, or of what isn't whole. */
function last(text: string): Last | undefined {
  let depth = 0;
  let pipe: number | undefined;
  let operator = "";
  let end = 0;
  let first: string | undefined;
  let begins = true;
  let over = false;
  for (const token of text.matchAll(TOKEN)) {
    const { gap, word, sign } = token.groups ?? {};
    if (gap !== undefined) continue;
    if (sign === "." && begins) return undefined;
    begins = false;
    if (sign === ";" && depth === 0) {
      over = true;
      continue;
    }
    if (over) {
      over = false;
      pipe = undefined;
      operator = "";
      first = undefined;
    }
    first ??= word ?? "";
    if (sign === "|" && depth === 0) {
      pipe = token.index;
      operator = "";
    } else if (word !== undefined && depth === 0 && pipe !== undefined && !operator) operator = word;
    else if (sign !== undefined && "([{".includes(sign)) depth += 1;
    else if (sign !== undefined && ")]}".includes(sign)) depth -= 1;
    else if (sign !== undefined && "\"'`".includes(sign)) return undefined;
    if (depth < 0) return undefined;
    end = token.index + token[0].length;
  }
  if (begins || depth) return undefined;
  return { end, render: operator === "render" ? pipe : undefined, operator, declares: DECLARING.has(first ?? "") };
}

export interface Addition {
  at: number;
  piece: string;
}

/** Where a condition on the answer's columns is written, and how; where it can't be, why. */
export function where(text: string, condition: string): Addition | string {
  const found = last(text);
  if (!found) return "Filters on the answer of a command are not supported.";
  if (found.declares) return "Filters before the end of a query are not supported: its last statement gives no answer.";
  if (["fork", "facet", "consume"].includes(found.operator)) return `Filters after ${found.operator} are not supported.`;
  if (found.render !== undefined) return { at: found.render, piece: `| where ${condition}\n` };
  // A comment at its end stays where it is.
  const rest = /^[^\S\n]*(\/\/[^\n]*)?(?=\n|$)/.exec(text.slice(found.end))?.[0] ?? "";
  return { at: found.end + rest.trimEnd().length, piece: `\n| where ${condition}` };
}

/** The query without the operator that only draws its answer. */
export function undrawn(text: string): string {
  const found = last(text);
  return found?.render === undefined || found.declares ? text : text.slice(0, found.render).trimEnd();
}

export interface Stage {
  /** Its operator; of the first, empty. */
  operator: string;
  /** What the operator is told, in pieces between the commas of the outermost level. */
  said: string[][];
}

/** The last statement that gives an answer, operator by operator, and the names that are declared before it. */
export function stages(text: string): { stages: Stage[]; declared: string[] } | undefined {
  const found = last(text);
  if (!found || found.declares) return undefined;
  const declared: string[] = [];
  let made: Stage[] = [{ operator: "", said: [[]] }];
  let depth = 0;
  let before = "";
  for (const token of text.slice(0, found.end).matchAll(TOKEN)) {
    const { gap, word, sign } = token.groups ?? {};
    if (gap !== undefined) continue;
    const here = made.at(-1) as Stage;
    if (sign === ";" && depth === 0) made = [{ operator: "", said: [[]] }];
    else if (sign === "|" && depth === 0) made.push({ operator: "", said: [[]] });
    else if (sign === "," && depth === 0) here.said.push([]);
    else if (word !== undefined && depth === 0 && made.length > 1 && !here.operator) here.operator = word;
    else here.said.at(-1)?.push(token[0]);
    if (before === "let" && word !== undefined) declared.push(word);
    if (sign !== undefined && "([{".includes(sign)) depth += 1;
    if (sign !== undefined && ")]}".includes(sign)) depth -= 1;
    before = word ?? "";
  }
  return { stages: made, declared };
}
