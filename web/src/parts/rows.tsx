// The rows of a small answer within a page, without the columns that hold nothing.

import { useMemo } from "preact/hooks";
import type { Answer, Table } from "../api/kusto";
import { type CellAt, Grid } from "./grid";
import type { Act } from "./menu";
import { quoted } from "./sentences";
import { whole } from "./values";

const ROW = 26;
const MOST = 14;

interface Props {
  answer: Answer | undefined;
  wrong: string;
  label: string;
  acts?: (cell: CellAt) => Act[];
}

export function Rows({ answer, wrong, label, acts }: Props) {
  const table = useMemo(() => answer?.tables[0] && filled(answer.tables[0]), [answer]);
  if (wrong) {
    return (
      <p class="page-wrong" role="alert">
        The rows can't be read: {quoted(wrong)}
      </p>
    );
  }
  if (!answer) return <p class="quiet">Reading the rows …</p>;
  if (!table?.rows.length) return <p class="quiet">There is no such row any more.</p>;
  return (
    <>
      {answer.partial && (
        <p class="page-wrong" role="alert">
          This is not all: {answer.partial}
        </p>
      )}
      <div class="rows" style={{ height: `${Math.min(MOST, Math.max(5, table.rows.length)) * ROW + 90}px` }}>
        <Grid columns={table.columns} rows={table.rows} label={label} acts={acts} />
      </div>
    </>
  );
}

function filled(table: Table): Pick<Table, "columns" | "rows"> {
  const kept = table.columns.map((_, i) => i).filter((i) => table.rows.some((row) => !["", "{}", "[]"].includes(whole(row[i]))));
  const first = kept.filter((i) => table.columns[i]?.name === "TimeGenerated");
  const order = [...first, ...kept.filter((i) => !first.includes(i))];
  return { columns: order.flatMap((i) => table.columns[i] ?? []), rows: table.rows.map((row) => order.map((i) => row[i] ?? null)) };
}
