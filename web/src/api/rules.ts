// Analytic rules and how they have run, over Azure Resource Manager's API.

import { json } from "./door";
import { all, path } from "./sentinel";
import type { Severity } from "./sentinel";

export interface Rule {
  name: string;
  etag: string;
  kind: string;
  properties: {
    displayName: string;
    description?: string;
    enabled: boolean;
    severity: Severity;
    query: string;
    queryFrequency?: string;
    queryPeriod?: string;
    triggerOperator?: string;
    triggerThreshold?: number;
    tactics?: string[];
    techniques?: string[];
    subTechniques?: string[];
    entityMappings?: { entityType: string; fieldMappings: { identifier: string; columnName: string }[] }[];
    customDetails?: Record<string, string>;
    alertDetailsOverride?:
      | {
          alertDisplayNameFormat?: string;
          alertDescriptionFormat?: string;
          alertTacticsColumnName?: string;
          alertSeverityColumnName?: string;
          alertDynamicProperties?: { alertProperty: string; value: string }[];
        }
      | undefined;
    eventGroupingSettings?: { aggregationKind: string };
    incidentConfiguration?: {
      createIncident: boolean;
      groupingConfiguration?: {
        enabled: boolean;
        reopenClosedIncident: boolean;
        lookbackDuration: string;
        matchingMethod: string;
        groupByEntities?: string[];
        groupByAlertDetails?: string[];
        groupByCustomDetails?: string[];
      };
    };
    startTimeUtc?: string;
    suppressionEnabled?: boolean;
    suppressionDuration?: string;
    templateVersion?: string;
    lastModifiedUtc?: string;
  };
}

export interface RuleRun {
  name: string;
  properties: {
    status: "Success" | "Failure";
    windowEndTimeUtc: string;
    executionTimeUtc: string;
    durationMs: number;
    queryResultAmount: number;
    alertsGeneratedAmount: number;
    reason?: string | null;
  };
}

export const rules = (): Promise<Rule[]> => all<Rule>(path("alertRules"));
export const rule = (id: string): Promise<Rule> => json<Rule>(path(`alertRules/${encodeURIComponent(id)}`));
export const runs = (id: string): Promise<RuleRun[]> => all<RuleRun>(path(`alertRules/${encodeURIComponent(id)}/runs`), 200);

/** Writes a rule as it is now; fails with 412 where somebody else has changed it meanwhile. */
export function change(was: Rule, properties: Partial<Rule["properties"]>): Promise<Rule> {
  const { lastModifiedUtc: _, ...kept } = was.properties;
  return json<Rule>(path(`alertRules/${was.name}`), {
    method: "PUT",
    headers: { "If-Match": was.etag },
    body: { kind: was.kind, properties: { ...kept, ...properties } },
  });
}

export interface RunNow {
  properties: { queryResultAmount: number; alerts: string[]; incidents: string[]; issues: string[] };
}

/** Runs a rule once, as if it were due now. */
export function runNow(id: string): Promise<RunNow> {
  return json<RunNow>(path(`alertRules/${id}/triggerRuleRun`), {
    method: "POST",
    body: { properties: { executionTimeUtc: new Date().toISOString() } },
  });
}
