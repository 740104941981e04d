// Incidents that are like one: why, and what became of them.

import * as sentinel from "../../api/sentinel";
import { List, type ListColumn } from "../../parts/list";
import { useLoaded } from "../../parts/load";
import { quoted } from "../../parts/sentences";
import { When } from "../../parts/when";
import { Link } from "../../shell/router";

const COLUMNS: ListColumn<sentinel.Similar>[] = [
  { title: "No.", look: "number", by: ({ properties: p }) => p.incidentNumber, down: true, cell: ({ properties: p }) => p.incidentNumber },
  {
    title: "Incident",
    look: "wide",
    by: ({ properties: p }) => p.title,
    cell: ({ properties: p }) => (
      <>
        <span class={`severity ${p.severity}`} title={p.severity} /> <Link to={`/incidents/${p.incidentNumber}`}>{p.title}</Link>
      </>
    ),
  },
  { title: "Why", look: "wide", cell: ({ properties: p }) => p.reasons.map((r) => r.replaceAll("`", "")).join("; ") },
  {
    title: "What became of it",
    look: "wide",
    by: ({ properties: p }) => (p.status === "Closed" ? `${p.status} ${p.classification}` : p.status),
    cell: ({ properties: p }) =>
      p.status === "Closed" ? (
        <>
          {p.classification} {p.classificationReason}
          {p.classificationComment && <span class="quiet"> {p.classificationComment}</span>}
        </>
      ) : (
        p.status
      ),
  },
  { title: "Created", by: ({ properties: p }) => p.createdTimeUtc, down: true, cell: ({ properties: p }) => <When at={p.createdTimeUtc} /> },
];

export function SimilarIncidents({ id }: { id: string }) {
  const found = useLoaded(() => sentinel.similar(id), [id]);
  if (found.wrong) return <p class="page-wrong">Similar incidents can't be read: {quoted(found.wrong)}</p>;
  if (!found.value) return <p class="beginning">Looking for incidents that are like it …</p>;
  if (!found.value.length) return <p class="empty">No other incident since a fortnight before shares an entity or a rule with it.</p>;
  return <List label="Similar incidents" look="similar" rows={found.value} columns={COLUMNS} of={(i) => i.name} to={(i) => `/incidents/${i.properties.incidentNumber}`} />;
}
