// The versions of a hunt, what changed from one to the next, and the way back to an earlier one.

import { useState } from "preact/hooks";
import * as api from "../../api/hunting";
import type { Hunt, Version } from "../../api/hunting";
import { attempt } from "../../parts/attempt";
import { focused } from "../../parts/focus";
import { type Loaded, useLoaded } from "../../parts/load";
import { quoted } from "../../parts/sentences";
import { When } from "../../parts/when";
import { may } from "../../shell/session";
import { State } from "./state";

interface Props {
  hunt: Hunt;
  versions: Loaded<Version[]>;
  again: () => void;
}

export function Versions({ hunt: { name, properties: p }, versions, again }: Props) {
  const [back, setBack] = useState<number | undefined>();
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
              {may("hunt") && v.version !== p.currentVersion && p.state !== "retired" && (
                <button type="button" class="plain" onClick={() => setBack(v.version)}>
                  Go back to it …
                </button>
              )}
              {back === v.version && (
                <Back
                  name={name}
                  version={v.version}
                  done={(went) => {
                    setBack(undefined);
                    if (went) again();
                  }}
                />
              )}
              <br />
              <code class="quiet">{v.contentHash.slice(0, 16)}…</code>
            </li>
          );
        })}
      </ul>
      {pair && diff.wrong && <p class="page-wrong">What changed can't be read: {quoted(diff.wrong)}</p>}
      {pair && !diff.value && !diff.wrong && <p class="quiet">Comparing …</p>}
      {pair && diff.value && (
        <>
          <h2>
            Version {pair[0]} → {pair[1]}
          </h2>
          <pre class="diff" tabIndex={0} role="region" aria-label="What changed in the query">
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

/** A new version is made as an earlier one was; where that one's approval is still good, it runs at once. */
function Back({ name, version, done }: { name: string; version: number; done: (went: boolean) => void }) {
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const go = async (event: SubmitEvent) => {
    event.preventDefault();
    setBusy(true);
    const went = await attempt(async () => {
      await api.step(name, "rollback", { version, reason });
      return `A version was made that is as version ${version}`;
    });
    setBusy(false);
    if (went) done(true);
  };
  return (
    <form class="deciding" onSubmit={(e) => void go(e)}>
      <input aria-label={`Why version ${version} is better`} placeholder="Why" value={reason} ref={focused} onInput={(e) => setReason(e.currentTarget.value)} />
      <button type="submit" class="main" disabled={busy || !reason.trim()}>
        {busy ? "Making it …" : `Make a version as ${version} was`}
      </button>
      <button type="button" onClick={() => done(false)}>
        Leave it
      </button>
    </form>
  );
}
