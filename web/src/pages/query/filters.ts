// The condition that a row meets where it has a value in a column, and the one that all other rows meet. Each is exact, or
// there is none.

import type { Cell, Column } from "../../api/kusto";
import { bracketed, quoted } from "../../parts/kql";

export interface Filter {
  keep: string;
  leave: string;
}

const LONGEST = 4000;

const INTEGER = /^-?\d{1,19}$/;
const LITERALS: Record<string, RegExp> = {
  decimal: /^-?\d+(\.\d+)?$/,
  datetime: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?Z$/,
  timespan: /^-?(\d+\.)?\d\d:\d\d:\d\d(\.\d{1,7})?$/,
  guid: /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i,
};

/** The filters for a value; where there can be none, why. */
export function filterOf({ name, type }: Column, value: Cell | undefined): Filter | string {
  const it = bracketed(name);
  const equals = (literal: string): Filter => ({ keep: `${it} == ${literal}`, leave: `${it} != ${literal}` });
  if (type === "string" && (value === null || value === undefined || value === "")) return { keep: `isempty(${it})`, leave: `isnotempty(${it})` };
  if (value === null || value === undefined) return { keep: `isnull(${it})`, leave: `isnotnull(${it})` };
  switch (type) {
    case "string":
      return typeof value === "string" ? (unwritable(value) ?? equals(quoted(value))) : UNKNOWN;
    case "bool":
      return typeof value === "boolean" ? equals(String(value)) : UNKNOWN;
    case "int":
    case "long":
      if (typeof value === "number" && Number.isSafeInteger(value)) return equals(String(value));
      return typeof value === "string" && INTEGER.test(value) ? equals(`long(${value})`) : IMPRECISE;
    case "real":
    case "double":
      if (value === "NaN") return { keep: `isnan(${it})`, leave: `(isnull(${it}) or not(isnan(${it})))` };
      if (value === "Infinity" || value === "-Infinity") return equals(value === "Infinity" ? "real(+inf)" : "real(-inf)");
      return typeof value === "number" ? equals(`real(${value})`) : UNKNOWN;
    case "dynamic":
      return within(it, value);
    default:
      return typeof value === "string" && LITERALS[type]?.test(value) ? equals(`${type}(${value})`) : UNKNOWN;
  }
}

/** A value within JSON equals one of the same kind alone: `5` isn't `"5"`. */
function within(it: string, value: Exclude<Cell, null>): Filter | string {
  const is = (kinds: string, read: string): Filter => ({ keep: `gettype(${it}) in (${kinds}) and ${read}`, leave: `not(gettype(${it}) in (${kinds}) and ${read})` });
  switch (typeof value) {
    case "string":
      return unwritable(value) ?? is('"string"', `tostring(${it}) == ${quoted(value)}`);
    case "boolean":
      return is('"bool"', `tobool(${it}) == ${value}`);
    case "number":
      if (Number.isInteger(value) && !Number.isSafeInteger(value)) return IMPRECISE;
      return is('"long", "int", "double", "real"', `toreal(${it}) == real(${value})`);
    default:
      return "Filters on objects and arrays are not supported: extend a column with a field of it.";
  }
}

const UNKNOWN = "Filters on such a value are not supported.";
const IMPRECISE = "The number is too large to be known exactly here.";

function unwritable(text: string): string | undefined {
  if (text.length > LONGEST) return `Filters on texts of more than ${LONGEST} characters are not supported.`;
  return /\p{Cs}/u.test(text) ? "The text holds half a character." : undefined;
}
