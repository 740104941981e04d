// What makes a hunt worth while; and a report that is taken in.

import { useState } from "preact/hooks";
import * as api from "../../api/hunting";
import type { Signal } from "../../api/hunting";
import { attempt } from "../../parts/attempt";
import { List } from "../../parts/list";
import { useLoaded } from "../../parts/load";
import { quoted } from "../../parts/sentences";
import { When } from "../../parts/when";
import { go } from "../../shell/router";
import { may, workspace } from "../../shell/session";

/** Techniques of one signal that the list names. */
const SHOWN = 8;
/** How many hunts are proposed for one signal. */
const OF_ONE = 5;

export function Signals() {
  const found = useLoaded(api.signals, [workspace.value?.name]);
  const [adding, setAdding] = useState(false);
  const [busy, setBusy] = useState("");
  const propose = async (signal: string) => {
    setBusy(signal);
    const proposed = await attempt(async () => {
      await api.propose(OF_ONE, [signal]);
      return "Hypotheses were ranked; their queries were drafted and proved";
    });
    if (proposed) go("/hunts?view=hypotheses");
    else setBusy("");
  };
  if (found.wrong) return <p class="page-wrong">The signals can't be read: {quoted(found.wrong)}</p>;
  if (!found.value) return <p class="beginning">Reading the signals …</p>;
  return (
    <>
      <div class="hunts-sum">
        {may("hunt") && (
          <button type="button" class="main" aria-expanded={adding} onClick={() => setAdding(!adding)}>
            Take in a report
          </button>
        )}
        <span class="quiet">What a report says is data: it is read for techniques and indicators, and never obeyed.</span>
      </div>
      {adding && (
        <Report
          done={() => {
            setAdding(false);
            found.again();
          }}
        />
      )}
      {found.value.length === 0 ? (
        <div class="empty">
          <h2>No signal yet</h2>
          <p>Reports, threat feeds, closed incidents, changes and anomalies become signals.</p>
        </div>
      ) : (
        <List
          label="Signals"
          rows={found.value}
          of={(s) => s.name}
          columns={[
            {
              title: "Signal",
              look: "wide",
              by: ({ properties: p }) => p.title,
              cell: ({ properties: p }) => (
                <>
                  <strong>{p.title}</strong>
                  {p.summary && <p class="quiet signal-summary">{p.summary}</p>}
                </>
              ),
            },
            { title: "Kind", by: ({ properties: p }) => p.kind, cell: ({ properties: p }) => p.kind },
            { title: "From", by: ({ properties: p }) => p.source, cell: ({ properties: p }) => p.source },
            { title: "Techniques", look: "tactics", cell: ({ properties: p }) => <Techniques ids={(p.techniques ?? []).map((t) => t.id)} /> },
            { title: "Indicators", by: ({ properties: p }) => p.indicators?.length ?? 0, down: true, cell: ({ properties: p }) => p.indicators?.length ?? 0 },
            { title: "Observed", by: ({ properties: p }) => p.observedTimeUtc ?? p.observed, down: true, cell: ({ properties: p }) => <When at={p.observedTimeUtc ?? p.observed} /> },
            ...(may("hunt")
              ? [
                  {
                    title: "Next",
                    cell: ({ name, properties: p }: Signal) => (
                      <button type="button" disabled={!!busy} aria-label={`Propose hunts for ${p.title}`} onClick={() => void propose(name)}>
                        {busy === name ? "Drafting and proving …" : "Propose hunts"}
                      </button>
                    ),
                  },
                ]
              : []),
          ]}
        />
      )}
    </>
  );
}

function Techniques({ ids }: { ids: string[] }) {
  return (
    <span title={ids.join(", ")}>
      {ids.slice(0, SHOWN).join(", ")}
      {ids.length > SHOWN && ` and ${ids.length - SHOWN} more`}
    </span>
  );
}

function Report({ done }: { done: () => void }) {
  const [name, setName] = useState("");
  const [text, setText] = useState("");
  const [busy, setBusy] = useState(false);
  const send = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    const read = await attempt(async () => {
      await api.report(name, text);
      return "The report was read";
    });
    if (read) done();
    else setBusy(false);
  };
  return (
    <form class="report" onSubmit={(e) => void send(e)}>
      <label>
        Name <input required value={name} placeholder="vendor-report.md" onInput={(e) => setName(e.currentTarget.value)} />
      </label>
      <label>
        What it says (text, Markdown or HTML)
        <textarea required rows={10} value={text} onInput={(e) => setText(e.currentTarget.value)} />
      </label>
      <button type="submit" class="main" disabled={busy}>
        {busy ? "Reading it …" : "Read it"}
      </button>
    </form>
  );
}
