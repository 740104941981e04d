// One hunt: why, with what query, what was proved of it, who decided, what it found.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import * as api from "../../api/hunting";
import type { Hunt, Version } from "../../api/hunting";
import { attempt } from "../../parts/attempt";
import { Bars } from "../../parts/bars";
import { type Loaded, useLoaded } from "../../parts/load";
import { Parts } from "../../parts/parts";
import { save } from "../../parts/save";
import { brief, count, every, size } from "../../parts/values";
import { When } from "../../parts/when";
import { Link } from "../../shell/router";
import { pathTo } from "../query/share";
import { Runs } from "./runs";
import { State } from "./state";

export function HuntPage({ name }: { name: string }) {
  const found = useLoaded(() => api.hunt(name), [name]);
  const versions = useLoaded(() => api.versions(name), [name]);
  if (found.wrong) return <p class="beginning wrong">The hunt can't be read: {found.wrong}</p>;
  if (!found.value) return <p class="beginning">Reading the hunt …</p>;
  const hunt = found.value;
  const p = hunt.properties;
  const again = () => {
    found.again();
    versions.again();
  };
  const ofCurrent = (show: (version: Version) => ComponentChildren) => {
    const current = versions.value?.find((v) => v.properties.version === p.currentVersion);
    if (current) return show(current);
    return versions.wrong ? <p class="page-wrong">The versions can't be read: {versions.wrong}</p> : <p class="quiet">Reading its versions …</p>;
  };
  return (
    <article class="hunt">
      <header class="object-head">
        <p class="object-way">
          <Link to="/hunts">Hunts</Link> / {name}
        </p>
        <h1>{p.title}</h1>
        <p>{p.statement}</p>
        <Steps hunt={hunt} again={again} />
      </header>
      <div class="object-body">
        <section>
          <Parts
            label="Parts of the hunt"
            parts={[
              { title: "Query", show: () => ofCurrent((version) => <Query version={version} />) },
              { title: "Proof", show: () => ofCurrent((version) => <Proved version={version} hunt={hunt} again={again} />) },
              { title: "Versions", show: () => <Versions name={name} versions={versions} /> },
              { title: "Runs", count: p.runs, show: () => <Runs hunt={hunt} again={again} /> },
              { title: "Reviews", count: p.reviews?.length, show: () => <Reviews hunt={hunt} /> },
              { title: "Breakers", show: () => <Breakers name={name} /> },
            ]}
          />
        </section>
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
      </div>
    </article>
  );
}

