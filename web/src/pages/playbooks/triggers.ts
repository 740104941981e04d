// What sets a playbook off.

import type { Workflow } from "../../api/logic";

type Triggers = Workflow["properties"]["definition"]["triggers"];

/** Whether an incident sets a workflow off. */
export function isOnIncident(triggers: Triggers): boolean {
  return Object.values(triggers).some((t) => /incident-creation/.test((t.inputs as { path?: string } | undefined)?.path ?? ""));
}

/** What sets a workflow off, in words. */
export function triggered(triggers: Triggers): string {
  return Object.entries(triggers)
    .map(([name, t]) => {
      const inputs = t.inputs as { path?: string } | undefined;
      const path = inputs?.path ?? "";
      if (/incident-creation/.test(path)) return "an incident";
      if (/entity/.test(path)) return `an entity (${/'([^']+)'/.exec(path)?.[1] ?? path.split("/").pop()})`;
      if (/subscribe/.test(path)) return "an alert";
      if (t.type === "Recurrence") return "the clock";
      if (t.type === "Request") return "a request";
      return name;
    })
    .join(", ");
}
