// The alerts of an incident in their order, each with the rows that it is about.

import { useMemo, useState } from "preact/hooks";
import type { Alert } from "../../api/sentinel";
import { useAnswer } from "../../parts/answer";
import type { Loaded } from "../../parts/load";
import { Rows } from "../../parts/rows";
import { quoted } from "../../parts/sentences";
import { count, counted, time } from "../../parts/values";
import { Link } from "../../shell/router";
import { entityActs } from "../entities/columns";
import { pathTo } from "../query/share";

/** How many seconds the rows of an alert may take. */
const PATIENCE = 60;

export function Story({ alerts }: { alerts: Loaded<Alert[]> }) {
  const sorted = useMemo(() => [...(alerts.value ?? [])].sort((a, b) => (began(a) < began(b) ? -1 : 1)), [alerts.value]);
  if (alerts.wrong) return <p class="page-wrong">The alerts can't be read: {quoted(alerts.wrong)}</p>;
  if (!alerts.value) return <p class="beginning">Reading the alerts …</p>;
  if (!sorted.length) return <p class="empty">No alert belongs to this incident.</p>;
  let day = "";
  return (
    <ol class="story">
      {sorted.map((alert) => {
        const p = alert.properties;
        const at = began(alert);
        const newDay = at.slice(0, 10) !== day;
        day = at.slice(0, 10);
        return (
          <li key={alert.name}>
            {newDay && <h2>{day}</h2>}
            <details>
              <summary>
                <time dateTime={at}>{at.slice(11, 19)}</time>
                <span class={`severity ${p.severity}`} title={p.severity} />
                <span class="story-title">{p.alertDisplayName}</span>
                <span class="quiet">{p.tactics.join(", ")}</span>
              </summary>
              {p.description && <p>{p.description}</p>}
              <Evidence alert={alert} />
            </details>
          </li>
        );
      })}
    </ol>
  );
}

function began(alert: Alert): string {
  return alert.properties.startTimeUtc ?? alert.properties.timeGenerated;
}

function Evidence({ alert }: { alert: Alert }) {
  const [open, setOpen] = useState(false);
  const more = alert.properties.additionalData;
  const text = asked(more);
  const found = useAnswer(open ? text : undefined, PATIENCE);
  if (!text) return null;
  const from = more["Query Start Time UTC"];
  const to = more["Query End Time UTC"];
  const seen = Number(more["Search Query Results Overall Count"]);
  const now = found.value?.tables[0]?.rows.length;
  return (
    <div class="evidence">
      <div class="evidence-acts">
        <button type="button" aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? "Hide the rows" : "Show the rows"}
        </button>
        <Link to={pathTo(text)}>Open as query</Link>
        <span class="quiet">
          {from && to && `looked at ${time(utc(from))} to ${time(utc(to))} UTC; `}
          {Number.isFinite(seen) && counted(seen, "row")}
          {more["Event Grouping"] === "AlertPerResult" && seen > 1 && ", of which each has an alert of its own"}
        </span>
      </div>
      {open && (
        <>
          {now !== undefined && !found.value?.partial && Number.isFinite(seen) && now !== seen && (
            <p class="quiet">
              The rule saw {counted(seen, "row")} then; the same query gives {count(now)} now: rows came late, or are kept no longer.
            </p>
          )}
          <Rows answer={found.value} wrong={found.wrong} label={`Rows of ${alert.properties.alertDisplayName}`} acts={entityActs} />
        </>
      )}
      <details class="evidence-query">
        <summary>The query</summary>
        <pre>{more["Query"]}</pre>
      </details>
    </div>
  );
}

/** The rule's query as it was asked then: over the same time, and with `now()` at its end, as `ago(1h)` needs. */
function asked(more: Record<string, string>): string | undefined {
  const text = more["Query"];
  if (!text) return undefined;
  const from = more["Query Start Time UTC"];
  const to = more["Query End Time UTC"];
  if (!from || !to) return text;
  return `set query_now=datetime(${utc(to)});set query_datetimescope_column="TimeGenerated";set query_datetimescope_from=datetime(${utc(from)});set query_datetimescope_to=datetime(${utc(to)});
${text}`;
}

function utc(at: string): string {
  return at.replace("+00:00", "Z");
}
