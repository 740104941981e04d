// The incidents that wait for somebody.

import { useEffect, useMemo, useState } from "preact/hooks";
import { now } from "../../api/door";
import * as sentinel from "../../api/sentinel";
import { type Incident, MOST, SEVERITIES, STATUSES } from "../../api/sentinel";
import { say, useSaid } from "../../parts/address";
import { List, type ListColumn } from "../../parts/list";
import { useLoaded } from "../../parts/load";
import { useOften } from "../../parts/often";
import { quoted } from "../../parts/sentences";
import { count } from "../../parts/values";
import { When } from "../../parts/when";
import { offer } from "../../shell/commands";
import { Link, place } from "../../shell/router";
import { arm, may } from "../../shell/session";
import { Several } from "./several";
import "./incidents.css";

/** How often the queue is read again, in seconds; a minute where nothing is said. */
const OFTEN = [
  [30, "every 30 s"],
  [60, "every minute"],
  [300, "every 5 minutes"],
  [0, "by hand"],
] as const;

const rank = (all: readonly string[], one: string) => all.length - all.indexOf(one);

const COLUMNS: ListColumn<Incident>[] = [
  { title: "No.", look: "number", by: ({ properties: p }) => p.incidentNumber, down: true, cell: ({ properties: p }) => p.incidentNumber },
  {
    title: "Severity",
    by: ({ properties: p }) => rank(SEVERITIES, p.severity),
    down: true,
    cell: ({ properties: p }) => <span class={`severity ${p.severity}`}>{p.severity}</span>,
  },
  {
    title: "Title",
    look: "wide",
    by: ({ properties: p }) => p.title,
    cell: ({ properties: p }) => (
      <>
        <Link to={`/incidents/${p.incidentNumber}`}>{p.title}</Link>{" "}
        {p.labels.map((l) => (
          <span class="tag" key={l.labelName}>
            {l.labelName}
          </span>
        ))}
      </>
    ),
  },
  { title: "Status", by: ({ properties: p }) => -rank(STATUSES, p.status), cell: ({ properties: p }) => p.status },
  { title: "Owner", by: owner, cell: (one) => owner(one) ?? <span class="quiet">nobody</span> },
  { title: "Alerts", look: "number", by: ({ properties: p }) => p.additionalData.alertsCount, down: true, cell: ({ properties: p }) => p.additionalData.alertsCount },
  { title: "Tactics", look: "tactics", by: tactics, cell: tactics },
  { title: "Last activity", by: ({ properties: p }) => p.lastActivityTimeUtc, down: true, cell: ({ properties: p }) => <When at={p.lastActivityTimeUtc} /> },
  { title: "Created", by: ({ properties: p }) => p.createdTimeUtc, down: true, cell: ({ properties: p }) => <When at={p.createdTimeUtc} /> },
];

