// What can be done with a value of an answer: its query is narrowed to it, and its entity opened.

import type { CellAt } from "../../parts/grid";
import type { Act } from "../../parts/menu";
import { entityActs } from "../entities/columns";
import { type Filter, filterOf } from "./filters";
import { type Addition, where } from "./pipeline";
import type { Sent } from "./places";

/** Adds something to what was asked, and asks it again. */
export type Narrow = (sent: Sent, addition: Addition) => void;

export function narrowing(sent: Sent, tables: number, narrow: Narrow): (cell: CellAt) => Act[] {
  return (cell) => {
    const filter = tables > 1 ? "Filters on one of several answers are not supported." : filterOf(cell.column, cell.value);
    const act = (title: string, which: keyof Filter): Act => {
      const addition = typeof filter === "string" ? filter : where(sent.sent, filter[which]);
      return typeof addition === "string" ? { title, refused: addition } : { title, run: () => narrow(sent, addition) };
    };
    return [act("Keep only rows with this value", "keep"), act("Leave out rows with this value", "leave"), ...entityActs(cell)];
  };
}