/** What may be done next: the server says no where a person may not. */
function Steps({ hunt, again }: { hunt: Hunt; again: () => void }) {
  const p = hunt.properties;
  const [why, setWhy] = useState("");
  const [busy, setBusy] = useState("");
  const [days, setDays] = useState("");
  const act = async (what: string, doing: () => Promise<unknown>, told: string) => {
    setBusy(what);
    const done = await attempt(async () => {
      await doing();
      return told;
    });
    if (done) setWhy("");
    setBusy("");
    again();
  };
  const step = (what: string, properties: object, told: string) => () => void act(what, () => api.step(hunt.name, what, properties), told);
  const running = ["scheduled", "findings", "no_findings"].includes(p.runnableState ?? "");
  const waits = p.state === "in_review";
  const download = () =>
    attempt(async () => {
      const made = await api.pack(hunt.name);
      const file = `hunt-${hunt.name}.json`;
      save(file, "application/json", [JSON.stringify(made.package, null, 2)]);
      return `Saved ${file}`;
    });
  return (
    <div class="object-work">
      <input class="hunt-why" aria-label="Comment or reason" placeholder={waits ? "Why (needed to decide)" : "Comment or reason"} value={why} onInput={(e) => setWhy(e.currentTarget.value)} />
      {waits && (
        <>
          <button type="button" class="main" disabled={!!busy || !why.trim()} onClick={() => void act("approve", () => api.review(hunt, "approved", why), "Approved exactly this version")}>
            Approve exactly this
          </button>
          <button type="button" disabled={!!busy || !why.trim()} onClick={() => void act("changes", () => api.review(hunt, "changes_requested", why), "Sent back")}>
            Ask for changes
          </button>
          <button type="button" disabled={!!busy || !why.trim()} onClick={() => void act("reject", () => api.review(hunt, "rejected", why), "Rejected")}>
            Reject
          </button>
        </>
      )}
      {["draft", "invalid", "validated", "dry_run_failed", "expired", "suspended"].includes(p.state) && (
        <button type="button" disabled={!!busy} onClick={step("prove", {}, "Proved")}>
          {busy === "prove" ? "Proving it …" : "Prove it"}
        </button>
      )}
      {p.state === "dry_run_ok" && (
        <button type="button" class="main" disabled={!!busy} onClick={step("submit", { comment: why }, "It waits for a decision")}>
          Submit for review
        </button>
      )}
      {p.state === "approved" && (
        <button type="button" class="main" disabled={!!busy} onClick={step("schedule", { comment: why }, "Scheduled")}>
          Schedule
        </button>
      )}
      {running && (
        <span class="hunt-run">
          <select aria-label="Over what time" value={days} onChange={(e) => setDays(e.currentTarget.value)}>
            <option value="">its own period</option>
            <option value="7">7 days</option>
            <option value="14">14 days</option>
            <option value="30">30 days</option>
            <option value="90">90 days</option>
          </select>
          <button type="button" disabled={!!busy} onClick={() => void act("run", () => api.run(hunt.name, Number(days) || undefined), "It ran")}>
            {busy === "run" ? "Running …" : "Run now"}
          </button>
        </span>
      )}
      {running && (
        <button type="button" disabled={!!busy || !why.trim()} onClick={step("suspend", { reason: why }, "Suspended")}>
          Suspend
        </button>
      )}
      {p.state === "suspended" && (
        <button type="button" disabled={!!busy || !why.trim()} onClick={step("resume", { reason: why }, "It runs again")}>
          Resume
        </button>
      )}
      {p.state !== "retired" && (
        <button type="button" disabled={!!busy || !why.trim()} onClick={step("retire", { reason: why }, "Retired")}>
          Retire
        </button>
      )}
      <button type="button" disabled={!!busy || !why.trim()} onClick={step("comment", { comment: why }, "Commented")}>
        Comment
      </button>
      <button type="button" onClick={() => void download()}>
        Package
      </button>
    </div>
  );
}

function Query({ version: { properties: p } }: { version: Version }) {
  const explanation = p.draft?.explanation ?? [];
  return (
    <>
      <pre class="code">{p.query}</pre>
      <p>
        <Link to={pathTo(p.query)}>Open in the query page</Link>
        {p.frequency ? ` · runs ${every(p.frequency)} over ${every(p.period).replace("every ", "")}` : " · runs when a person asks"}
        {` · at most ${count(p.limits.rowsPerDay)} rows a day, ${p.limits.seconds} s, ${size(p.limits.readBytes)}`}
      </p>
      {p.liveWatchlists && p.liveWatchlists.length > 0 && (
        <p>
          These watchlists may change after it is approved: <code>{p.liveWatchlists.join(", ")}</code>
        </p>
      )}
      {p.parameters && p.parameters.length > 0 && (
        <dl class="parameters">
          {p.parameters.map((one) => (
            <div key={one.name}>
              <dt>{one.name}</dt>
              <dd>
                <code>{one.value}</code>
              </dd>
            </div>
          ))}
        </dl>
      )}
      {explanation.length > 0 && (
        <>
          <h2>What it does</h2>
          <ol class="explanation">
            {explanation.map((s, i) => (
              <li key={i}>{s.text}</li>
            ))}
          </ol>
        </>
      )}
      {p.draft && (
        <p class="quiet">
          Made from {p.draft.source} {p.draft.reference}. {p.draft.notice}
        </p>
      )}
    </>
  );
}

