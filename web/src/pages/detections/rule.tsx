import { useState } from "preact/hooks";
import { ApiError } from "../../api/door";
import { query } from "../../api/kusto";
import * as api from "../../api/rules";
import type { Rule } from "../../api/rules";
import { Chart } from "../../parts/charts";
import { type Loaded, useLoaded } from "../../parts/load";
import { When } from "../../parts/when";
import { Link, go } from "../../shell/router";
import { workspace } from "../../shell/session";
import { tell } from "../../shell/toasts";
import { open } from "../query/tabs";
import { every } from "./page";

export function RulePage({ id }: { id: string }) {
  const found = useLoaded(() => api.rule(id), [id]);
  if (found.wrong) return <p class="beginning wrong">The rule can't be read: {found.wrong}</p>;
  if (!found.value) return <p class="beginning">Reading the rule …</p>;
  return <Body rule={found.value} found={found} />;
}

function Body({ rule, found }: { rule: Rule; found: Loaded<Rule> }) {
  const p = rule.properties;
  const where = workspace.value?.name ?? "";
  const [busy, setBusy] = useState(false);
  const ran = useLoaded(() => api.runs(rule.name), [rule.name]);
  const perDay = useLoaded(async () => {
    const name = JSON.stringify(p.displayName);
    const { tables } = await query({
      workspace: where,
      text: `SecurityAlert | where AlertName == ${name} | summarize Alerts = dcount(SystemAlertId) by bin(coalesce(StartTime, TimeGenerated), 1d) | render columnchart`,
    });
    return tables[0];
  }, [rule.name]);
  const act = async (what: () => Promise<string>) => {
    setBusy(true);
    try {
      tell(await what());
    } catch (error) {
      const stale = error instanceof ApiError && error.status === 412;
      tell(stale ? "Somebody else has changed the rule meanwhile. It is shown as it is now." : error instanceof Error ? error.message : String(error), { wrong: true });
      if (stale) found.again();
    }
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
        <h1>
          <span class={`severity ${p.severity}`} title={p.severity} /> {p.displayName}
        </h1>
        <div class="object-work">
          <span class="tag">{rule.kind}</span>
          <span>
            {rule.kind === "NRT" ? "each minute" : `${every(p.queryFrequency)}, over ${every(p.queryPeriod).replace("every ", "")}`}
            {p.triggerOperator && `; alerts where rows are ${p.triggerOperator.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase()} ${p.triggerThreshold}`}
          </span>
          <button type="button" disabled={busy} onClick={() => void toggle()}>
            {p.enabled ? "Disable" : "Enable"}
          </button>
          <button type="button" disabled={busy} onClick={() => void run()}>
            Run now
          </button>
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
      <div class="object-body">
        <section>
          {p.description && <p>{p.description}</p>}
          <pre class="rule-query">{p.query}</pre>
          <h2>Alerts per day</h2>
          {perDay.value?.rows.length ? (
            <div class="rule-chart">
              <Chart table={perDay.value} look={perDay.value.visualization ?? { ...NO_LOOK }} />
            </div>
          ) : (
            <p class="quiet">{perDay.wrong || (perDay.value ? "It has raised none." : "Counting …")}</p>
          )}
          <h2>Last runs</h2>
          {ran.wrong && <p class="page-wrong">The runs can't be read: {ran.wrong}</p>}
          {ran.value && !ran.value.length && <p class="quiet">It hasn't run yet.</p>}
          <ul class="entries">
            {(ran.value ?? []).slice(0, 20).map((r) => (
              <li key={r.name}>{facts(r.properties)}</li>
            ))}
          </ul>
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

const NO_LOOK = {
  Visualization: "columnchart",
  Title: null,
  XColumn: null,
  YColumns: null,
  Series: null,
  Kind: null,
  XTitle: null,
  YTitle: null,
  Legend: null,
  XAxis: null,
  YAxis: null,
};

function facts(properties: Record<string, unknown>): string {
  return Object.entries(properties)
    .filter(([, v]) => v !== null && v !== "" && !(Array.isArray(v) && !v.length))
    .map(([k, v]) => `${k}: ${typeof v === "object" ? JSON.stringify(v) : String(v)}`)
    .join(" · ");
}
