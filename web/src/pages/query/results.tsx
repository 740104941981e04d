// What came of a query.

import { useEffect, useMemo, useState } from "preact/hooks";
import type { ApiError } from "../../api/door";
import type { Answer, Visualization } from "../../api/kusto";
import { Chart } from "../../parts/charts";
import { drawable } from "../../parts/drawable";
import { Grid } from "../../parts/grid";
import { count, duration, size } from "../../parts/values";
import { csv, lines, save } from "./export";

export type Shown =
  | { state: "running"; since: number; stop: () => void }
  | { state: "answered"; answer: Answer; stop?: undefined }
  | { state: "failed"; problem: ApiError; whole: boolean; stop?: undefined }
  | { state: "cancelled"; stop?: undefined };

export function Results({ shown, name }: { shown: Shown | undefined; name: string }) {
  if (!shown) {
    return (
      <div class="results empty">
        <h2>Ask the lake</h2>
        <p>
          Write a query and press <kbd>Shift</kbd> <kbd>Enter</kbd>. Tables stand at the left; <kbd>Ctrl</kbd> <kbd>Space</kbd> completes.
        </p>
      </div>
    );
  }
  switch (shown.state) {
    case "running":
      return <Running since={shown.since} />;
    case "cancelled":
      return <div class="results empty">The query was cancelled.</div>;
    case "failed":
      return <Failed problem={shown.problem} />;
    case "answered":
      return <Answered answer={shown.answer} name={name} />;
  }
}

function Running({ since }: { since: number }) {
  const [now, setNow] = useState(performance.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(performance.now()), 100);
    return () => clearInterval(timer);
  }, []);
  return (
    <div class="results empty" role="status">
      Running for {duration(Math.max(0, now - since) / 1000)} …
    </div>
  );
}

function Failed({ problem }: { problem: ApiError }) {
  return (
    <div class="results failed" role="alert">
      <h2>
        {problem.message} <code>{problem.code}</code>
      </h2>
      {problem.place && (
        <p>
          Line {problem.place.line}, column {problem.place.column}
          {problem.place.text && (
            <>
              : <code>{problem.place.text}</code>
            </>
          )}
        </p>
      )}
      {problem.help && <p>{problem.help}</p>}
    </div>
  );
}

function Answered({ answer, name }: { answer: Answer; name: string }) {
  const [at, setAt] = useState(0);
  const table = answer.tables[Math.min(at, answer.tables.length - 1)];
  const can = table ? drawable(table) : false;
  const [view, setView] = useState<"table" | "chart">("table");
  useEffect(() => {
    setAt(0);
    setView(answer.tables[0] && drawable(answer.tables[0]) ? "chart" : "table");
  }, [answer]);
  const look = useMemo(() => table?.visualization as Visualization, [table]);
  if (!table) return <div class="results empty">The query has no answer: it only declares something.</div>;
  const file = name.replace(/[^\w-]+/g, "_") || "answer";
  return (
    <div class="results">
      <div class="results-bar">
        {answer.tables.length > 1 && (
          <select aria-label="Table of the answer" value={at} onChange={(e) => setAt(Number(e.currentTarget.value))}>
            {answer.tables.map((t, i) => (
              <option key={i} value={i}>
                {t.name} ({count(t.rows.length)})
              </option>
            ))}
          </select>
        )}
        {can && (
          <>
            <button type="button" aria-pressed={view === "chart"} onClick={() => setView("chart")}>
              Chart
            </button>
            <button type="button" aria-pressed={view === "table"} onClick={() => setView("table")}>
              Table
            </button>
          </>
        )}
        <span class="quiet" role="status">
          {count(table.rows.length)} rows · {duration(answer.seconds)} · {size(answer.bytes)} · here after {duration(answer.elapsed)}
        </span>
        <span class="results-files">
          <button type="button" class="plain" onClick={() => save(`${file}.csv`, "text/csv", csv(table))}>
            CSV
          </button>
          <button type="button" class="plain" onClick={() => save(`${file}.jsonl`, "application/x-ndjson", lines(table))}>
            JSON
          </button>
        </span>
      </div>
      {answer.partial && (
        <p class="results-partial" role="alert">
          This is not all: {answer.partial}
        </p>
      )}
      {view === "chart" && can ? <Chart table={table} look={look} /> : <Grid columns={table.columns} rows={table.rows} label="Answer" />}
    </div>
  );
}
