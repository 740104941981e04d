// The runs of a hunt, their clusters, and what people say of them.

import { useState } from "preact/hooks";
import * as api from "../../api/hunting";
import type { Cluster, Hunt, HuntRun } from "../../api/hunting";
import { attempt } from "../../parts/attempt";
import { useLoaded } from "../../parts/load";
import { quoted } from "../../parts/sentences";
import { brief, count, counted, duration } from "../../parts/values";
import { When } from "../../parts/when";
import { may } from "../../shell/session";
import { State } from "./state";

const VERDICTS = ["true positive", "benign positive", "false positive", "inconclusive"];

export function Runs({ hunt, again }: { hunt: Hunt; again: () => void }) {
  const found = useLoaded(() => api.runs(hunt.name), [hunt.name, hunt.properties.lastModifiedTimeUtc]);
  if (found.wrong) return <p class="page-wrong">The runs can't be read: {quoted(found.wrong)}</p>;
  if (!found.value) return <p class="quiet">Reading the runs …</p>;
  if (!found.value.length) return <p class="empty">It hasn't run yet. Once approved and scheduled it runs by itself{may("hunt") && ", or by “Run now”"}.</p>;
  const changed = () => {
    found.again();
    again();
  };
  return (
    <>
      {found.value.map((run, i) => (
        <Run key={run.name} hunt={hunt} run={run} first={i === 0} changed={changed} />
      ))}
    </>
  );
}

function Run({ hunt, run, first, changed }: { hunt: Hunt; run: HuntRun; first: boolean; changed: () => void }) {
  const p = run.properties;
  return (
    <details class="run" open={first}>
      <summary>
        <State state={p.status} /> {p.windowStartUtc.slice(0, 16).replace("T", " ")} to {p.windowEndUtc.slice(0, 16).replace("T", " ")} · version{" "}
        {p.version} · {counted(p.rows, "row")} in {duration(p.seconds)} · <When at={p.startedTimeUtc} />
      </summary>
      {p.failure && <p class="wrong">{p.failure}</p>}
      {(p.remarks ?? []).map((r) => (
        <p key={r} class="quiet">
          {r}
        </p>
      ))}
      {p.clusters.map((c) => (
        <One key={c.signature} hunt={hunt} run={run} cluster={c} changed={changed} />
      ))}
      {!p.clusters.length && p.status === "no_findings" && <p class="quiet">Nothing was found.</p>}
    </details>
  );
}

interface OneProps {
  hunt: Hunt;
  run: HuntRun;
  cluster: Cluster;
  changed: () => void;
}

function One({ cluster: c, ...rest }: OneProps) {
  return (
    <section class="cluster" aria-label={c.title}>
      <h3>
        <span class="score" title={Object.entries(c.parts).map(([k, v]) => `${k} ${v}`).join(", ")}>
          {c.score.toFixed(2)}
        </span>{" "}
        {c.title}
      </h3>
      <p class="quiet">
        {c.summary} {c.knownGood && <span class="tag">known good: {c.knownGood}</span>}
      </p>
      <p class="tags">
        {c.entities.slice(0, 8).map((e) => (
          <span key={`${e.type} ${e.value}`} class="tag">
            {e.type} {e.value}
          </span>
        ))}
        {c.entities.length > 8 && ` and ${count(c.entities.length - 8)} more`}
      </p>
      <details>
        <summary>{count(c.sample.length)} of its rows</summary>
        {c.sample.map((row, i) => (
          <dl key={i} class="cells">
            {Object.entries(row)
              .filter(([, v]) => v !== "" && v !== null)
              .map(([k, v]) => (
                <div key={k}>
                  <dt>{k}</dt>
                  <dd>{brief(v)}</dd>
                </div>
              ))}
          </dl>
        ))}
      </details>
      {c.verdict && (
        <p>
          <strong>{c.verdict.verdict}</strong> {c.verdict.by?.name && `by ${c.verdict.by.name}`} {c.verdict.reason} {c.verdict.made && <span class="tag">{c.verdict.made}</span>}
        </p>
      )}
      {may("hunt") && <Following cluster={c} {...rest} />}
    </section>
  );
}

/** What may be made of a cluster. */
function Following({ hunt, run, cluster: c, changed }: OneProps) {
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const act = async (what: string, properties: object, told: string) => {
    setBusy(true);
    await attempt(async () => {
      await api.follow(hunt.name, run.name, what, { cluster: c.signature, ...properties });
      return told;
    });
    setBusy(false);
    changed();
  };
  return (
    <div class="deciding">
      <input aria-label={`Reason for ${c.title}`} placeholder="Why" value={reason} onInput={(e) => setReason(e.currentTarget.value)} />
      {VERDICTS.map((v) => (
        <button key={v} type="button" disabled={busy} aria-pressed={c.verdict?.verdict === v} onClick={() => void act("judge", { verdict: v, reason }, `Noted: ${v}`)}>
          {v}
        </button>
      ))}
      <button type="button" disabled={busy} onClick={() => void act("bookmark", { comment: reason }, "Kept as a bookmark")}>
        Bookmark
      </button>
      <button type="button" disabled={busy} onClick={() => void act("escalate", { comment: reason }, "An incident was made")}>
        Make an incident
      </button>
      <button type="button" disabled={busy} onClick={() => void act("suppress", {}, "A version without it is proposed")}>
        Propose to leave it out
      </button>
    </div>
  );
}