/** What would mend the query, found when somebody asks; a new version is made of it by a person alone. */
function Repair({ hunt, version, again }: { hunt: Hunt; version: Version; again: () => void }) {
  const [found, setFound] = useState<api.Repair>();
  const [busy, setBusy] = useState(false);
  const act = async (what: () => Promise<string>) => {
    setBusy(true);
    await attempt(what);
    setBusy(false);
  };
  const p = found?.properties;
  const query = p?.query;
  const look = () =>
    act(async () => {
      const { properties } = await api.repair(hunt.name);
      setFound({ properties });
      return properties.query ? "A repair is proposed" : "No repair is known";
    });
  const take = (text: string, codes: string) =>
    act(async () => {
      await api.rewritten(hunt.name, version, text, `repaired as proposed: ${codes}`);
      again();
      return "A new version is there, as a draft";
    });
  if (!query)
    return (
      <p>
        <button type="button" disabled={busy} onClick={() => void look()}>
          {busy ? "Looking …" : "Look for a repair"}
        </button>{" "}
        {p && <span class="quiet">No repair is known: mend the query by hand, as a new version.</span>}
      </p>
    );
  const repairs = p.repairs ?? [];
  return (
    <section aria-label="A proposed repair">
      <h2>A proposed repair</h2>
      <ul class="entries">
        {repairs.map((f, i) => (
          <li key={i}>
            <code>{f.code}</code> {f.reason} {f.help && <span class="quiet">{f.help}</span>}
          </li>
        ))}
      </ul>
      <pre class="code">{query}</pre>
      <p>
        <button type="button" disabled={busy} onClick={() => void take(query, [...new Set(repairs.map((f) => f.code))].join(", "))}>
          Make it a new version
        </button>{" "}
        <span class="quiet">{p.valid ? "With it nothing is wrong with its text. It is proved and reviewed as any other." : "More is wrong with it."}</span>
      </p>
    </section>
  );
}

