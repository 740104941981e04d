import { useState } from "preact/hooks";
import { file } from "../../api/drafts";
import { rows } from "../../api/kusto";
import { switches } from "../../api/hunting";
import * as api from "../../api/rules";
import type { Rule } from "../../api/rules";
import { attempt } from "../../parts/attempt";
import { Bars } from "../../parts/bars";
import { quoted as literal } from "../../parts/kql";
import { type Loaded, useLoaded } from "../../parts/load";
import { quoted } from "../../parts/sentences";
import { count, duration, every, time } from "../../parts/values";
import { When } from "../../parts/when";
import { AsItWas, Unread } from "../../parts/unread";
import { Link, go } from "../../shell/router";
import { may, workspace } from "../../shell/session";
import { useTitle } from "../../shell/title";
import { open } from "../query/tabs";
import { Faults } from "./fields";
import { Tests } from "./tests";

export function RulePage({ id }: { id: string }) {
  const found = useLoaded(() => api.rule(id), [id]);
  useTitle(found.value?.properties.displayName);
  if (!found.value) return <Unread found={found} what="rule" to="/detections" all="All rules" />;
  return <Body rule={found.value} found={found} />;
}

function Body({ rule, found }: { rule: Rule; found: Loaded<Rule> }) {
  const p = rule.properties;
  const where = workspace.value?.name ?? "";
  const [busy, setBusy] = useState(false);
  const ran = useLoaded(() => api.runs(rule.name), [rule.name]);
  const held = useLoaded(switches, [where]);
  const perDay = useLoaded(() => alertsPerDay(where, rule.name), [rule.name]);
  const act = async (what: () => Promise<string>) => {
    setBusy(true);
    await attempt(what, { thing: "rule", again: found.again });
    setBusy(false);
  };
  const toggle = () =>
    act(async () => {
      found.set(await api.change(rule, { enabled: !p.enabled }));
      return p.enabled ? "The rule rests" : "The rule runs";
    });
  const run = () =>
    act(async () => {
      const { properties } = await api.runNow(rule.name);
      ran.again();
      perDay.again();
      return `${properties.queryResultAmount} rows, ${properties.alerts.length} alerts`;
    });
  return (
    <article class="rule">
      <header class="object-head">
        <p class="object-way">
          <Link to="/detections">Detections</Link>
        </p>
        <AsItWas found={found} />
        <h1>
          <span class={`severity ${p.severity}`} title={p.severity} /> {p.displayName}
        </h1>
        <div class="object-work">
          <span class="tag">{rule.kind}</span>
          <span>
            {rule.kind === "NRT" ? "each minute" : `${every(p.queryFrequency)}, over ${every(p.queryPeriod).replace("every ", "")}`}
            {p.triggerOperator && `; alerts where rows are ${p.triggerOperator.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase()} ${p.triggerThreshold}`}
          </span>
          {!p.enabled && !may("author") && <span class="tag">disabled</span>}
          {may("author") && (
            <>
              <button type="button" disabled={busy} onClick={() => void toggle()}>
                {p.enabled ? "Disable" : "Enable"}
              </button>
              <button type="button" disabled={busy} onClick={() => void run()}>
                Run now
              </button>
              <button type="button" onClick={() => go(`/detections/${encodeURIComponent(rule.name)}?edit`)}>
                Edit
              </button>
            </>
          )}
          <button
            type="button"
            onClick={() => {
              open(p.query, p.displayName.slice(0, 40));
              go("/query");
            }}
          >
            Open the query
          </button>
        </div>
      </header>
      {p.enabled && held.value?.properties.held[rule.name.toLowerCase()] && (
        <p class="page-wrong" role="status">
          It waits: {held.value.properties.held[rule.name.toLowerCase()]}. Its windows are made up for when it goes on.
        </p>
      )}
      <div class="object-body">
        <section>
          {p.description && <p>{p.description}</p>}
          <pre class="code" tabIndex={0} role="region" aria-label="Query">{p.query}</pre>
          <h2>Alerts per day</h2>
          {perDay.value?.length ? <Bars title={`Since ${perDay.value[0]?.name}`} bars={perDay.value} /> : perDay.wrong ? <p class="page-wrong">The alerts can't be counted: {quoted(perDay.wrong)}</p> : <p class="quiet">{perDay.value ? "It has raised none." : "Counting …"}</p>}
          <Tests rule={rule} />
          <Remarks id={rule.name} />
          <h2>Last runs</h2>
          {ran.wrong && <p class="page-wrong">The runs can't be read: {quoted(ran.wrong)}</p>}
          {!ran.value && !ran.wrong && <p class="quiet">Reading the runs …</p>}
          {ran.value && !ran.value.length && <p class="quiet">It hasn't run yet.</p>}
          {ran.value && ran.value.length > 0 && <Runs runs={ran.value.slice(0, 20)} />}
        </section>
        <aside class="object-facts" aria-label="Facts">
          <dl>
            <dt>Tactics</dt>
            <dd>{(p.tactics ?? []).join(", ") || "–"}</dd>
            <dt>Techniques</dt>
            <dd>{[...(p.techniques ?? []), ...(p.subTechniques ?? [])].join(", ") || "–"}</dd>
            <dt>Entities</dt>
            <dd>
              {(p.entityMappings ?? []).map((m, i) => (
                <div key={i}>
                  {m.entityType}: {m.fieldMappings.map((f) => `${f.identifier} ← ${f.columnName}`).join(", ")}
                </div>
              ))}
              {!p.entityMappings?.length && "–"}
            </dd>
            <dt>Details</dt>
            <dd>{Object.entries(p.customDetails ?? {}).map(([k, v]) => <div key={k}>{`${k} ← ${v}`}</div>)}</dd>
            <dt>Version</dt>
            <dd>{p.templateVersion ?? "–"}</dd>
            <dt>Changed</dt>
            <dd>
              <When at={p.lastModifiedUtc} />
            </dd>
          </dl>
        </aside>
      </div>
    </article>
  );
}

/** What is odd about the rule. */
function Remarks({ id }: { id: string }) {
  const found = useLoaded(() => file(id), [id]);
  const findings = found.value?.findings;
  return (
    <>
      <h2>Checks</h2>
      {found.wrong && <p class="page-wrong">The rule can't be checked: {quoted(found.wrong)}</p>}
      {!findings && !found.wrong && <p class="quiet">Checking …</p>}
      {findings?.length === 0 && <p class="quiet">Nothing odd is in its query, its columns or its techniques.</p>}
      {findings && <Faults findings={findings} />}
    </>
  );
}

const DAY = 86_400_000;
const MOST_DAYS = 90;

/** How many alerts the rule raised on each day since the first, and at least for a fortnight. */
async function alertsPerDay(where: string, id: string): Promise<{ name: string; value: number }[]> {
  const text = `SecurityAlert | where AlertType =~ ${literal(id)} | summarize alerts = dcount(SystemAlertId) by day = bin(coalesce(StartTime, TimeGenerated), 1d) | where day > ago(${MOST_DAYS}d) | order by day asc`;
  const found = await rows<{ day: string; alerts: number }>(where, text);
  if (!found.length) return [];
  const counts = new Map(found.map((f) => [f.day.slice(0, 10), f.alerts]));
  const today = Math.floor(Date.now() / DAY) * DAY;
  const first = Math.min(Date.parse(found[0]?.day ?? ""), today - 13 * DAY);
  return Array.from({ length: Math.round((today - first) / DAY) + 1 }, (_, n) => {
    const name = new Date(first + n * DAY).toISOString().slice(0, 10);
    return { name, value: counts.get(name) ?? 0 };
  });
}

function Runs({ runs }: { runs: api.RuleRun[] }) {
  return (
    <div class="sample" tabIndex={0} role="region" aria-label="Its last runs">
      <table class="list">
        <thead>
          <tr>
            <th scope="col">Window until</th>
            <th scope="col">Run</th>
            <th scope="col">Took</th>
            <th scope="col">Rows</th>
            <th scope="col">Alerts</th>
            <th scope="col">Outcome</th>
          </tr>
        </thead>
        <tbody>
          {runs.map(({ name, properties: r }) => (
            <tr key={name}>
              <td>{time(r.windowEndTimeUtc).slice(0, 19)}</td>
              <td>
                <When at={r.executionTimeUtc} />
              </td>
              <td>{duration(r.durationMs / 1000)}</td>
              <td>{count(r.queryResultAmount)}</td>
              <td>{count(r.alertsGeneratedAmount)}</td>
              <td class={r.status === "Success" ? "well" : "wide wrong"}>{r.status === "Success" ? "well" : (r.reason ?? "failed")}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
