// What a version of a hunt asks the lake, and within which bounds.

import type { Version } from "../../api/hunting";
import { count, every, size } from "../../parts/values";
import { Link } from "../../shell/router";
import { pathTo } from "../query/share";

export function Query({ version: { properties: p } }: { version: Version }) {
  const explanation = p.draft?.explanation ?? [];
  return (
    <>
      <pre class="code" tabIndex={0} role="region" aria-label="Query">{p.query}</pre>
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
