// What was proved of a version of a hunt, and what would mend it.

import { useState } from "preact/hooks";
import * as api from "../../api/hunting";
import type { Hunt, Version } from "../../api/hunting";
import { attempt } from "../../parts/attempt";
import { Bars } from "../../parts/bars";
import { quoted, sentence } from "../../parts/sentences";
import { brief, count, counted, size } from "../../parts/values";
import { When } from "../../parts/when";
import { may } from "../../shell/session";

/** Columns of a sample that are shown. */
const SHOWN = 12;

export function Proved({ version, hunt, again }: { version: Version; hunt: Hunt; again: () => void }) {
  const p = version.properties;
  const proof = p.proof;
  if (!proof) return <p class="empty">Nothing was proved of this version yet.</p>;
  const run = proof.dryRun;
  const columns = telling(run?.sample ?? [], version);
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
            <span class={`level ${f.level}`}>{f.level}</span> <code>{f.code}</code> {quoted(sentence(f.reason))} {f.help && <span class="quiet">{quoted(sentence(f.help))}</span>}
            {f.start !== undefined && f.end !== undefined && f.end > f.start && <code class="finding-place">{p.query.slice(f.start, Math.min(f.end, f.start + 120))}</code>}
          </li>
        ))}
        {!proof.findings?.length && <li class="quiet">Nothing was found wrong with it.</li>}
      </ul>
      {hunt.properties.state !== "retired" && proof.findings?.some((f) => f.level === "error" && !f.code.startsWith("HP4")) && <Repair key={version.name} hunt={hunt} version={version} again={again} />}
      {(proof.checks ?? []).map((c) => (
        <p key={c.recording}>
          {c.passed ? "passed" : <strong class="wrong">failed</strong>}: {c.recording} {c.expectation}, {counted(c.rows, "row")}
        </p>
      ))}
      {run && (
        <>
          <h2>Dry run</h2>
          <p>
            {run.failure || run.limited ? <span class="wrong">{run.failure || run.limited}</span> : counted(run.rows ?? 0, "row")} from {run.sinceTimeUtc.slice(0, 10)} to{" "}
            {run.untilTimeUtc.slice(0, 10)}
            {(run.entities ?? []).map((e) => ` · ${count(e.count)} ${e.type}`)}
          </p>
          {run.daily && run.daily.length > 0 && <Bars title="Rows by day" bars={run.daily.map((d) => ({ name: d.day, value: d.rows }))} />}
          {columns.length > 0 && (
            <div class="sample" tabIndex={0} role="region" aria-label="Sample of its rows">
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

/** The columns of a sample in which something stands: first when it was, then whom it is about. */
function telling(rows: readonly Record<string, unknown>[], { properties: p }: Version): string[] {
  const about = ["TimeGenerated", ...(p.entityMappings ?? []).flatMap((m) => m.fieldMappings.map((f) => f.columnName))];
  const rank = (name: string) => (about.includes(name) ? about.indexOf(name) : about.length);
  const known = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const told = known.filter((name) => rows.some((row) => row[name] !== "" && row[name] !== null && row[name] !== undefined));
  return told.sort((a, b) => rank(a) - rank(b)).slice(0, SHOWN);
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
            <code>{f.code}</code> {quoted(sentence(f.reason))} {f.help && <span class="quiet">{quoted(sentence(f.help))}</span>}
          </li>
        ))}
      </ul>
      <pre class="code" tabIndex={0} role="region" aria-label="The query that is proposed">{query}</pre>
      <p>
        {may("hunt") ? (
          <button type="button" disabled={busy} onClick={() => void take(query, [...new Set(repairs.map((f) => f.code))].join(", "))}>
            Make it a new version
          </button>
        ) : (
          <span class="quiet">A person with the right to hunt makes it a new version.</span>
        )}{" "}
        <span class="quiet">{p.valid ? "With it nothing is wrong with its text. It is proved and reviewed as any other." : "More is wrong with it."}</span>
      </p>
    </section>
  );
}
