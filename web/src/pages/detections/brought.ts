// Rows that somebody brings from a query to a new test of a rule.

export interface Brought {
  table: string;
  /** Each a line of YAML. */
  rows: string[];
  /** When the newest happened, in milliseconds. */
  newest: number;
}

let waiting: { rule: string; brought: Brought } | undefined;

export function bring(rule: string, brought: Brought): void {
  waiting = { rule, brought };
}

/** What was brought to the rule, once. */
export function broughtTo(rule: string): Brought | undefined {
  const found = waiting?.rule === rule ? waiting.brought : undefined;
  waiting = undefined;
  return found;
}
