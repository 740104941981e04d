// Whole numbers that JavaScript's own can't hold, such as a logon's id: read as numbers they would be others.

import type { Cell, Column } from "./cells";

/** A string, which is left alone, or a whole number that may be too large. */
const TOKEN = /"(?:[^"\\]|\\.)*"|(?<=[[,:])-?\d{16,}(?=[,\]}])/g;
const LONG = /[[,:]-?\d{16,}[,\]}]/;

const { rawJSON } = JSON as { rawJSON?: (text: string) => object };

/** Such a number within JSON: written as JSON it has its digits still. */
class Large {
  constructor(readonly digits: string) {}

  toJSON(): object | number {
    return rawJSON?.(this.digits) ?? Number(this.digits);
  }
}

export interface Exactly<T> {
  body: T;
  /** The rows, in which what is too large for a number is a text of its digits, and within JSON a thing that has them. */
  exact: (rows: Cell[][], columns: Column[]) => Cell[][];
}

/** Reads JSON that holds tables. */
export function parse<T>(text: string): Exactly<T> {
  if (!LONG.test(text)) return { body: JSON.parse(text) as T, exact: (rows) => rows };
  const mark = `${crypto.randomUUID()} `;
  const marked = text.replace(TOKEN, (token) => (token.startsWith('"') ? token : `"${mark}${token}"`));
  return {
    body: JSON.parse(marked) as T,
    exact: (rows, columns) => {
      const read = columns.map(({ type }) => (value: Cell) => (type === "dynamic" ? within(value, mark) : cell(value, mark)));
      for (const row of rows) for (let i = 0; i < row.length; i++) row[i] = read[i]?.(row[i] as Cell) ?? null;
      return rows;
    },
  };
}

function cell(value: Cell, mark: string): Cell {
  if (typeof value !== "string" || !value.startsWith(mark)) return value;
  const digits = value.slice(mark.length);
  return Number.isSafeInteger(Number(digits)) ? Number(digits) : digits;
}

function within(value: Cell, mark: string): Cell {
  if (typeof value === "string") {
    const number = cell(value, mark);
    return number === value || typeof number === "number" ? number : new Large(String(number));
  }
  if (Array.isArray(value)) return value.map((one: Cell) => within(one, mark));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value as Record<string, Cell>).map(([key, one]) => [key, within(one, mark)]));
}
