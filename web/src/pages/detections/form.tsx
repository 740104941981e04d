// A rule as a form.

import { useMemo, useState } from "preact/hooks";
import * as api from "../../api/drafts";
import type { EntityType, Finding, Properties } from "../../api/drafts";
import type { Schema } from "../../api/kusto";
import type { Severity } from "../../api/sentinel";
import type { Fault } from "../../parts/editing";
import { Editor } from "../../parts/editor";
import { useLoaded } from "../../parts/load";
import { workspace } from "../../shell/session";
import type { Drafting } from "./drafting";
import { Check, Choice, Duration, Faults, Group, Text } from "./fields";
import { TACTICS, spaced } from "./tactics";

const SEVERITIES = (["High", "Medium", "Low", "Informational"] as const).map((s) => [s, s] as const);
const KINDS = [
  ["Scheduled", "on a schedule"],
  ["NRT", "each minute (NRT)"],
] as const;
const OPERATORS = [
  ["GreaterThan", "more than"],
  ["LessThan", "fewer than"],
  ["Equal", "exactly"],
  ["NotEqual", "not exactly"],
] as const;
const GROUPINGS = [
  ["AlertPerResult", "an alert for each row"],
  ["SingleAlert", "one alert for all rows"],
] as const;
const MATCHINGS = [
  ["AllEntities", "whose entities are all the same"],
  ["AnyAlert", "of this rule, whatever they are about"],
  ["Selected", "that share what is named here"],
] as const;

type Mapping = NonNullable<Properties["entityMappings"]>[number];

