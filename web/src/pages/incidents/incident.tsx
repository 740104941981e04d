// One incident: what happened, to whom, when; and what is done about it.

import * as sentinel from "../../api/sentinel";
import type { Incident } from "../../api/sentinel";
import { type Loaded, useLoaded } from "../../parts/load";
import { Parts } from "../../parts/parts";
import { AsItWas, Unread } from "../../parts/unread";
import { time } from "../../parts/values";
import { When } from "../../parts/when";
import { Link } from "../../shell/router";
import { useTitle } from "../../shell/title";
import { Entities } from "./entities";
import { SimilarIncidents } from "./similar";
import { Story } from "./story";
import { Comments, History, Tasks } from "./talk";
import { Tags, Work, writer } from "./work";

export function IncidentPage({ which }: { which: string }) {
  const found = useLoaded(() => sentinel.incident(which), [which]);
  const incident = found.value;
  useTitle(found.value ? `${found.value.properties.incidentNumber} ${found.value.properties.title}` : undefined);
  if (found.wrong && !found.value) return <Unread found={found} what="incident" to="/incidents" all="All incidents" />;
  if (!incident) {
    return (
      <p class="beginning">
        {found.value === undefined ? "Reading the incident …" : "There is no such incident."} <Link to="/incidents">All incidents</Link>
      </p>
    );
  }
  return <Body incident={incident} found={found} />;
}

function Body({ incident, found }: { incident: Incident; found: Loaded<Incident | null> }) {
  const id = incident.name;
  const alerts = useLoaded(() => sentinel.alerts(id), [id]);
  const entities = useLoaded(async () => sentinel.distinct(await sentinel.entities(id)), [id]);
  const comments = useLoaded(() => sentinel.comments(id), [id]);
  const tasks = useLoaded(() => sentinel.tasks(id), [id]);
  const history = useLoaded(() => sentinel.timeline(id), [id]);
  const p = incident.properties;
  const write = writer(incident, found);
  const again = () => [found, comments, tasks, history].forEach((part) => part.again());
  return (
    <article class="incident">
      <header class="object-head">
        <p class="object-way">
          <Link to="/incidents">Incidents</Link> / {p.incidentNumber}
        </p>
        <AsItWas found={found} />
        <h1>{p.title}</h1>
        <Work incident={incident} write={write} entities={entities.value} again={again} />
      </header>
      <div class="object-body">
        <section class="incident-main">
          <Parts
            label="Parts of the incident"
            parts={[
              { title: "Story", count: alerts.value?.length, show: () => <Story alerts={alerts} /> },
              { title: "Entities", count: entities.value?.length, show: () => <Entities entities={entities} alerts={alerts.value} title={p.title} /> },
              { title: "Similar", show: () => <SimilarIncidents id={id} /> },
              { title: "Comments", count: comments.value?.length, show: () => <Comments id={id} comments={comments} /> },
              { title: "Tasks", count: tasks.value?.length, show: () => <Tasks id={id} tasks={tasks} /> },
              { title: "History", show: () => <History history={history} etag={incident.etag} /> },
            ]}
          />
        </section>
        <aside class="object-facts" aria-label="Facts">
          {p.description && <p>{p.description}</p>}
          <dl>
            <dt>Tags</dt>
            <dd>
              <Tags incident={incident} write={write} />
            </dd>
            <dt>First activity</dt>
            <dd>{p.firstActivityTimeUtc ? `${time(p.firstActivityTimeUtc).slice(0, 19)} UTC` : "–"}</dd>
            <dt>Last activity</dt>
            <dd>{p.lastActivityTimeUtc ? `${time(p.lastActivityTimeUtc).slice(0, 19)} UTC` : "–"}</dd>
            <dt>Created</dt>
            <dd>
              <When at={p.createdTimeUtc} />
            </dd>
            <dt>Tactics</dt>
            <dd>{p.additionalData.tactics.join(", ") || "–"}</dd>
            <dt>Techniques</dt>
            <dd>{p.additionalData.techniques?.join(", ") || "–"}</dd>
          </dl>
        </aside>
      </div>
    </article>
  );
}
