import { useEffect, useMemo } from "preact/hooks";
import { switches } from "../../api/hunting";
import { rows } from "../../api/kusto";
import { tallies } from "../../api/rule_tests";
import type { Tally } from "../../api/rule_tests";
import * as api from "../../api/rules";
import type { Rule } from "../../api/rules";
import { SEVERITIES } from "../../api/sentinel";
import { say, useSaid } from "../../parts/address";
import { List, type ListColumn } from "../../parts/list";
import { useLoaded } from "../../parts/load";
import { quoted } from "../../parts/sentences";
import { count, counted, every } from "../../parts/values";
import { When } from "../../parts/when";
import { lazy } from "../../shell/lazy";
import { offer } from "../../shell/commands";
import { Link, go, pieces, place } from "../../shell/router";
import { may, workspace } from "../../shell/session";
import { Matrix } from "./matrix";
import { RulePage } from "./rule";
import "./detections.css";

const WriteRule = lazy(() => import("./write").then((m) => m.WriteRule));

export function DetectionsPage({ rest }: { rest: string }) {
  if (!rest) return <Lists />;
  if (rest === "new") return may("author") ? <WriteRule key="new" /> : <Unwritten />;
  const [id = ""] = pieces(rest);
  return place.value.query.has("edit") && may("author") ? <WriteRule key={`edit ${rest}`} id={id} /> : <RulePage key={rest} id={id} />;
}

/** In the place of a new rule, for whoever can't store one. */
function Unwritten() {
  return (
    <p class="beginning">
      A person with the right to author writes rules here. <Link to="/detections">All rules</Link>
    </p>
  );
}