function Proved({ version, hunt, again }: { version: Version; hunt: Hunt; again: () => void }) {
  const p = version.properties;
  const proof = p.proof;
  if (!proof) return <p class="empty">Nothing was proved of this version yet.</p>;
  const run = proof.dryRun;
  const columns = [...new Set((run?.sample ?? []).flatMap((row) => Object.keys(row)))].slice(0, 12);
  return (
    <>
      <p>
        Proved <When at={proof.timeUtc} />
        {proof.cost && ` · reads at most ${size(proof.cost.bytes)} of ${proof.cost.tables.join(", ")}`}
        {proof.volume && ` · ${proof.volume.rowsPerDay.toFixed(1)} rows a day (${proof.volume.low.toFixed(1)} to ${proof.volume.high.toFixed(1)}, ${proof.volume.sampled})`}
      </p>
      <ul class="entries">
        {(proof.findings ?? []).map((f, i) => (
          <li key={i}>
            <span class={`level ${f.level}`}>{f.level}</span> <code>{f.code}</code> {f.reason} {f.help && <span class="quiet">{f.help}</span>}
            {f.start !== undefined && f.end !== undefined && f.end > f.start && <code class="finding-place">{p.query.slice(f.start, Math.min(f.end, f.start + 120))}</code>}
          </li>
        ))}
        {!proof.findings?.length && <li class="quiet">Nothing was found wrong with it.</li>}
      </ul>
      {hunt.properties.state !== "retired" && proof.findings?.some((f) => f.level === "error" && !f.code.startsWith("HP4")) && <Repair key={version.name} hunt={hunt} version={version} again={again} />}
      {(proof.checks ?? []).map((c) => (
        <p key={c.recording}>
          {c.passed ? "passed" : <strong class="wrong">failed</strong>}: {c.recording} {c.expectation}, {count(c.rows)} rows
        </p>
      ))}
      {run && (
        <>
          <h2>Dry run</h2>
          <p>
            {run.failure || run.limited ? <span class="wrong">{run.failure || run.limited}</span> : `${count(run.rows ?? 0)} rows`} from {run.sinceTimeUtc.slice(0, 10)} to{" "}
            {run.untilTimeUtc.slice(0, 10)}
            {(run.entities ?? []).map((e) => ` · ${count(e.count)} ${e.type}`)}
          </p>
          {run.daily && run.daily.length > 0 && <Bars title="Rows by day" bars={run.daily.map((d) => ({ name: d.day, value: d.rows }))} />}
          {columns.length > 0 && (
            <div class="sample">
              <table class="list">
                <thead>
                  <tr>
                    {columns.map((c) => (
                      <th key={c} scope="col">
                        {c}
                      </th>
                    ))}
                  </tr>
                </thead>
                <tbody>
                  {(run.sample ?? []).map((row, i) => (
                    <tr key={i}>
                      {columns.map((c) => (
                        <td key={c}>{brief(row[c])}</td>
                      ))}
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )}
        </>
      )}
    </>
  );
}

function Versions({ name, versions }: { name: string; versions: Loaded<Version[]> }) {
  const all = versions.value ?? [];
  const [pair, setPair] = useState<[number, number] | undefined>();
  const diff = useLoaded(() => (pair ? api.difference(name, ...pair) : Promise.resolve(undefined)), [pair?.join()]);
  return (
    <>
      <ul class="entries">
        {all.map(({ properties: v }, i) => {
          const before = all[i + 1]?.properties.version;
          return (
            <li key={v.version}>
              <strong>Version {v.version}</strong> <State state={v.state} /> {v.maker}
              {v.author?.name && `, ${v.author.name}`} · <When at={v.createdTimeUtc} /> {v.note && `· ${v.note}`}{" "}
              {before !== undefined && (
                <button type="button" class="plain" onClick={() => setPair([before, v.version])}>
                  What changed since version {before}
                </button>
              )}
              <br />
              <code class="quiet">{v.contentHash.slice(0, 16)}…</code>
            </li>
          );
        })}
      </ul>
      {pair && diff.wrong && <p class="page-wrong">What changed can't be read: {diff.wrong}</p>}
      {pair && !diff.value && !diff.wrong && <p class="quiet">Comparing …</p>}
      {pair && diff.value && (
        <>
          <h2>
            Version {pair[0]} → {pair[1]}
          </h2>
          <pre class="diff">
            {diff.value.query.split("\n").map((line, i) => (
              <span key={i} class={line.startsWith("+") ? "added" : line.startsWith("-") ? "removed" : ""}>
                {line}
                {"\n"}
              </span>
            ))}
          </pre>
          <ul>
            {diff.value.changed.map((c) => (
              <li key={c.what}>
                {c.what}: {c.before || "nothing"} → {c.after || "nothing"}
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}

function Reviews({ hunt: { properties: p } }: { hunt: Hunt }) {
  const said = [
    ...(p.reviews ?? []).map((r) => ({ at: r.timeUtc, by: r.by?.name ?? "", what: r.decision.replaceAll("_", " "), text: r.comment, version: r.version, more: r.automatic ?? "" })),
    ...(p.comments ?? []).map((c) => ({ at: c.timeUtc, by: c.by?.name ?? "", what: "comment", text: c.text, version: c.version, more: "" })),
  ].sort((a, b) => b.at.localeCompare(a.at));
  if (!said.length) return <p class="empty">Nobody has said anything about it yet.</p>;
  return (
    <ul class="entries">
      {said.map((s, i) => (
        <li key={i}>
          <When at={s.at} /> <strong>{s.what}</strong> {s.by} · version {s.version} {s.more && <span class="tag">{s.more}</span>}
          <p class="said">{s.text}</p>
        </li>
      ))}
    </ul>
  );
}

function Breakers({ name }: { name: string }) {
  const found = useLoaded(() => api.breakers(name), [name]);
  if (found.wrong) return <p class="page-wrong">The breakers can't be read: {found.wrong}</p>;
  if (!found.value) return <p class="quiet">Reading the breakers …</p>;
  if (!found.value.length) return <p class="empty">No breaker of this hunt has opened.</p>;
  return (
    <ul class="entries">
      {found.value.map(({ name: id, properties: b }) => (
        <li key={id}>
          <strong>{b.kind}</strong> <When at={b.openedTimeUtc} /> {b.closedTimeUtc ? <span class="tag">closed</span> : <span class="level error">open</span>}
          <p>{b.reason}</p>
        </li>
      ))}
    </ul>
  );
}
