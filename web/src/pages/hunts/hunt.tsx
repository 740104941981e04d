// One hunt: why, with what query, what was proved of it, who decided, what it found.

import type { ComponentChildren } from "preact";
import * as api from "../../api/hunting";
import type { Hunt, Version } from "../../api/hunting";
import { useLoaded } from "../../parts/load";
import { Parts } from "../../parts/parts";
import { quoted } from "../../parts/sentences";
import { count } from "../../parts/values";
import { AsItWas, Unread } from "../../parts/unread";
import { Link } from "../../shell/router";
import { useTitle } from "../../shell/title";
import { Query } from "./asked";
import { Breakers } from "./breakers";
import { Promoting } from "./promotion";
import { Proved } from "./proof";
import { Reviews } from "./reviews";
import { Runs } from "./runs";
import { State } from "./state";
import { Steps } from "./steps";
import { Versions } from "./versions";

export function HuntPage({ name }: { name: string }) {
  const found = useLoaded(() => api.hunt(name), [name]);
  const versions = useLoaded(() => api.versions(name), [name]);
  useTitle(found.value?.properties.title);
  if (!found.value) return <Unread found={found} what="hunt" to="/hunts" all="All hunts" />;
  const hunt = found.value;
  const p = hunt.properties;
  const again = () => {
    found.again();
    versions.again();
  };
  const ofCurrent = (show: (version: Version) => ComponentChildren) => {
    const current = versions.value?.find((v) => v.properties.version === p.currentVersion);
    if (current) return show(current);
    return versions.wrong ? <p class="page-wrong">The versions can't be read: {quoted(versions.wrong)}</p> : <p class="quiet">Reading its versions …</p>;
  };
  return (
    <article class="hunt">
      <header class="object-head">
        <p class="object-way">
          <Link to="/hunts">Hunts</Link> / {name}
        </p>
        <AsItWas found={found} />
        <h1>{p.title}</h1>
        <p>{p.statement}</p>
        <Steps hunt={hunt} versions={versions.value ?? []} again={again} />
      </header>
      <div class="object-body">
        <section>
          <Parts
            label="Parts of the hunt"
            parts={[
              { title: "Query", show: () => ofCurrent((version) => <Query version={version} />) },
              { title: "Proof", show: () => ofCurrent((version) => <Proved version={version} hunt={hunt} again={again} />) },
              { title: "Versions", show: () => <Versions hunt={hunt} versions={versions} again={again} /> },
              { title: "Runs", count: p.runs, show: () => <Runs hunt={hunt} again={again} /> },
              { title: "Rule", show: () => ofCurrent(() => <Promoting hunt={hunt} versions={versions.value ?? []} again={again} />) },
              { title: "Reviews", count: p.reviews?.length, show: () => <Reviews hunt={hunt} /> },
              { title: "Breakers", show: () => <Breakers name={name} /> },
            ]}
          />
        </section>
        <Facts hunt={hunt} />
      </div>
    </article>
  );
}

function Facts({ hunt: { properties: p } }: { hunt: Hunt }) {
  return (
    <aside class="object-facts" aria-label="Facts">
      <dl>
        <dt>State</dt>
        <dd>
          <State state={p.state} /> {p.reason && <p class="quiet">{p.reason}</p>}
        </dd>
        <dt>Version</dt>
        <dd>
          {p.currentVersion}
          {p.runnableVersion && p.runnableVersion !== p.currentVersion && `; version ${p.runnableVersion} runs`}
        </dd>
        <dt>Made by</dt>
        <dd>
          {p.maker}
          {p.author?.name && `, ${p.author.name}`}
          {p.needsSenior && <p class="quiet">A model had a hand in it: a senior hunter decides.</p>}
        </dd>
        <dt>Why</dt>
        <dd>{p.rationale || "–"}</dd>
        {p.incident && (
          <>
            <dt>Begun from</dt>
            <dd>
              <Link to={`/incidents/${encodeURIComponent(p.incident)}`}>an incident</Link>
            </dd>
          </>
        )}
        <dt>Techniques</dt>
        <dd>{p.techniques?.join(", ") || "–"}</dd>
        <dt>Tables</dt>
        <dd>{p.tables?.join(", ") || "–"}</dd>
        <dt>Signals</dt>
        <dd>{p.signals?.length ? <Link to="/hunts?view=signals">{count(p.signals.length)}</Link> : "–"}</dd>
        <dt>Runs</dt>
        <dd>{p.runs ? `${count(p.runs)}, ${count(p.runsWithFindings ?? 0)} with findings` : "–"}</dd>
        {p.rule && (
          <>
            <dt>Rule</dt>
            <dd>
              <Link to={`/detections/${encodeURIComponent(p.rule)}`}>{p.rule}</Link>
            </dd>
          </>
        )}
      </dl>
    </aside>
  );
}
