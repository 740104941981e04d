// The incidents that wait for somebody.

import { useMemo, useState } from "preact/hooks";
import * as sentinel from "../../api/sentinel";
import type { Severity, Status } from "../../api/sentinel";
import { useLoaded } from "../../parts/load";
import { count } from "../../parts/values";
import { When } from "../../parts/when";
import { Link, go, place } from "../../shell/router";
import { arm } from "../../shell/session";
import "./incidents.css";

const STATUSES: Status[] = ["New", "Active", "Closed"];
const SEVERITIES: Severity[] = ["High", "Medium", "Low", "Informational"];

export function Queue() {
  const { query } = place.value;
  const status = listed(query.get("status"), STATUSES) ?? ["New", "Active"];
  const severity = listed(query.get("severity"), SEVERITIES) ?? [];
  const [text, setText] = useState("");
  const key = `${status} ${severity}`;
  const found = useLoaded(() => sentinel.incidents({ status, severity }), [key, arm.value]);
  const shown = useMemo(() => {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    return (found.value ?? []).filter((i) => {
      const p = i.properties;
      const all = `${p.incidentNumber} ${p.title} ${p.owner.assignedTo ?? ""} ${p.labels.map((l) => l.labelName).join(" ")} ${p.additionalData.tactics.join(" ")}`;
      return words.every((w) => all.toLowerCase().includes(w));
    });
  }, [found.value, text]);
  const filter = (name: "status" | "severity", values: string[]) => {
    const next = new URLSearchParams(query);
    next.set(name, values.join(",") || "none");
    go(`/incidents?${next}`, { replace: true });
  };
  return (
    <div class="incidents">
      <header class="page-head">
        <h1>Incidents</h1>
        <input type="search" aria-label="Search the incidents shown" placeholder="Search title, owner, tag, tactic" value={text} onInput={(e) => setText(e.currentTarget.value)} />
        <Choices title="Status" all={STATUSES} chosen={status} change={(v) => filter("status", v)} />
        <Choices title="Severity" all={SEVERITIES} chosen={severity.length ? severity : SEVERITIES} change={(v) => filter("severity", v.length === 4 ? [] : v)} />
        <button type="button" onClick={found.again}>
          Refresh
        </button>
        <span class="quiet" role="status">
          {found.value ? `${count(shown.length)} shown` : ""}
        </span>
      </header>
      {found.wrong && (
        <p class="page-wrong" role="alert">
          The incidents can't be read: {found.wrong}
        </p>
      )}
      {!found.value && !found.wrong && <p class="beginning">Reading the incidents …</p>}
      {found.value && !shown.length && (
        <div class="empty">
          <h2>No incident here</h2>
          <p>
            {found.value.length || status.length < 3
              ? "None meets these filters."
              : "Analytic rules make them: `huntlake content add` brings rules, and the server runs them."}
          </p>
        </div>
      )}
      {shown.length > 0 && (
        <table class="list">
          <thead>
            <tr>
              <th scope="col">No.</th>
              <th scope="col">Severity</th>
              <th scope="col">Title</th>
              <th scope="col">Status</th>
              <th scope="col">Owner</th>
              <th scope="col">Alerts</th>
              <th scope="col">Tactics</th>
              <th scope="col">Last activity</th>
              <th scope="col">Created</th>
            </tr>
          </thead>
          <tbody>
            {shown.map(({ name, properties: p }) => (
              <tr key={name} onClick={() => go(`/incidents/${p.incidentNumber}`)}>
                <td class="number">{p.incidentNumber}</td>
                <td>
                  <span class={`severity ${p.severity}`}>{p.severity}</span>
                </td>
                <td class="wide">
                  <Link to={`/incidents/${p.incidentNumber}`}>{p.title}</Link>{" "}
                  {p.labels.map((l) => (
                    <span class="tag" key={l.labelName}>
                      {l.labelName}
                    </span>
                  ))}
                </td>
                <td>{p.status}</td>
                <td>{p.owner.assignedTo ?? p.owner.userPrincipalName ?? <span class="quiet">nobody</span>}</td>
                <td class="number">{p.additionalData.alertsCount}</td>
                <td class="tactics">{p.additionalData.tactics.join(", ")}</td>
                <td>
                  <When at={p.lastActivityTimeUtc} />
                </td>
                <td>
                  <When at={p.createdTimeUtc} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  );
}

interface ChoicesProps {
  title: string;
  all: string[];
  chosen: string[];
  change: (chosen: string[]) => void;
}

function Choices({ title, all, chosen, change }: ChoicesProps) {
  return (
    <fieldset class="choices">
      <legend class="visually-hidden">{title}</legend>
      {all.map((one) => (
        <button
          key={one}
          type="button"
          aria-pressed={chosen.includes(one)}
          onClick={() => change(chosen.includes(one) ? chosen.filter((c) => c !== one) : all.filter((a) => a === one || chosen.includes(a)))}
        >
          {one}
        </button>
      ))}
    </fieldset>
  );
}

function listed<T extends string>(text: string | null, known: readonly T[]): T[] | undefined {
  if (text === null) return undefined;
  return known.filter((k) => text.split(",").includes(k));
}