/** `known` says that the rule is stored: then it stays of its kind. */
export function RuleForm({ drafting, schema, known }: { drafting: Drafting; schema: Schema | undefined; known: boolean }) {
  const rule = drafting.rule.value;
  const findings = drafting.findings.value;
  const columns = drafting.columns.value;
  const types = useLoaded(api.entityTypes, []);
  const faults = useMemo(() => inQuery(findings, rule.query), [findings]);
  const change = (some: Partial<Properties>) => drafting.change(some);
  const override = rule.alertDetailsOverride ?? {};
  const overridden = (some: Partial<typeof override>) => {
    const all = Object.fromEntries(Object.entries({ ...override, ...some }).filter(([, v]) => v !== "" && v !== undefined));
    change({ alertDetailsOverride: Object.keys(all).length ? all : undefined });
  };
  return (
    <form class="rule-form" onSubmit={(e) => e.preventDefault()}>
      <datalist id="rule-columns">
        {columns.map((c) => (
          <option key={c} value={c} />
        ))}
      </datalist>
      <Group title="What it is">
        <Text label="Name" wide value={rule.displayName} change={(displayName) => change({ displayName })} />
        <Faults of={["name", "id"]} findings={findings} />
        <label class="field wide">
          <span>Description</span>
          <textarea rows={2} value={rule.description ?? ""} placeholder="What it means when it fires, and what to do then" onInput={(e) => change({ description: e.currentTarget.value })} />
        </label>
        <div class="field-row">
          <Choice<Severity> label="Severity" value={rule.severity} of={SEVERITIES} change={(severity) => change({ severity })} />
          <Choice label="It runs" value={drafting.kind.value} of={KINDS} disabled={known} change={(kind) => drafting.become(kind)} />
          <Check label="Enabled" value={rule.enabled} change={(enabled) => change({ enabled })} />
        </div>
        <Faults of={["description", "severity", "kind", "enabled", "version"]} findings={findings} />
      </Group>
      <Group title="Query">
        <div class="rule-editor">
          <Editor
            id="query"
            label="Query"
            text={rule.query}
            turn={drafting.formTurn.value}
            schema={schema}
            workspace={workspace.value?.name ?? ""}
            faults={faults}
            change={(query) => change({ query })}
          />
        </div>
        <Faults of={["query"]} findings={findings} />
        {!rule.query.trim() && <p class="quiet">Say which rows are worth an alert, such as failed sign-ins of one account.</p>}
      </Group>
      {drafting.kind.value === "Scheduled" && (
        <Group title="Schedule">
          <div class="field-row">
            <Duration label="Runs every" value={rule.queryFrequency} change={(queryFrequency) => change({ queryFrequency })} />
            <Duration label="Looks back over" value={rule.queryPeriod} change={(queryPeriod) => change({ queryPeriod })} />
            <Choice label="Fires where there are" value={rule.triggerOperator} of={OPERATORS} change={(triggerOperator) => change({ triggerOperator })} />
            <label class="field">
              <span>Rows</span>
              <input
                type="number"
                min={0}
                max={10_000}
                value={rule.triggerThreshold ?? ""}
                onInput={(e) => e.currentTarget.value && change({ triggerThreshold: Math.min(10_000, Math.max(0, Math.floor(Number(e.currentTarget.value)))) })}
              />
            </label>
          </div>
          <Faults of={["queryFrequency", "queryPeriod", "triggerOperator", "triggerThreshold", "startTimeUtc"]} findings={findings} />
        </Group>
      )}
      <Group title="ATT&amp;CK">
        <div class="tactics-choice">
          {TACTICS.map((t) => {
            const on = rule.tactics?.includes(t) ?? false;
            return (
              <button key={t} type="button" aria-pressed={on} onClick={() => change({ tactics: on ? rule.tactics?.filter((o) => o !== t) : [...(rule.tactics ?? []), t] })}>
                {on && "✓ "}
                {spaced(t)}
              </button>
            );
          })}
        </div>
        <Techniques rule={rule} change={change} turn={drafting.formTurn.value} />
        <Faults of={["tactics", "relevantTechniques", "techniques", "subTechniques"]} findings={findings} />
      </Group>
      <Group title="Entities" hint="Which columns say who and what an alert is about: incidents are joined by them.">
        <Entities mappings={rule.entityMappings ?? []} types={types.value ?? []} change={(entityMappings) => change({ entityMappings })} />
        <Faults of={["entityMappings", "sentinelEntitiesMappings"]} findings={findings} />
      </Group>
      <Group title="Alerts">
        <div class="field-row">
          <Choice
            label="Rows become"
            value={(rule.eventGroupingSettings?.aggregationKind ?? "SingleAlert") as "SingleAlert"}
            of={GROUPINGS as readonly (readonly ["SingleAlert", string])[]}
            change={(aggregationKind) => change({ eventGroupingSettings: { aggregationKind } })}
          />
        </div>
        <Text label="Title" wide hint="{{Column}} stands for a value; empty: the rule's name" value={override.alertDisplayNameFormat} change={(alertDisplayNameFormat) => overridden({ alertDisplayNameFormat })} />
        <Text label="Description" wide hint="empty: the rule's description" value={override.alertDescriptionFormat} change={(alertDescriptionFormat) => overridden({ alertDescriptionFormat })} />
        <div class="field-row">
          <Text label="Severity from column" list="rule-columns" value={override.alertSeverityColumnName} change={(alertSeverityColumnName) => overridden({ alertSeverityColumnName })} />
          <Text label="Tactics from column" list="rule-columns" value={override.alertTacticsColumnName} change={(alertTacticsColumnName) => overridden({ alertTacticsColumnName })} />
        </div>
        {override.alertDynamicProperties?.length ? <p class="quiet">{override.alertDynamicProperties.length} more properties of the alert are overridden: see the YAML.</p> : null}
        <Details details={rule.customDetails ?? {}} change={(customDetails) => change({ customDetails })} turn={drafting.formTurn.value} />
        <Faults of={["eventGroupingSettings", "alertDetailsOverride", "customDetails"]} findings={findings} />
        <div class="field-row">
          <Check label="Silent for a while after it has fired" value={rule.suppressionEnabled ?? false} change={(suppressionEnabled) => change({ suppressionEnabled })} />
          {rule.suppressionEnabled && <Duration label="For" value={rule.suppressionDuration} change={(suppressionDuration) => change({ suppressionDuration })} />}
        </div>
        <Faults of={["suppressionEnabled", "suppressionDuration"]} findings={findings} />
      </Group>
      <Incidents rule={rule} change={change} findings={findings} turn={drafting.formTurn.value} />
    </form>
  );
}

/** The faults that are in the query, for the editor to underline. */
function inQuery(findings: readonly Finding[], query: string): Fault[] {
  const lines = query.split("\n");
  return findings.flatMap((f) => {
    if (!f.queryLine || !f.queryColumn) return [];
    const rest = (lines[f.queryLine - 1] ?? "").slice(f.queryColumn - 1);
    const text = /^(?:\w+|\S)/.exec(rest)?.[0] ?? "";
    return [{ level: f.level, message: f.message, help: f.help ?? "", place: { line: f.queryLine, column: f.queryColumn, text } }];
  });
}

