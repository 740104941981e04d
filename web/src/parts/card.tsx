// `render card`: the first row, each of its values large.

import type { Table, Visualization } from "../api/kusto";
import { refused } from "./looks";
import { quoted } from "./sentences";
import { count, isNumeric, shown } from "./values";
import "./chart.css";

const LONG = 24;

export function Card({ table, look }: { table: Table; look: Visualization }) {
  const [row] = table.rows;
  const left = refused(look);
  if (table.rows.length > 1) left.push(`This is the first of ${count(table.rows.length)} rows.`);
  return (
    <div class="chart-drawn">
      {left.length > 0 && <p class="chart-left">{quoted(left.join(" "))}</p>}
      <figure class="card-drawn" aria-label={look.Title || "Card"}>
        {look.Title && <figcaption>{look.Title}</figcaption>}
        {!row && <p class="quiet">The answer has no rows.</p>}
        <dl>
          {row &&
            table.columns.map((column, i) => {
              const value = row[i];
              const text = typeof value === "number" && isNumeric(column.type) ? value.toLocaleString("en-US", { maximumFractionDigits: 6 }) : shown(value, column.type);
              return (
                <div key={column.name}>
                  <dt>{column.name}</dt>
                  <dd class={text.length > LONG ? "long" : ""}>{text || "–"}</dd>
                </div>
              );
            })}
        </dl>
      </figure>
    </div>
  );
}