interface Health {
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

/** How many alerts each rule raised, by its id in lower case: an alert may have another title than its rule. */
async function fired(place: string): Promise<Map<string, Fired>> {
  const text = `SecurityAlert | where TimeGenerated > ago(30d) | summarize alerts = dcount(SystemAlertId), last = max(TimeGenerated) by rule = tolower(AlertType)`;
  return new Map((await rows<Fired>(place, text)).map((f) => [f.rule, f]));
}

function Lists() {
  const where = workspace.value?.name ?? "";
  const view = place.value.query.get("view") === "matrix" ? "matrix" : "rules";
  const [text, setText] = useSaid("text");
  const found = useLoaded(api.rules, [where]);
  const ran = useLoaded(() => health(where), [where]);
  const alerts = useLoaded(() => fired(where), [where]);
  const tested = useLoaded(tallies, [where]);
  useEffect(() => offer(may("author") ? [{ title: "New rule", run: () => go("/detections/new") }] : []), []);
  const held = useLoaded(switches, [where]);
  const words = useMemo(() => text.toLowerCase().split(/\s+/).filter(Boolean), [text]);
  const firing = useMemo(() => new Set(alerts.value?.keys() ?? []), [alerts.value]);
  const shown = useMemo(
    () =>
      (found.value ?? [])
      .filter((r) => {
        const p = r.properties;
        const all = [p.displayName, r.kind, p.severity, ...(p.tactics ?? []), ...(p.techniques ?? []), ...(p.subTechniques ?? [])].join(" ");
        return words.every((w) => all.toLowerCase().includes(w));
      })
      .sort((a, b) => a.properties.displayName.localeCompare(b.properties.displayName)),
    [found.value, words],
  );
  return (
    <div class="detections">
      <header class="page-head">
        <h1>Detections</h1>
        <input type="search" aria-label="Search the rules" placeholder="Search name, tactic, technique" value={text} onInput={(e) => setText(e.currentTarget.value)} />
        <fieldset class="choices">
          <legend class="visually-hidden">View</legend>
          <button type="button" aria-pressed={view === "rules"} onClick={() => say({ view: "", show: "", technique: "" })}>
            Rules
          </button>
          <button type="button" aria-pressed={view === "matrix"} onClick={() => say({ view: "matrix", sort: "" })}>
            ATT&amp;CK
          </button>
        </fieldset>
        {may("author") && (
          <button type="button" onClick={() => go("/detections/new")}>
            New rule
          </button>
        )}
        <span class="quiet" role="status">
          {found.value ? `${count(shown.length)} rules, ${count(shown.filter((r) => r.properties.enabled).length)} enabled` : ""}
        </span>
      </header>
      {found.wrong && <p class="page-wrong">The rules can't be read: {quoted(found.wrong)}</p>}
      {!found.value && !found.wrong && <p class="beginning">Reading the rules …</p>}
      {view === "rules" && found.value?.length === 0 && (
        <div class="empty">
          <h2>No rule yet</h2>
          <p>
            <code>huntlake content add</code> brings rules: the house's own pack, a checkout of a public repository, or a folder of yours.{" "}
            {may("author") && (
              <>
                Or <Link to="/detections/new">write one</Link>.
              </>
            )}
          </p>
        </div>
      )}
      {(ran.wrong || alerts.wrong) && (
        <p class="page-wrong" role="alert">
          How the rules ran and what they raised can't be read: {ran.wrong || alerts.wrong}
        </p>
      )}
      {tested.wrong && (
        <p class="page-wrong" role="alert">
          How their tests stand can't be read: {quoted(tested.wrong)}
        </p>
      )}
      {view === "matrix" && found.value && <Matrix rules={found.value} fired={firing} words={words} />}
      {view === "rules" && !!found.value?.length && (
        <List
          label="Rules"
          rows={shown}
          columns={columns({ held: held.value?.properties.held, ran: ran.value, alerts: alerts.value, tests: tested.value })}
          of={(r) => r.name}
          to={(r) => `/detections/${r.name}`}
        />
      )}
    </div>
  );
}

/** What is known of rules, beside what they say; undefined where it isn't known yet. */
interface Known {
  held: Record<string, string> | undefined;
  ran: Map<string, Health> | undefined;
  alerts: Map<string, Fired> | undefined;
  tests: Map<string, Tally> | undefined;
}

/** Without the answer nothing is said of it: that isn't the same as never. */
function columns({ held, ran: allRan, alerts: allAlerts, tests }: Known): ListColumn<Rule>[] {
  const of = <T,>(known: Map<string, T> | undefined, rule: Rule) => known?.get(rule.name.toLowerCase());
  const alertsOf = (rule: Rule) => of(allAlerts, rule)?.alerts;
  return [
    {
      title: "Severity",
      by: ({ properties: p }) => SEVERITIES.length - SEVERITIES.indexOf(p.severity),
      down: true,
      cell: ({ properties: p }) => <span class={`severity ${p.severity}`}>{p.severity}</span>,
    },
    {
      title: "Rule",
      look: "wide",
      by: ({ properties: p }) => p.displayName,
      cell: ({ name, properties: p }) => (
        <>
          <Link to={`/detections/${name}`}>{p.displayName}</Link> {!p.enabled && <span class="tag">disabled</span>}
          {p.enabled && held?.[name.toLowerCase()] && (
            <span class="tag" title={held[name.toLowerCase()]}>
              waits
            </span>
          )}
        </>
      ),
    },
    { title: "Kind", by: (rule) => rule.kind, cell: (rule) => rule.kind },
    { title: "Runs", cell: ({ kind, properties: p }) => (kind === "NRT" ? "each minute" : every(p.queryFrequency)) },
    {
      title: "Health, 7 days",
      by: (rule) => of(allRan, rule)?.failures,
      down: true,
      cell: (rule) => {
        const ran = of(allRan, rule);
        if (!ran) return <span class="quiet">{allRan ? "not run" : "…"}</span>;
        return (
          <span class={ran.status === "Success" ? "well" : "wrong"} title={ran.why}>
            {ran.status === "Success" ? "well" : "failed"}, <When at={ran.last} />
            {ran.failures > 0 && ` (${ran.failures} of ${ran.runs} failed)`}
          </span>
        );
      },
    },
    { title: "Alerts, 30 days", by: (rule) => alertsOf(rule) ?? (allAlerts ? 0 : undefined), down: true, cell: (rule) => alerted(alertsOf(rule), !!allAlerts) },
    { title: "Tests", by: (rule) => of(tests, rule)?.failed, down: true, cell: (rule) => (tests ? <Tested tally={of(tests, rule)} /> : <span class="quiet">…</span>) },
    { title: "Tactics", look: "tactics", by: ({ properties: p }) => (p.tactics ?? []).join(", "), cell: ({ properties: p }) => (p.tactics ?? []).join(", ") },
  ];
}

function alerted(alerts: number | undefined, known: boolean) {
  return alerts ? count(alerts) : <span class="quiet">{known ? "none" : "…"}</span>;
}

function Tested({ tally }: { tally: Tally | undefined }) {
  if (!tally) return <span class="quiet">no tests</span>;
  const { passed, failed, unknown } = tally;
  if (failed) return <span class="wrong">{`${failed} of ${counted(passed + failed + unknown, "test")} failed`}</span>;
  if (!passed) return <span class="quiet">{counted(unknown, "test")} not run</span>;
  return (
    <>
      <span class="well">{counted(passed, "test")} passed</span>
      {unknown > 0 && <span class="quiet">, {unknown} not run</span>}
    </>
  );
}