function Techniques({ rule, change, turn }: { rule: Properties; change: (some: Partial<Properties>) => void; turn: number }) {
  const subs = rule.subTechniques ?? [];
  const said = [...(rule.techniques ?? []).filter((t) => !subs.some((s) => s.startsWith(t))), ...subs].join(", ");
  return (
    <Lately
      turn={turn}
      label="Techniques"
      hint="T1110, T1078.004"
      value={said}
      change={(text) => {
        const all = text.toUpperCase().split(/[\s,;]+/).filter(Boolean);
        change({ techniques: [...new Set(all.map((t) => t.split(".")[0] ?? t))], subTechniques: all.filter((t) => t.includes(".")) });
      }}
    />
  );
}

/** A text that is shown as it was typed, until the YAML says otherwise. */
function Lately({ turn, value, change, ...rest }: { turn: number; label: string; hint?: string; value: string; change: (text: string) => void }) {
  const [typed, setTyped] = useState<{ text: string; turn: number }>({ text: value, turn });
  const shown = typed.turn === turn ? typed.text : value;
  return (
    <Text
      {...rest}
      wide
      value={shown}
      change={(text) => {
        setTyped({ text, turn });
        change(text);
      }}
    />
  );
}

function Entities({ mappings, types, change }: { mappings: Mapping[]; types: EntityType[]; change: (mappings: Mapping[]) => void }) {
  const put = (at: number, mapping: Mapping | undefined) => change(mapping ? mappings.map((m, i) => (i === at ? mapping : m)) : mappings.filter((_, i) => i !== at));
  return (
    <>
      {mappings.map((m, at) => {
        const identifiers = types.find((t) => t.name === m.entityType)?.properties.identifiers ?? [];
        const fields = m.fieldMappings;
        return (
          <div class="mapping" key={at}>
            <select aria-label={`Type of entity ${at + 1}`} value={m.entityType} onChange={(e) => put(at, { entityType: e.currentTarget.value, fieldMappings: [{ identifier: "", columnName: "" }] })}>
              {!types.some((t) => t.name === m.entityType) && <option>{m.entityType}</option>}
              {types.map((t) => (
                <option key={t.name}>{t.name}</option>
              ))}
            </select>
            <div class="mapping-fields">
              {fields.map((f, i) => (
                <div key={i}>
                  <select
                    aria-label={`Identifier ${i + 1} of entity ${at + 1}`}
                    value={f.identifier}
                    onChange={(e) => put(at, { ...m, fieldMappings: fields.map((o, n) => (n === i ? { ...o, identifier: e.currentTarget.value } : o)) })}
                  >
                    {!identifiers.includes(f.identifier) && <option value={f.identifier}>{f.identifier || "identified by …"}</option>}
                    {identifiers.map((name) => (
                      <option key={name}>{name}</option>
                    ))}
                  </select>
                  <span aria-hidden="true">←</span>
                  <input
                    aria-label={`Column of identifier ${i + 1} of entity ${at + 1}`}
                    list="rule-columns"
                    placeholder="column"
                    value={f.columnName}
                    onInput={(e) => put(at, { ...m, fieldMappings: fields.map((o, n) => (n === i ? { ...o, columnName: e.currentTarget.value } : o)) })}
                  />
                  {fields.length > 1 && (
                    <button type="button" class="plain" aria-label={`Take identifier ${i + 1} away`} onClick={() => put(at, { ...m, fieldMappings: fields.filter((_, n) => n !== i) })}>
                      ✕
                    </button>
                  )}
                </div>
              ))}
              {fields.length < 3 && (
                <button type="button" class="plain" onClick={() => put(at, { ...m, fieldMappings: [...fields, { identifier: "", columnName: "" }] })}>
                  + identifier
                </button>
              )}
            </div>
            <button type="button" class="plain" aria-label={`Take entity ${at + 1} away`} onClick={() => put(at, undefined)}>
              ✕
            </button>
          </div>
        );
      })}
      {mappings.length < 10 && (
        <button type="button" onClick={() => change([...mappings, { entityType: "Account", fieldMappings: [{ identifier: "FullName", columnName: "" }] }])}>
          Add an entity
        </button>
      )}
    </>
  );
}

