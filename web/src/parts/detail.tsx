// One row of a table, field by field.

import { useState } from "preact/hooks";
import type { Cell, Column } from "../api/kusto";
import { pretty, shown, whole } from "./values";

export function Detail({ columns, row, close }: { columns: Column[]; row: Cell[]; close: () => void }) {
  const [all, setAll] = useState(false);
  const kept = columns.map((c, i) => ({ ...c, value: row[i] })).filter((c) => all || whole(c.value) !== "");
  return (
    <aside class="grid-detail" aria-label="The row">
      <header>
        <strong>Row</strong>
        <label>
          <input type="checkbox" checked={all} onChange={(e) => setAll(e.currentTarget.checked)} /> empty fields, too
        </label>
        <button type="button" class="plain" onClick={close} aria-label="Close the row">
          ✕
        </button>
      </header>
      <dl>
        {kept.map((c) => (
          <div key={c.name}>
            <dt>
              {c.name} <small>{c.type}</small>
            </dt>
            <dd>{pretty(c.value) === undefined ? shown(c.value, c.type, 100_000) : <pre>{pretty(c.value)}</pre>}</dd>
          </div>
        ))}
      </dl>
    </aside>
  );
}