export function Queue() {
  const { query } = place.value;
  const status = listed(query.get("status"), STATUSES) ?? ["New", "Active"];
  const severity = listed(query.get("severity"), SEVERITIES) ?? [];
  const [text, setText] = useSaid("text");
  const [said, setOften] = useSaid("refresh");
  const often = OFTEN.find(([seconds]) => said === String(seconds))?.[0] ?? 60;
  const key = `${status} ${severity}`;
  const found = useLoaded(() => sentinel.incidents({ status, severity }), [key, arm.value]);
  const [read, setRead] = useState("");
  useEffect(() => setRead(found.value ? now().toISOString().slice(11, 19) : ""), [found.value]);
  const shown = useMemo(() => {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    return (found.value ?? []).filter((i) => {
      const p = i.properties;
      const all = `${p.incidentNumber} ${p.title} ${owner(i) ?? ""} ${p.labels.map((l) => l.labelName).join(" ")} ${tactics(i)}`;
      return words.every((w) => all.toLowerCase().includes(w));
    });
  }, [found.value, text]);
  const chosen = useMemo(() => new Set(may("respond") ? query.get("chosen")?.split(",").filter(Boolean) : []), [query]);
  const choose = (numbers: ReadonlySet<string>) => say({ chosen: [...numbers].join(",") });
  const here = shown.filter((i) => chosen.has(numbered(i)));
  useOften(chosen.size ? 0 : often, found.again);
  const written = (changed: Incident[], left: ReadonlySet<string>) => {
    const by = new Map(changed.map((i) => [i.name, i]));
    found.set((found.value ?? []).map((i) => by.get(i.name) ?? i));
    choose(new Set([...chosen].filter((n) => left.has(n) || !here.some((i) => numbered(i) === n))));
    if (!left.size) found.again();
  };
  useEffect(
    () =>
      offer([
        { title: "Read the queue again", run: found.again },
        ...(may("respond") ? [{ title: "Choose all incidents that are shown", run: () => choose(new Set(shown.map(numbered))) }] : []),
      ]),
    [found.again, shown],
  );
  const filter = (name: "status" | "severity", values: string[]) => say({ [name]: values.join(",") || "none" });
  return (
    <div class="incidents">
      <header class="page-head">
        <h1>Incidents</h1>
        <input type="search" aria-label="Search the incidents shown" placeholder="Search title, owner, tag, tactic" value={text} onInput={(e) => setText(e.currentTarget.value)} />
        <Choices title="Status" all={STATUSES} chosen={status.length ? status : STATUSES} change={(v) => filter("status", v)} />
        <Choices title="Severity" all={SEVERITIES} chosen={severity.length ? severity : SEVERITIES} change={(v) => filter("severity", v.length === 4 ? [] : v)} />
        <button type="button" onClick={found.again}>
          Refresh
        </button>
        <select aria-label="How often the queue is read again" value={often} onChange={(e) => setOften(e.currentTarget.value === "60" ? "" : e.currentTarget.value)}>
          {OFTEN.map(([seconds, title]) => (
            <option key={seconds} value={seconds}>
              {title}
            </option>
          ))}
        </select>
        <span class="quiet">
          <span role="status">{found.value ? `${count(shown.length)} shown` : ""}</span>
          {(found.value?.length ?? 0) >= MOST && `, of the newest ${count(MOST)} alone`}
          {read && ` · as of ${read} UTC`}
          {chosen.size > 0 && often > 0 && ", and not read again while some are chosen"}
        </span>
      </header>
      {found.wrong && (
        <p class="page-wrong" role="alert">
          The incidents can't be read: {quoted(found.wrong)}
        </p>
      )}
      {!found.value && !found.wrong && <p class="beginning">Reading the incidents …</p>}
      {found.value && chosen.size > 0 && <Several incidents={here} hidden={chosen.size - here.length} done={written} leave={() => choose(new Set())} />}
      {found.value && !shown.length && (
        <div class="empty">
          <h2>No incident here</h2>
          <p>
            {found.value.length || status.length % 3 || severity.length % 4
              ? "None meets these filters."
              : "Analytic rules make them: `huntlake content add` brings rules, and the server runs them."}
          </p>
        </div>
      )}
      {shown.length > 0 && (
        <List
          label="Incidents"
          rows={shown}
          columns={COLUMNS}
          of={numbered}
          to={(i) => `/incidents/${numbered(i)}`}
          choosing={may("respond") ? { chosen, choose, called: ({ properties: p }) => `${p.incidentNumber} ${p.title}` } : undefined}
        />
      )}
    </div>
  );
}

function numbered({ properties: p }: Incident): string {
  return String(p.incidentNumber);
}

function owner({ properties: p }: Incident): string | undefined {
  return p.owner.assignedTo ?? p.owner.userPrincipalName ?? undefined;
}

function tactics({ properties: p }: Incident): string {
  return p.additionalData.tactics.join(", ");
}

interface ChoicesProps {
  title: string;
  all: readonly string[];
  chosen: readonly string[];
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
