// What came of a query.

import { useEffect, useMemo, useState } from "preact/hooks";
import type { Plan, Words } from "../../api/explanations";
import type { Answer, Asked, Cell, Visualization } from "../../api/kusto";
import { Card } from "../../parts/card";
import { Chart } from "../../parts/charts";
import { drawable, undrawable } from "../../parts/drawable";
import { Grid } from "../../parts/grid";
import type { Fix } from "../../parts/spans";
import { counted, duration } from "../../parts/values";
import { Explained } from "./explained";
import { Exports } from "./exports";
import { Faults } from "./faults";
import type { Marked } from "./fixes";
import { type Narrow, narrowing } from "./narrowing";
import type { Sent } from "./places";
import { Statistics } from "./statistics";
import type { Wanted } from "./testing";

export type Shown =
  | { state: "running"; since: number; stop: () => void }
  | { state: "answered"; answer: Answer; asked: Asked; sent: Sent; stop?: undefined }
  | { state: "explaining"; stop?: undefined }
  | { state: "explained"; plans: Plan[]; words: Words; stop?: undefined }
  | { state: "failed"; message: string; code: string; faults: Marked[]; stop?: undefined }
  | { state: "cancelled"; stop?: undefined };

interface Props {
  shown: Shown | undefined;
  name: string;
  mend: (fix: Fix) => void;
  go: (fault: Marked) => void;
  narrow: Narrow;
  /** Undefined for who may not write tests of rules. */
  test: ((wanted: Wanted) => void) | undefined;
}

export function Results({ shown, name, mend, go, narrow, test }: Props) {
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
    case "explaining":
      return (
        <div class="results empty" role="status">
          Looking what it would read …
        </div>
      );
    case "explained":
      return <Explained plans={shown.plans} words={shown.words} />;
    case "failed":
      return <Faults message={shown.message} code={shown.code} faults={shown.faults} mend={mend} go={go} />;
    case "answered":
      return <Answered answer={shown.answer} asked={shown.asked} sent={shown.sent} name={name} narrow={narrow} test={test} />;
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

interface AnsweredProps {
  answer: Answer;
  asked: Asked;
  sent: Sent;
  name: string;
  narrow: Narrow;
  test: Props["test"];
}

function Answered({ answer, asked, sent, name, narrow, test }: AnsweredProps) {
  const [at, setAt] = useState(0);
  const table = answer.tables[Math.min(at, answer.tables.length - 1)];
  const can = table ? drawable(table) : false;
  const [view, setView] = useState<"table" | "chart">("table");
  useEffect(() => {
    setAt(0);
    setView(answer.tables[0] && drawable(answer.tables[0]) ? "chart" : "table");
  }, [answer]);
  const look = useMemo(() => table?.visualization as Visualization, [table]);
  const take = test &&
    table && {
      title: "Make a test",
      run: (rows: Cell[][]) => test({ columns: table.columns, rows, text: sent.sent, several: answer.tables.length > 1 }),
    };
  if (!table) return <div class="results empty">The query has no answer: it only declares something.</div>;
  return (
    <div class="results">
      <div class="results-bar">
        {answer.tables.length > 1 && (
          <select aria-label="Table of the answer" value={at} onChange={(e) => setAt(Number(e.currentTarget.value))}>
            {answer.tables.map((t, i) => (
              <option key={i} value={i}>
                {i + 1}: {t.name}, {counted(t.rows.length, "row")}
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
        <Statistics answer={answer} table={table} />
        <Exports answer={answer} table={table} asked={asked} name={name} />
      </div>
      {undrawable(table) && (
        <p class="results-note">
          <code>render {undrawable(table)}</code> is not supported here: these are the values.
        </p>
      )}
      {answer.partial && (
        <p class="results-partial" role="alert">
          This is not all: {answer.partial}
        </p>
      )}
      {view === "chart" && can ? (
        look.Visualization === "card" ? <Card table={table} look={look} /> : <Chart table={table} look={look} />
      ) : (
        <Grid columns={table.columns} rows={table.rows} label="Answer" acts={narrowing(sent, answer.tables.length, narrow)} take={take} />
      )}
    </div>
  );
}
