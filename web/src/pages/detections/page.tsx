import { useMemo, useState } from "preact/hooks";
import { rows } from "../../api/kusto";
import * as api from "../../api/rules";
import type { Rule } from "../../api/rules";
import { useLoaded } from "../../parts/load";
import { count } from "../../parts/values";
import { When } from "../../parts/when";
import { Link, go, place } from "../../shell/router";
import { workspace } from "../../shell/session";
import { Matrix } from "./matrix";
import { RulePage } from "./rule";
import "./detections.css";

export function DetectionsPage({ rest }: { rest: string }) {
  return rest ? <RulePage key={rest} id={decodeURIComponent(rest)} /> : <List />;
}

export interface Health {
  rule: string;
  last: string;
  status: string;
  why: string;
  runs: number;
  failures: number;
}

interface Fired {
  rule: string;
  alerts: number;
  last: string;
}

/** How each rule ran lately, by its id in lower case. */
async function health(place: string): Promise<Map<string, Health>> {
  const text = `SentinelHealth
| where TimeGenerated > ago(7d) and SentinelResourceType == "Analytics Rule"
| summarize arg_max(TimeGenerated, Status, Description), Runs = count(), Failures = countif(Status != "Success") by Rule = tolower(extract(@"([^/]+)$", 1, SentinelResourceId))
| project rule = Rule, last = TimeGenerated, status = Status, why = Description, runs = Runs, failures = Failures`;
  return new Map((await rows<Health>(place, text)).map((h) => [h.rule, h]));
}

/** How many alerts each rule raised, by its name. */
async function fired(place: string): Promise<Map<string, Fired>> {
  const text = `SecurityAlert | where TimeGenerated > ago(30d) | summarize alerts = dcount(SystemAlertId), last = max(TimeGenerated) by rule = AlertName`;
  return new Map((await rows<Fired>(place, text)).map((f) => [f.rule, f]));
}

function List() {
  const where = workspace.value?.name ?? "";
  const view = place.value.query.get("view") === "matrix" ? "matrix" : "rules";
  const [text, setText] = useState("");
  const found = useLoaded(api.rules, [where]);
  const ran = useLoaded(() => health(where), [where]);
  const alerts = useLoaded(() => fired(where), [where]);
  const shown = useMemo(() => {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    return (found.value ?? [])
      .filter((r) => {
        const p = r.properties;
        const all = [p.displayName, r.kind, p.severity, ...(p.tactics ?? []), ...(p.techniques ?? []), ...(p.subTechniques ?? [])].join(" ");
        return words.every((w) => all.toLowerCase().includes(w));
      })
      .sort((a, b) => a.properties.displayName.localeCompare(b.properties.displayName));
  }, [found.value, text]);
  return (
    <div class="detections">
      <header class="page-head">
        <h1>Detections</h1>
        <input type="search" aria-label="Search the rules" placeholder="Search name, tactic, technique" value={text} onInput={(e) => setText(e.currentTarget.value)} />
        <fieldset class="choices">
          <legend class="visually-hidden">View</legend>
          <button type="button" aria-pressed={view === "rules"} onClick={() => go("/detections", { replace: true })}>
            Rules
          </button>
          <button type="button" aria-pressed={view === "matrix"} onClick={() => go("/detections?view=matrix", { replace: true })}>
            ATT&amp;CK
          </button>
        </fieldset>
        <span class="quiet" role="status">
          {found.value ? `${count(shown.length)} rules, ${count(shown.filter((r) => r.properties.enabled).length)} enabled` : ""}
        </span>
      </header>
      {found.wrong && <p class="page-wrong">The rules can't be read: {found.wrong}</p>}
      {!found.value && !found.wrong && <p class="beginning">Reading the rules …</p>}
      {found.value?.length === 0 && (
        <div class="empty">
          <h2>No rule yet</h2>
          <p>
            <code>huntlake content add</code> brings rules: the house's own pack, a checkout of a public repository, or a folder of yours.
          </p>
        </div>
      )}
      {view === "matrix" && found.value && found.value.length > 0 && <Matrix rules={shown} fired={new Set(alerts.value?.keys() ?? [])} />}
      {view === "rules" && shown.length > 0 && (
        <table class="list">
          <thead>
            <tr>
              <th scope="col">Severity</th>
              <th scope="col">Rule</th>
              <th scope="col">Kind</th>
              <th scope="col">Runs</th>
              <th scope="col">Health, 7 days</th>
              <th scope="col">Alerts, 30 days</th>
              <th scope="col">Tactics</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((rule) => (
              <Row key={rule.name} rule={rule} ran={ran.value?.get(rule.name.toLowerCase())} alerts={alerts.value?.get(rule.properties.displayName)} />
            ))}
          </tbody>
        </table>
      )}
    </div>
  );
}

function Row({ rule, ran, alerts }: { rule: Rule; ran: Health | undefined; alerts: Fired | undefined }) {
  const p = rule.properties;
  return (
    <tr onClick={() => go(`/detections/${rule.name}`)}>
      <td>
        <span class={`severity ${p.severity}`}>{p.severity}</span>
      </td>
      <td class="wide">
        <Link to={`/detections/${rule.name}`}>{p.displayName}</Link> {!p.enabled && <span class="tag">disabled</span>}
      </td>
      <td>{rule.kind}</td>
      <td>{rule.kind === "NRT" ? "each minute" : every(p.queryFrequency)}</td>
      <td>
        {ran ? (
          <span class={ran.status === "Success" ? "well" : "wrong"} title={ran.why}>
            {ran.status === "Success" ? "well" : "failed"}, <When at={ran.last} />
            {ran.failures > 0 && ` (${ran.failures} of ${ran.runs} failed)`}
          </span>
        ) : (
          <span class="quiet">not run</span>
        )}
      </td>
      <td>{alerts ? `${count(alerts.alerts)}` : <span class="quiet">none</span>}</td>
      <td class="tactics">{(p.tactics ?? []).join(", ")}</td>
    </tr>
  );
}

/** `PT1H` as `1 h`. */
export function every(duration: string | undefined): string {
  const found = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?$/.exec(duration ?? "");
  if (!found) return duration ?? "–";
  const parts = [found[1] && `${found[1]} d`, found[2] && `${found[2]} h`, found[3] && `${found[3]} min`].filter(Boolean);
  return `every ${parts.join(" ")}`;
}
