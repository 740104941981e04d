// What hunting is worth, by who made the hunts.

import * as api from "../../api/hunting";
import { useLoaded } from "../../parts/load";
import { quoted } from "../../parts/sentences";
import { workspace } from "../../shell/session";

const NAMES: Record<string, string> = {
  hunts: "Hunts",
  runs: "Runs",
  failedRuns: "Runs that failed",
  rows: "Rows",
  clusters: "Clusters",
  truePositives: "Unique true positives",
  approvalRate: "Approved of what was decided",
  falsePositiveRate: "False of what was judged",
  secondsToPackage: "Seconds from signal to package",
  promoted: "Promoted to rules",
  suspended: "Suspended",
  hours: "Hours of work, estimated",
  engineSeconds: "Seconds of the engine",
};

export function Metrics() {
  const found = useLoaded(api.figures, [workspace.value?.name]);
  if (found.wrong) return <p class="page-wrong">The figures can't be read: {quoted(found.wrong)}</p>;
  if (!found.value) return <p class="beginning">Counting …</p>;
  const origins = found.value;
  const formula = String(origins[0]?.properties["hoursFormula"] ?? "");
  return (
    <>
      <table class="list figures">
        <thead>
          <tr>
            <th scope="col">Figure</th>
            {origins.map((o) => (
              <th key={o.name} scope="col" class="number">
                {o.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {Object.entries(NAMES).map(([key, title]) => (
            <tr key={key}>
              <td class="wide">{title}</td>
              {origins.map((o) => (
                <td key={o.name} class="number">
                  {figure(key, o.properties[key])}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <p class="hunts-note quiet">{formula}</p>
    </>
  );
}

function figure(key: string, value: unknown): string {
  if (typeof value !== "number") return "–";
  if (key.endsWith("Rate")) return `${Math.round(value * 100)} %`;
  return value.toLocaleString("en-US", { maximumFractionDigits: 1 });
}
