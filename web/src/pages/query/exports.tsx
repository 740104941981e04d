// The answer as a file. CSV and JSON hold what is here; Parquet is asked for again, for its columns keep their types.

import { useState } from "preact/hooks";
import { why } from "../../api/door";
import { parquet, type Answer, type Asked, type Table } from "../../api/kusto";
import { save } from "../../parts/save";
import { counted } from "../../parts/values";
import { tell } from "../../shell/toasts";
import { csv, lines } from "./files";

interface Props {
  answer: Answer;
  table: Table;
  asked: Asked;
  name: string;
}

export function Exports({ answer, table, asked, name }: Props) {
  const [busy, setBusy] = useState(false);
  const file = name.replace(/[^\w-]+/g, "_") || "answer";
  const saved = (ending: string, whole: boolean) => {
    if (whole) tell(`Saved ${file}.${ending}`);
    else tell(`Saved ${file}.${ending}. It hasn't all rows: the answer met a limit.`, { wrong: true });
  };
  const here = (ending: string, type: string, parts: string[]) => {
    save(`${file}.${ending}`, type, parts);
    saved(ending, !answer.partial);
  };
  const asParquet = async () => {
    setBusy(true);
    try {
      const made = await parquet(asked);
      save(`${file}.parquet`, made.file.type, [made.file]);
      saved("parquet", made.whole);
    } catch (error) {
      tell(why(error), { wrong: true });
    } finally {
      setBusy(false);
    }
  };
  const many = answer.tables.length > 1;
  return (
    <span class="results-files" role="group" aria-label="Save the answer">
      <button type="button" class="plain" title={counted(table.rows.length, "row")} onClick={() => here("csv", "text/csv", csv(table))}>
        CSV
      </button>
      <button type="button" class="plain" title={`${counted(table.rows.length, "row")}, each an object on a line`} onClick={() => here("jsonl", "application/x-ndjson", lines(table))}>
        JSON
      </button>
      <button
        type="button"
        class="plain"
        disabled={busy || many}
        title={many ? "A Parquet file holds one table" : "Runs the query again; columns keep their types"}
        onClick={() => void asParquet()}
      >
        {busy ? "Parquet …" : "Parquet"}
      </button>
    </span>
  );
}
