// What an answer has cost.

import { useEffect, useRef } from "preact/hooks";
import type { Answer, Table } from "../../api/kusto";
import { count, counted, duration, size, time } from "../../parts/values";

export function Statistics({ answer, table }: { answer: Answer; table: Table }) {
  const { reads } = answer;
  const box = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    const shut = (event: Event) => {
      const beside = event.type === "pointerdown" && !box.current?.contains(event.target as Node);
      if (box.current && (beside || (event instanceof KeyboardEvent && event.key === "Escape"))) box.current.open = false;
    };
    addEventListener("pointerdown", shut);
    addEventListener("keydown", shut);
    return () => {
      removeEventListener("pointerdown", shut);
      removeEventListener("keydown", shut);
    };
  }, []);
  return (
    <details class="statistics" ref={box}>
      <summary>
        {counted(table.rows.length, "row")} · {duration(answer.seconds)} · {size(answer.bytes)}
      </summary>
      <dl>
        <dt>Rows</dt>
        <dd>{answer.tables.map((t) => count(t.rows.length)).join(" + ")}</dd>
        <dt>Time of the server</dt>
        <dd>{duration(answer.seconds)}</dd>
        <dt>Until it was here</dt>
        <dd>{duration(answer.elapsed)}</dd>
        <dt>Size of the answer</dt>
        <dd>{size(answer.bytes)}</dd>
        {reads && reads.files.total > 0 && (
          <>
            <dt>Files read</dt>
            <dd>
              {count(reads.files.scanned)} of {count(reads.files.total)}, {count(reads.files.total - reads.files.scanned)} pruned
            </dd>
            <dt>Rows looked at, at most</dt>
            <dd>
              {count(reads.rows.scanned)} of {count(reads.rows.total)}
            </dd>
            <dt>Bytes read, at most</dt>
            <dd>
              {size(reads.bytes.scanned)} of {size(reads.bytes.total)}
            </dd>
            {reads.files.scanned > 0 && (
              <>
                <dt>Times in these files</dt>
                <dd>
                  {time(reads.since).slice(0, 16)} to {time(reads.until).slice(0, 16)}
                </dd>
              </>
            )}
          </>
        )}
      </dl>
    </details>
  );
}
