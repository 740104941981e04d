// The alerts that name an entity, and the incidents they belong to.

import { useMemo, useState } from "preact/hooks";
import { objects } from "../../api/kusto";
import * as sentinel from "../../api/sentinel";
import { type Incident, SEVERITIES, type Severity } from "../../api/sentinel";
import { useAnswer } from "../../parts/answer";
import { List } from "../../parts/list";
import { useLoaded } from "../../parts/load";
import { RunPlaybook } from "../../parts/run_playbook";
import { count, counted } from "../../parts/values";
import { When } from "../../parts/when";
import { Link } from "../../shell/router";
import { may } from "../../shell/session";
import { pathTo } from "../query/share";
import { type Named, named, pathOf } from "./kinds";
import { PATIENCE, alerts } from "./queries";

interface Alert {
  Id: string;
  Title: string;
  Severity: Severity;
  Began: string;
  Tactics: string;
  Incidents: string[] | null;
}

const SHOWN = 8;

export function Alerts({ it, words }: { it: Named; words: string[] | undefined }) {
  const text = words && alerts(words);
  const found = useAnswer(text, PATIENCE);
  const list = useMemo(() => objects<Alert>(found.value?.tables[0]), [found.value]);
  const ids = useMemo(() => [...new Set(list.flatMap((a) => a.Incidents ?? []))].slice(0, 40), [list]);
  // Rows of incidents that were brought here, or deleted since, are of none that can be opened.
  const incidents = useLoaded(() => sentinel.incidentsOf(ids), [ids.join()]);
  const kinds = useMemo(() => together(list), [list]);
  const [all, setAll] = useState(false);
  const sorted = useMemo(() => [...(incidents.value ?? [])].sort((a, b) => b.properties.incidentNumber - a.properties.incidentNumber), [incidents.value]);
  const about = (i: Incident) => list.filter((a) => a.Incidents?.includes(i.name)).length;
  return (
    <section class="entity-part" aria-label="Incidents and alerts">
      <header>
        <h2>Incidents and alerts</h2>
        {found.value && (
          <span class="quiet">
            {list.length === 200 ? "the newest 200 alerts" : counted(list.length, "alert")} in 90 days{ids.length > 0 && incidents.value && `, ${counted(sorted.length, "incident")}`}
          </span>
        )}
        {text && <Link to={pathTo(text)}>Open as query</Link>}
      </header>
      {(found.wrong || incidents.wrong) && (
        <p class="page-wrong" role="alert">
          The alerts can't be read: {found.wrong || incidents.wrong}
        </p>
      )}
      {!found.value && !found.wrong && <p class="entity-wait quiet">Reading the alerts …</p>}
      {found.value && !list.length && <p class="entity-wait quiet">No alert has named it in 90 days.</p>}
      {sorted.length > 0 && (
        <List
          label="Incidents"
          rows={sorted}
          of={(i) => i.name}
          to={(i) => `/incidents/${i.properties.incidentNumber}`}
          columns={[
            { title: "No.", look: "number", by: ({ properties: p }) => p.incidentNumber, down: true, cell: ({ properties: p }) => p.incidentNumber },
            {
              title: "Severity",
              by: ({ properties: p }) => SEVERITIES.length - SEVERITIES.indexOf(p.severity),
              down: true,
              cell: ({ properties: p }) => <span class={`severity ${p.severity}`}>{p.severity}</span>,
            },
            { title: "Incident", look: "wide", by: ({ properties: p }) => p.title, cell: ({ properties: p }) => <Link to={`/incidents/${p.incidentNumber}`}>{p.title}</Link> },
            { title: "Status", by: ({ properties: p }) => p.status, cell: ({ properties: p }) => `${p.status} ${p.classification ?? ""}` },
            { title: "Alerts about it", look: "number", by: about, down: true, cell: (i) => count(about(i)) },
            { title: "Last activity", by: ({ properties: p }) => p.lastActivityTimeUtc, down: true, cell: ({ properties: p }) => <When at={p.lastActivityTimeUtc} /> },
            ...(may("respond", "run") ? [{ title: "Response", cell: (i: Incident) => <Respond incident={i.name} it={it} /> }] : []),
          ]}
        />
      )}
      {list.length > 0 && (
        <ol class="entity-alerts">
          {(all ? kinds : kinds.slice(0, SHOWN)).map(({ alert: a, times }) => (
            <li key={`${a.Severity} ${a.Title}`}>
              <When at={a.Began} />
              <span class={`severity ${a.Severity}`}>{a.Severity}</span>
              <span>
                {a.Title} {times > 1 && <strong>× {count(times)}</strong>} <span class="quiet">{a.Tactics}</span>
              </span>
            </li>
          ))}
        </ol>
      )}
      {kinds.length > SHOWN && !all && (
        <button type="button" onClick={() => setAll(true)}>
          All {count(kinds.length)} kinds of alerts
        </button>
      )}
    </section>
  );
}

/** Alerts of one title and severity as one, told by the newest. */
function together(list: Alert[]): { alert: Alert; times: number }[] {
  const found = new Map<string, { alert: Alert; times: number }>();
  for (const alert of list) {
    const key = `${alert.Severity} ${alert.Title}`;
    const known = found.get(key);
    if (known) known.times += 1;
    else found.set(key, { alert, times: 1 });
  }
  return [...found.values()];
}

/** Runs a playbook on the entity, as an incident knows it. */
function Respond({ incident, it }: { incident: string; it: Named }) {
  const [open, setOpen] = useState(false);
  const found = useLoaded(async () => (open ? ((await sentinel.entities(incident)).find((e) => same(named(e), it)) ?? null) : undefined), [incident, open]);
  return (
    <>
      <button type="button" onClick={() => setOpen(true)}>
        Run a playbook …
      </button>
      {open && found.value === null && <p class="wrong">The incident knows it by another name: run the playbook from there.</p>}
      {open && found.wrong && <p class="wrong">{found.wrong}</p>}
      {open && found.value && <RunPlaybook incident={incident} on={it.name} entity={found.value} close={() => setOpen(false)} />}
    </>
  );
}

function same(one: Named | undefined, it: Named): boolean {
  return one !== undefined && pathOf(one).toLowerCase() === pathOf(it).toLowerCase();
}
