// One table: what comes into it, how late, what was refused, and its columns.

import { rows, query, type Table } from "../../api/kusto";
import * as api from "../../api/lake";
import { Chart } from "../../parts/charts";
import { bracketed } from "../../parts/kql";
import { useLoaded } from "../../parts/load";
import { quoted } from "../../parts/sentences";
import { Unread } from "../../parts/unread";
import { count, duration, size } from "../../parts/values";
import { When } from "../../parts/when";
import { Link } from "../../shell/router";
import { workspace } from "../../shell/session";
import { useTitle } from "../../shell/title";
import { pathTo } from "../query/share";
import { Kept } from "./kept";

interface Lag {
  Rows: number;
  Middle: number;
  Most: number;
  Last: string;
}

export function TablePage({ name }: { name: string }) {
  const where = workspace.value?.name ?? "";
  const source = bracketed(name);
  const tables = useLoaded(api.tables, [where]);
  const days = useLoaded(() => byDay(where, source), [where, name]);
  const lag = useLoaded(() => arrived(where, source), [where, name]);
  const columns = useLoaded(() => rows<{ ColumnName: string; ColumnType: string }>(where, `${source} | getschema | project ColumnName, ColumnType`), [where, name]);
  const refused = useLoaded(async () => (await api.deadLetters(where)).filter((l) => l.Table === name), [where, name]);
  const state = tables.value?.find((t) => t.name === name)?.properties;
  const [late] = lag.value ?? [];
  useTitle(name);
  if (columns.wrong && tables.value && !state) return <Unread found={{ wrong: columns.wrong, missing: columns.wrong.startsWith("no table is named") }} what="table" to="/lake" all="All tables" />;
  return (
    <article class="lake-table">
      <header class="object-head">
        <p class="object-way">
          <Link to="/lake">Lake</Link>
        </p>
        <h1>{name}</h1>
        <div class="object-work">
          <Link to={pathTo(`${source}\n| top 100 by TimeGenerated`)}>Query its newest rows</Link>
          {state && (
            <span>
              Rows are kept <Kept name={name} days={state.retentionInDays} changed={tables.again} />
            </span>
          )}
        </div>
      </header>
      <div class="object-body">
        <section>
          <h2>Events per day</h2>
          {days.value?.rows.length ? (
            <div class="chart-box">
              <Chart table={days.value} look={days.value.visualization as NonNullable<Table["visualization"]>} />
            </div>
          ) : (
            days.wrong ? <p class="page-wrong">The events can't be counted: {quoted(days.wrong)}</p> : <p class="quiet">{days.value ? "There was none in 30 days." : "Counting …"}</p>
          )}
          <h2>Dead letters</h2>
          {refused.value?.length ? (
            <ul class="entries">
              {refused.value.slice(0, 20).map((l, i) => (
                <li key={i}>
                  <When at={l.TimeGenerated} /> {l.Reason} <code>{String(l.Text ?? "").slice(0, 200)}</code>
                </li>
              ))}
            </ul>
          ) : (
            refused.wrong ? <p class="page-wrong">The dead letters can't be read: {quoted(refused.wrong)}</p> : <p class="quiet">{refused.value ? "No row was refused lately." : "Reading …"}</p>
          )}
          <h2>
            Columns <small class="quiet">{columns.value && count(columns.value.length)}</small>
          </h2>
          {columns.wrong && <p class="page-wrong">The columns can't be read: {quoted(columns.wrong)}</p>}
          {!columns.value && !columns.wrong && <p class="quiet">Reading the columns …</p>}
          <ul class="lake-columns">
            {(columns.value ?? []).map((c) => (
              <li key={c.ColumnName}>
                <code>{c.ColumnName}</code> <small class="quiet">{c.ColumnType}</small>
              </li>
            ))}
          </ul>
        </section>
        <aside class="object-facts" aria-label="Facts">
          {tables.wrong && <p class="page-wrong">What it holds can't be read: {quoted(tables.wrong)}</p>}
          <dl>
            <dt>Rows</dt>
            <dd>{state ? count(state.rows) : "–"}</dd>
            <dt>Size</dt>
            <dd>{state ? `${size(state.bytes)}, index ${size(state.indexBytes)}` : "–"}</dd>
            <dt>Files</dt>
            <dd>{state ? `${count(state.files)}${state.filesToCompact ? `, ${count(state.filesToCompact)} of them small` : ""}` : "–"}</dd>
            <dt>Oldest event</dt>
            <dd>
              <When at={state?.oldestTimeUtc} />
            </dd>
            <dt>Newest event</dt>
            <dd>
              <When at={state?.newestTimeUtc} />
            </dd>
            <dt>Last arrival</dt>
            <dd>
              <When at={late?.Last || undefined} />
            </dd>
            <dt>Lag of the last day's arrivals</dt>
            <dd>{lag.wrong || (late?.Rows ? `half within ${duration(late.Middle)}, 95 % within ${duration(late.Most)}` : lag.value ? "nothing arrived in a day" : "Measuring …")}</dd>
          </dl>
        </aside>
      </div>
    </article>
  );
}

async function byDay(where: string, source: string): Promise<Table | undefined> {
  const text = `${source} | where TimeGenerated > ago(30d) | summarize Events = count() by bin(TimeGenerated, 1d) | render columnchart`;
  return (await query({ workspace: where, text })).tables[0];
}

/** How long after an event its row is here: what is imported later says so, too. */
function arrived(where: string, source: string): Promise<Lag[]> {
  return rows<Lag>(
    where,
    `${source}
| extend Arrived = ingestion_time()
| extend Lag = iff(Arrived > ago(1d), (Arrived - TimeGenerated) / 1s, real(null))
| summarize Last = max(Arrived), Rows = countif(isnotnull(Lag)), Middle = percentile(Lag, 50), Most = percentile(Lag, 95)`,
  );
}
