// Which entities the alerts of an incident share: a picture that is read from the left to the right, by time.

import { useMemo } from "preact/hooks";
import { rows as ask } from "../../api/kusto";
import * as sentinel from "../../api/sentinel";
import type { Alert, Entity } from "../../api/sentinel";
import { listed } from "../../parts/kql";
import { useLoaded } from "../../parts/load";
import { quoted } from "../../parts/sentences";
import { Link } from "../../shell/router";
import { workspace } from "../../shell/session";
import { named as entityNamed, pathOf, word } from "../entities/kinds";

const KINDS = ["Account", "Host", "Ip", "Url", "DnsResolution", "Mailbox", "CloudApplication", "AzureResource", "File", "FileHash", "Process"];
const MOST = 24;
const ROW = 26;
const LEFT = 240;
const WIDTH = 980;

interface Props {
  entities: Entity[];
  alerts: Alert[];
  title: string;
}

/** Entities at the left, alerts along the time; a mark where an alert is about an entity. */
export function Graph({ entities, alerts, title }: Props) {
  const place = workspace.value?.name ?? "";
  const named = useLoaded(() => entitiesOf(place, alerts), [place, alerts]);
  const { rows, span } = useMemo(() => {
    const about = alerts.map((a) => ({
      alert: a,
      text: named.value?.get(a.name) ?? "",
      at: Date.parse(a.properties.startTimeUtc ?? a.properties.timeGenerated),
    }));
    const made = entities
      .filter((e) => e.kind !== "SecurityAlert")
      .map((entity) => {
        const name = sentinel.called(entity);
        const key = short(entity, name).toLowerCase();
        return { entity, name, hits: key.length > 2 ? about.filter((a) => a.text.includes(key)) : [] };
      })
      .sort((a, b) => b.hits.length - a.hits.length || KINDS.indexOf(a.entity.kind) - KINDS.indexOf(b.entity.kind))
      .slice(0, MOST);
    const times = about.map((a) => a.at).filter((t) => !Number.isNaN(t));
    return { rows: made, span: { from: Math.min(...times), to: Math.max(...times) } };
  }, [entities, alerts, named.value]);
  if (named.wrong) return <p class="page-wrong">Which alert is about which entity can't be read: {quoted(named.wrong)}</p>;
  if (!alerts.length || !rows.some((r) => r.hits.length)) return null;
  const x = (at: number) => LEFT + 20 + ((WIDTH - LEFT - 40) * (at - span.from)) / Math.max(1, span.to - span.from);
  const height = rows.length * ROW + 40;
  const days = ticks(span.from, span.to);
  return (
    <figure class="graph">
      <svg viewBox={`0 0 ${WIDTH} ${height}`} role="group" aria-label={`When the alerts of “${title}” were about which entity`}>
        {days.map((d) => (
          <g key={d}>
            <line x1={x(d)} x2={x(d)} y1={22} y2={height} class="graph-day" />
            <text x={x(d) + 3} y={16} class="graph-label">
              {new Date(d).toISOString().slice(5, 10)}
            </text>
          </g>
        ))}
        {rows.map(({ entity, name, hits }, i) => {
          const y = 30 + i * ROW + ROW / 2;
          const places = hits.map((h) => x(h.at));
          return (
            <g key={entity.name}>
              <Name entity={entity} name={name} y={y} />
              {places.length > 1 && <line x1={Math.min(...places)} x2={Math.max(...places)} y1={y} y2={y} class="graph-line" />}
              {hits.map((h) => (
                <circle key={h.alert.name} cx={x(h.at)} cy={y} r={5} class={`graph-hit ${h.alert.properties.severity}`}>
                  <title>{`${new Date(h.at).toISOString().slice(0, 19)} ${h.alert.properties.alertDisplayName}`}</title>
                </circle>
              ))}
            </g>
          );
        })}
      </svg>
      <figcaption class="quiet">Each mark is an alert about the entity of its line; rest on one to read which.</figcaption>
    </figure>
  );
}

function Name({ entity, name, y }: { entity: Entity; name: string; y: number }) {
  const it = entityNamed(entity);
  const text = (
    <text x={LEFT - 6} y={y + 4} text-anchor="end" class="graph-name">
      {name.length > 30 ? `${name.slice(0, 29)}…` : name}
      <title>{`${entity.kind} ${name}`}</title>
    </text>
  );
  return it ? <Link to={pathOf(it)}>{text}</Link> : text;
}

/** By the id of each alert, the text of its entities. */
async function entitiesOf(place: string, alerts: Alert[]): Promise<Map<string, string>> {
  if (!alerts.length) return new Map();
  const text = `SecurityAlert | where SystemAlertId in ${listed(alerts.map((a) => a.name))} | summarize Entities = take_any(Entities) by SystemAlertId`;
  const found = await ask<{ SystemAlertId: string; Entities: string }>(place, text);
  return new Map(found.map((f) => [f.SystemAlertId, f.Entities.toLowerCase()]));
}

/** What all logs call it, as far as it has a page of its own. */
export function short(entity: Entity, name: string): string {
  const it = entityNamed(entity);
  return it ? word(it) : name;
}

function ticks(from: number, to: number): number[] {
  const day = 86_400_000;
  const step = Math.max(1, Math.ceil((to - from) / day / 10)) * day;
  const made: number[] = [];
  for (let t = Math.ceil(from / day) * day; t <= to; t += step) made.push(t);
  return made;
}
