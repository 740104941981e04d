// The versions of a hunt, and what changed from one to the next.

import { useState } from "preact/hooks";
import * as api from "../../api/hunting";
import type { Version } from "../../api/hunting";
import { type Loaded, useLoaded } from "../../parts/load";
import { quoted } from "../../parts/sentences";
import { When } from "../../parts/when";
import { State } from "./state";

export function Versions({ name, versions }: { name: string; versions: Loaded<Version[]> }) {
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
      {pair && diff.wrong && <p class="page-wrong">What changed can't be read: {quoted(diff.wrong)}</p>}
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
