// Which techniques the rules look for, by tactic; and which of those have been seen to fire.

import { useMemo } from "preact/hooks";
import type { Rule } from "../../api/rules";
import { go } from "../../shell/router";

const TACTICS = [
  "Reconnaissance",
  "ResourceDevelopment",
  "InitialAccess",
  "Execution",
  "Persistence",
  "PrivilegeEscalation",
  "DefenseEvasion",
  "CredentialAccess",
  "Discovery",
  "LateralMovement",
  "Collection",
  "CommandAndControl",
  "Exfiltration",
  "Impact",
];

interface Cell {
  technique: string;
  rules: Rule[];
  fired: boolean;
}

export function Matrix({ rules, fired }: { rules: Rule[]; fired: ReadonlySet<string> }) {
  const columns = useMemo(
    () =>
      TACTICS.map((tactic) => {
        const cells = new Map<string, Cell>();
        for (const rule of rules.filter((r) => r.properties.enabled && r.properties.tactics?.includes(tactic))) {
          const p = rule.properties;
          for (const technique of [...(p.techniques ?? []), ...(p.subTechniques ?? [])]) {
            const cell = cells.get(technique) ?? { technique, rules: [], fired: false };
            cell.rules.push(rule);
            cell.fired ||= fired.has(p.displayName);
            cells.set(technique, cell);
          }
        }
        return { tactic, cells: [...cells.values()].sort((a, b) => a.technique.localeCompare(b.technique)) };
      }),
    [rules, fired],
  );
  return (
    <div class="matrix-box">
      <p class="quiet matrix-key">
        <span class="matrix-cell fired">T0000</span> a rule for it has raised alerts in 30 days; <span class="matrix-cell">T0000</span> a rule looks for it.
      </p>
      <div class="matrix">
        {columns.map(({ tactic, cells }) => (
          <section key={tactic}>
            <h2>{tactic.replace(/([a-z])([A-Z])/g, "$1 $2")}</h2>
            {cells.map((cell) => (
              <button
                key={cell.technique}
                type="button"
                class={`matrix-cell${cell.fired ? " fired" : ""}`}
                title={cell.rules.map((r) => r.properties.displayName).join("\n")}
                onClick={() => go(`/detections/${cell.rules[0]?.name}`)}
              >
                {cell.technique} {cell.rules.length > 1 && <small>×{cell.rules.length}</small>}
              </button>
            ))}
            {!cells.length && <p class="quiet">no rule</p>}
          </section>
        ))}
      </div>
    </div>
  );
}