function Details({ details, change, turn }: { details: Record<string, string>; change: (details: Record<string, string>) => void; turn: number }) {
  // A name that is typed passes through names that are there already: the rows stay apart until the YAML says otherwise.
  const [typed, setTyped] = useState<{ rows: [string, string][]; turn: number }>({ rows: Object.entries(details), turn });
  const rows = typed.turn === turn ? typed.rows : Object.entries(details);
  const put = (next: [string, string][]) => {
    setTyped({ rows: next, turn });
    change(Object.fromEntries(next.filter(([name]) => name)));
  };
  return (
    <div class="details">
      <span>Custom details</span>
      {rows.map(([name, column], at) => (
        <div key={at}>
          <input aria-label={`Name of detail ${at + 1}`} placeholder="name" value={name} onInput={(e) => put(rows.map((r, i) => (i === at ? [e.currentTarget.value, r[1]] : r)))} />
          <span aria-hidden="true">←</span>
          <input aria-label={`Column of detail ${at + 1}`} list="rule-columns" placeholder="column" value={column} onInput={(e) => put(rows.map((r, i) => (i === at ? [r[0], e.currentTarget.value] : r)))} />
          <button type="button" class="plain" aria-label={`Take detail ${at + 1} away`} onClick={() => put(rows.filter((_, i) => i !== at))}>
            ✕
          </button>
        </div>
      ))}
      {rows.length < 20 && (
        <button type="button" onClick={() => put([...rows, ["", ""]])}>
          Add a detail
        </button>
      )}
    </div>
  );
}

interface IncidentsProps {
  rule: Properties;
  change: (some: Partial<Properties>) => void;
  findings: readonly Finding[];
  turn: number;
}

function Incidents({ rule, change, findings, turn }: IncidentsProps) {
  const incidents = rule.incidentConfiguration ?? { createIncident: true };
  const grouping = incidents.groupingConfiguration;
  type Grouping = NonNullable<typeof grouping>;
  const usual: Grouping = { enabled: true, reopenClosedIncident: false, lookbackDuration: "PT5H", matchingMethod: "AllEntities" };
  const grouped = (some: Partial<Grouping>) => change({ incidentConfiguration: { ...incidents, groupingConfiguration: { ...usual, ...grouping, ...some } } });
  const listed = (text: string) => text.split(/[\s,;]+/).filter(Boolean);
  return (
    <Group title="Incidents">
      <Check label="Alerts become incidents" value={incidents.createIncident} change={(createIncident) => change({ incidentConfiguration: { ...incidents, createIncident } })} />
      {incidents.createIncident && (
        <>
          <Check label="Alerts join an open incident" value={grouping?.enabled ?? false} change={(enabled) => grouped({ enabled })} />
          {grouping?.enabled && (
            <div class="field-row">
              <Choice label="With alerts" value={grouping.matchingMethod as "Selected"} of={MATCHINGS as readonly (readonly ["Selected", string])[]} change={(matchingMethod) => grouped({ matchingMethod })} />
              <Duration label="No older than" value={grouping.lookbackDuration} change={(lookbackDuration) => grouped({ lookbackDuration })} />
              <Check label="Open closed ones again" value={grouping.reopenClosedIncident} change={(reopenClosedIncident) => grouped({ reopenClosedIncident })} />
            </div>
          )}
          {grouping?.enabled && grouping.matchingMethod === "Selected" && (
            <div class="field-row">
              <Lately turn={turn} label="Types of entities" hint="Account, Host" value={grouping.groupByEntities?.join(", ") ?? ""} change={(text) => grouped({ groupByEntities: listed(text) })} />
              <Lately turn={turn} label="Details of alerts" hint="DisplayName, Severity" value={grouping.groupByAlertDetails?.join(", ") ?? ""} change={(text) => grouped({ groupByAlertDetails: listed(text) })} />
              <Lately turn={turn} label="Custom details" value={grouping.groupByCustomDetails?.join(", ") ?? ""} change={(text) => grouped({ groupByCustomDetails: listed(text) })} />
            </div>
          )}
        </>
      )}
      <Faults of={["incidentConfiguration"]} findings={findings} />
    </Group>
  );
}
