// Rows of the lake for a test, by a query.

import { useState } from "preact/hooks";
import { why } from "../../api/door";
import * as kusto from "../../api/kusto";
import { quoted } from "../../parts/sentences";
import { counted } from "../../parts/values";
import { place } from "../../shell/router";
import { asEvents, like, tableOf } from "./test_rows";

interface Props {
  where: string;
  query: string;
  take: (table: string, rows: string[], newest: number) => void;
}

/** Takes rows of the lake into a test. */
export function FromTheLake({ where, query, take }: Props) {
  const { query: address } = place.value;
  const [since, until] = [address.get("since"), address.get("until")];
  const [asked, setAsked] = useState(() => like(query, since, until));
  const [busy, setBusy] = useState(false);
  const [told, setTold] = useState("");
  const [wrong, setWrong] = useState("");
  const add = async () => {
    setBusy(true);
    setTold("");
    setWrong("");
    try {
      const table = tableOf(asked);
      const schema = await kusto.rows<{ ColumnName: string }>(where, `${table} | getschema | project ColumnName`);
      const { tables } = await kusto.query({ workspace: where, text: `set truncationmaxrecords = 200;\n${asked}` });
      const found = tables[0];
      if (!found?.rows.length) setWrong("The query gives no row.");
      else {
        const { rows, newest } = asEvents(found, schema.map((c) => c.ColumnName));
        take(table, rows, newest);
        setTold(`${counted(rows.length, "row")} of ${table} ${rows.length === 1 ? "is" : "are"} in the test now.`);
      }
    } catch (error) {
      setWrong(why(error));
    }
    setBusy(false);
  };
  return (
    <details class="test-rows" open={!!since}>
      <summary>Take rows from the lake</summary>
      <label class="field wide">
        <span>A query over one table; its first word tells which</span>
        <textarea rows={4} spellcheck={false} value={asked} onInput={(e) => setAsked(e.currentTarget.value)} />
      </label>
      <button type="button" disabled={busy} onClick={() => void add()}>
        {busy ? "Asking …" : "Add its rows"}
      </button>{" "}
      <span class="quiet" role="status">
        {told}
      </span>
      {wrong && (
        <p class="page-wrong" role="alert">
          {quoted(wrong)}
        </p>
      )}
    </details>
  );
}
