// What came of a test that failed.

import type { TestRun } from "../../api/rule_tests";
import { quoted, sentence } from "../../parts/sentences";
import { counted } from "../../parts/values";

/** What a test that failed expected, and what there was. */
export function Came({ ran }: { ran: TestRun }) {
  if (ran.error) {
    return (
      <div class="test-came">
        <pre class="said wrong" tabIndex={0} role="region" aria-label="Why it couldn't be run">{ran.error}</pre>
      </div>
    );
  }
  return (
    <div class="test-came">
      <ul class="faults">
        {ran.differences.map((d, i) => (
          <li key={i}>
            <span class="level error">line {d.line}</span> {quoted(sentence(d.text))}
          </li>
        ))}
      </ul>
      <div class="test-sides">
        <div>
          <h3>Expected</h3>
          <pre class="code" tabIndex={0} role="region" aria-label="Expected">{ran.expected}</pre>
        </div>
        <div>
          <h3>
            Came: {counted(ran.alertCount, "alert")} of {counted(ran.rowCount, "row")}
          </h3>
          {ran.alerts.length > 0 && (
            <ul class="entries" tabIndex={0} aria-label="Alerts that came">
              {ran.alerts.map((a, i) => (
                <li key={i}>
                  <span class={`severity ${a.severity}`}>{a.title}</span> <span class="quiet">{a.entities.join(", ")}</span>
                </li>
              ))}
            </ul>
          )}
          {ran.rows.length > 0 ? (
            <pre class="code rows-as-text" tabIndex={0} role="region" aria-label="Rows that came">{ran.rows.join("\n")}</pre>
          ) : (
            <p class="quiet">The query gave no row.</p>
          )}
          {ran.rowCount > ran.rows.length && <p class="quiet">These are the first of {ran.rowCount}.</p>}
        </div>
      </div>
      {ran.notes.length > 0 && (
        <ul class="faults">
          {ran.notes.map((note, i) => (
            <li key={i}>
              <span class="level note">note</span> {quoted(sentence(note))}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
