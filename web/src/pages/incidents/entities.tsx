// Who and what the alerts of an incident are about.

import { useMemo } from "preact/hooks";
import * as sentinel from "../../api/sentinel";
import type { Alert, Entity } from "../../api/sentinel";
import type { Loaded } from "../../parts/load";
import { anywhere } from "../../parts/kql";
import { quoted } from "../../parts/sentences";
import { Link } from "../../shell/router";
import { named, pathOf } from "../entities/kinds";
import { pathTo } from "../query/share";
import { Graph, short } from "./graph";

const KIND_NAMES: Record<string, string> = { Ip: "IP address", Url: "URL", DnsResolution: "DNS name", FileHash: "File hash" };

export function Entities({ entities, alerts, title }: { entities: Loaded<Entity[]>; alerts: Alert[] | undefined; title: string }) {
  const byKind = useMemo(() => {
    const found = new Map<string, Entity[]>();
    for (const e of entities.value ?? []) found.set(e.kind, [...(found.get(e.kind) ?? []), e]);
    return [...found].sort(([a], [b]) => a.localeCompare(b));
  }, [entities.value]);
  if (entities.wrong) return <p class="page-wrong">The entities can't be read: {quoted(entities.wrong)}</p>;
  if (!entities.value) return <p class="beginning">Reading the entities …</p>;
  if (!byKind.length) return <p class="empty">No entity is known of this incident.</p>;
  return (
    <div class="entities">
      {alerts && <Graph entities={entities.value} alerts={alerts} title={title} />}
      {byKind.map(([kind, list]) => (
        <section key={kind}>
          <h2>
            {KIND_NAMES[kind] ?? kind} <small class="quiet">{list.length}</small>
          </h2>
          <ul>
            {list.map((e) => (
              <li key={e.name}>
                <One entity={e} />
              </li>
            ))}
          </ul>
        </section>
      ))}
    </div>
  );
}

function One({ entity }: { entity: Entity }) {
  const name = sentinel.called(entity);
  const it = named(entity);
  return (
    <>
      {it ? (
        <Link to={pathOf(it)}>
          <code>{name}</code>
        </Link>
      ) : (
        <code>{name}</code>
      )}
      <Link to={pathTo(where(entity, name))} class="entity-search" title="Ask where it occurs" aria-label={`Search ${name}`}>
        Search
      </Link>
    </>
  );
}

function where(entity: Entity, name: string): string {
  return `search TimeGenerated > ago(14d) and ${anywhere([short(entity, name)])}
| summarize Rows = count(), First = min(TimeGenerated), Last = max(TimeGenerated) by $table
| order by Rows desc
`;
}
