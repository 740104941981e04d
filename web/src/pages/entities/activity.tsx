// What an entity did over time: a chart by table, and the newest rows of each.

import { useMemo, useState } from "preact/hooks";
import { type Cell, type Table, type Visualization, objects } from "../../api/kusto";
import { useAnswer } from "../../parts/answer";
import { Chart } from "../../parts/charts";
import { Rows } from "../../parts/rows";
import { counted, time } from "../../parts/values";
import { When } from "../../parts/when";
import { Link, go } from "../../shell/router";
import { pathTo } from "../query/share";
import { entityActs } from "./columns";
import { type Named, pathOf } from "./kinds";
import { DAYS, PATIENCE, activity, hoursOf, newest } from "./queries";

interface Bin {
  Table: string;
  Time: string;
  Rows: number;
  First: string;
  Last: string;
}

interface Sum {
  table: string;
  rows: number;
  first: string;
  last: string;
}

const SHOWN = 8;

const LOOK: Visualization = {
  Visualization: "columnchart",
  Title: null,
  XColumn: "Time",
  YColumns: "Rows",
  Series: "Table",
  Kind: "stacked",
  XTitle: null,
  YTitle: null,
  Legend: null,
  XAxis: null,
  YAxis: null,
};

export function Activity({ it, words, days }: { it: Named; words: string[] | undefined; days: number }) {
  const text = words && activity(words, days);
  const found = useAnswer(text, PATIENCE);
  const bins = useMemo(() => objects<Bin>(found.value?.tables[0]), [found.value]);
  const sums = useMemo(() => summed(bins), [bins]);
  const drawn = useMemo(() => dense(bins, sums, days), [bins, sums, days]);
  const [all, setAll] = useState(false);
  const more = DAYS.find((d) => d > days);
  return (
    <section class="entity-part" aria-label="Activity">
      <header>
        <h2>Activity</h2>
        {sums.length > 0 && (
          <span class="quiet">
            {counted(sums.reduce((n, s) => n + s.rows, 0), "row")} in {counted(sums.length, "table")}; first seen {time(sums.map((s) => s.first).sort()[0] ?? "").slice(0, 19)}, last{" "}
            {time(sums.map((s) => s.last).sort().at(-1) ?? "").slice(0, 19)} UTC
          </span>
        )}
        {text && <Link to={pathTo(text)}>Open as query</Link>}
      </header>
      {found.wrong && (
        <p class="page-wrong" role="alert">
          The lake didn't tell: {found.wrong}
        </p>
      )}
      {found.value?.partial && (
        <p class="page-wrong" role="alert">
          This is not all: {found.value.partial}
        </p>
      )}
      {!found.value && !found.wrong && <p class="entity-wait quiet">Looking through {days === 1 ? "a day" : `${days} days`} of the lake …</p>}
      {found.value && !sums.length && (
        <p class="entity-wait quiet">
          No row holds it in {days === 1 ? "the last day" : `the last ${days} days`}.{" "}
          {more && (
            <button type="button" onClick={() => go(`${pathOf(it)}?days=${more}`, { replace: true })}>
              Look at {more} days
            </button>
          )}
        </p>
      )}
      {drawn && (
        <>
          <div class="entity-chart">
            <Chart table={drawn} look={LOOK} />
          </div>
          <ul class="entity-tables">
            {(all ? sums : sums.slice(0, SHOWN)).map((s) => (
              <Newest key={s.table} sum={s} words={words ?? []} days={days} />
            ))}
          </ul>
          {sums.length > SHOWN && (
            <button type="button" aria-expanded={all} onClick={() => setAll(!all)}>
              {all ? `The first ${SHOWN} tables` : `All ${sums.length} tables`}
            </button>
          )}
        </>
      )}
    </section>
  );
}

function Newest({ sum, words, days }: { sum: Sum; words: string[]; days: number }) {
  const [open, setOpen] = useState(false);
  const text = newest(sum.table, words, days);
  const found = useAnswer(open ? text : undefined, PATIENCE);
  return (
    <li>
      <details onToggle={(e) => setOpen(e.currentTarget.open)}>
        <summary>
          <strong>{sum.table}</strong> <span class="number">{counted(sum.rows, "row")}</span>
          <span class="quiet">
            first <When at={sum.first} />, last <When at={sum.last} />
          </span>
        </summary>
        {open && (
          <div class="entity-rows">
            <p class="quiet">
              {sum.rows > 50 ? "The newest 50 of them." : "All of them, the newest first."} <Link to={pathTo(text)}>Open as query</Link>
            </p>
            <Rows answer={found.value} wrong={found.wrong} label={`Newest rows of ${sum.table}`} acts={entityActs} />
          </div>
        )}
      </details>
    </li>
  );
}

function summed(bins: Bin[]): Sum[] {
  const sums = new Map<string, Sum>();
  for (const b of bins) {
    const known = sums.get(b.Table);
    if (!known) sums.set(b.Table, { table: b.Table, rows: b.Rows, first: b.First, last: b.Last });
    else {
      known.rows += b.Rows;
      if (b.First < known.first) known.first = b.First;
      if (b.Last > known.last) known.last = b.Last;
    }
  }
  return [...sums.values()].sort((a, b) => b.rows - a.rows);
}

/** A value for each bar of each table: bars are stacked by their places. */
function dense(bins: Bin[], sums: Sum[], days: number): Table | undefined {
  if (!bins.length) return undefined;
  const step = hoursOf(days) * 3_600_000;
  const now = Date.now();
  const times: number[] = [];
  for (let t = Math.ceil((now - days * 86_400_000) / step) * step - step; t <= now; t += step) times.push(t);
  const known = new Map(bins.map((b) => [`${b.Table} ${Date.parse(b.Time)}`, b.Rows]));
  const rows: Cell[][] = sums.flatMap((s) => times.map((t): Cell[] => [new Date(t).toISOString(), s.table, known.get(`${s.table} ${t}`) ?? 0]));
  const columns = [
    { name: "Time", type: "datetime" },
    { name: "Table", type: "string" },
    { name: "Rows", type: "long" },
  ];
  return { name: "Activity", columns, rows };
}
