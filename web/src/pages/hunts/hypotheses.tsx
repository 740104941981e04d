// What could have happened here, the most urgent first, with what its score is made of; and what can't be seen.

import { useState } from "preact/hooks";
import * as api from "../../api/hunting";
import type { Hypothesis } from "../../api/hunting";
import { attempt } from "../../parts/attempt";
import { useLoaded } from "../../parts/load";
import { quoted } from "../../parts/sentences";
import { Link } from "../../shell/router";
import { may, workspace } from "../../shell/session";

export function Hypotheses() {
  const where = workspace.value?.name;
  const found = useLoaded(api.hypotheses, [where]);
  const gaps = useLoaded(api.gaps, [where]);
  const [busy, setBusy] = useState(false);
  if (found.wrong) return <p class="page-wrong">The hypotheses can't be read: {quoted(found.wrong)}</p>;
  if (!found.value) return <p class="beginning">Reading the hypotheses …</p>;
  const propose = async () => {
    setBusy(true);
    await attempt(async () => {
      await api.propose(10);
      return "Hypotheses were ranked; their queries were drafted and proved";
    });
    setBusy(false);
    found.again();
    gaps.again();
  };
  const shown = [...found.value].sort((a, b) => b.properties.priority - a.properties.priority);
  return (
    <>
      <div class="hunts-sum">
        {may("hunt") && (
          <button type="button" class="main" disabled={busy} onClick={() => void propose()}>
            {busy ? "Ranking, drafting and proving …" : "Propose hunts"}
          </button>
        )}
        <span class="quiet">They are proposed from the signals that are there. Nothing runs before a person has approved it.</span>
      </div>
      {!shown.length && (
        <div class="empty">
          <h2>No hypothesis yet</h2>
          <p>
            {may("hunt") ? (
              <>
                Take in a report under <Link to="/hunts?view=signals">Signals</Link>, then propose hunts.
              </>
            ) : (
              <>
                A person with the right to hunt proposes them from <Link to="/hunts?view=signals">signals</Link>.
              </>
            )}
          </p>
        </div>
      )}
      <div class="hypotheses">
        {shown.map((h) => (
          <One key={h.name} one={h} changed={found.again} />
        ))}
      </div>
      {gaps.wrong && <p class="page-wrong">What can't be seen here can't be read: {quoted(gaps.wrong)}</p>}
      {gaps.value && gaps.value.length > 0 && (
        <section class="hypotheses">
          <h2>What can't be seen here</h2>
          <ul class="entries">
            {gaps.value.map(({ name, properties: g }) => (
              <li key={name}>
                <strong>{g.technique}</strong> {g.reason}
                {g.needed && g.needed.length > 0 && <p class="quiet">{g.needed.join("; ")}</p>}
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}

function One({ one, changed }: { one: Hypothesis; changed: () => void }) {
  const p = one.properties;
  const [why, setWhy] = useState("");
  const dismiss = async () => {
    const done = await attempt(async () => {
      await api.dismiss(one.name, why);
      return "Put aside";
    });
    if (done) changed();
  };
  return (
    <section class="run" aria-label={p.title}>
      <h2>
        <span class="score">{p.priority.toFixed(1)}</span> {p.hunt ? <Link to={`/hunts/${p.hunt}`}>{p.title}</Link> : p.title} <span class="tag">confidence {p.confidenceLevel}</span>
        {p.dismissed && <span class="tag">put aside: {p.dismissed}</span>}
      </h2>
      <p>{p.statement}</p>
      <ul>
        {(p.rationale ?? []).map((r, i) => (
          <li key={i}>
            {r.text} <span class="quiet">[{r.signals.map((s) => s.slice(0, 8)).join(", ")}]</span>
          </li>
        ))}
      </ul>
      <div class="score-parts">
        {Object.entries(p.parts).map(([name, value]) => (
          <label key={name}>
            {name} <meter min={0} max={1} value={value} /> <span class="quiet">{value.toFixed(2)}</span>
          </label>
        ))}
      </div>
      {p.disconfirming && <p class="quiet">Against it: {p.disconfirming}</p>}
      {may("hunt") && !p.hunt && !p.dismissed && (
        <div class="deciding">
          <input aria-label={`Why ${p.title} is put aside`} placeholder="Why" value={why} onInput={(e) => setWhy(e.currentTarget.value)} />
          <button type="button" disabled={!why.trim()} onClick={() => void dismiss()}>
            Put aside
          </button>
        </div>
      )}
    </section>
  );
}
