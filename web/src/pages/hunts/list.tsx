// All hunts, those that wait for a person first; and what stops hunting as a whole.

import { useMemo, useState } from "preact/hooks";
import * as api from "../../api/hunting";
import type { Hunt } from "../../api/hunting";
import { useSaid } from "../../parts/address";
import { attempt } from "../../parts/attempt";
import { focused, useReturn } from "../../parts/focus";
import { List, type ListColumn } from "../../parts/list";
import { useLoaded } from "../../parts/load";
import { quoted } from "../../parts/sentences";
import { count } from "../../parts/values";
import { When } from "../../parts/when";
import { Link } from "../../shell/router";
import { may, workspace } from "../../shell/session";
import { State } from "./state";

const COLUMNS: ListColumn<Hunt>[] = [
  { title: "Hunt", look: "wide", by: ({ properties: p }) => p.title, cell: ({ name, properties: p }) => <Link to={`/hunts/${name}`}>{p.title}</Link> },
  { title: "State", by: (h) => rank(h), cell: ({ properties: p }) => <State state={p.state} /> },
  { title: "Made by", by: ({ properties: p }) => p.maker, cell: ({ properties: p }) => p.maker },
  { title: "Techniques", look: "tactics", cell: ({ properties: p }) => (p.techniques ?? []).join(", ") },
  { title: "Tables", look: "tactics", cell: ({ properties: p }) => (p.tables ?? []).slice(0, 4).join(", ") },
  {
    title: "Runs",
    by: ({ properties: p }) => p.runs ?? 0,
    down: true,
    cell: ({ properties: p }) => (p.runs ? `${count(p.runs)}, ${count(p.runsWithFindings ?? 0)} with findings` : "–"),
  },
  { title: "Changed", by: ({ properties: p }) => p.lastModifiedTimeUtc, down: true, cell: ({ properties: p }) => <When at={p.lastModifiedTimeUtc} /> },
];

const ORDER = ["in_review", "findings", "suspended", "changes_requested", "dry_run_failed", "invalid"];

export function Hunts() {
  const where = workspace.value?.name;
  const found = useLoaded(api.hunts, [where]);
  const [text, setText] = useSaid("text");
  const shown = useMemo(() => {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    return (found.value ?? [])
      .filter((h) => {
        const all = `${h.properties.title} ${h.properties.state} ${(h.properties.techniques ?? []).join(" ")} ${(h.properties.tables ?? []).join(" ")}`.toLowerCase();
        return words.every((w) => all.includes(w));
      })
      .sort((a, b) => rank(a) - rank(b));
  }, [found.value, text]);
  if (found.wrong) return <p class="page-wrong">The hunts can't be read: {quoted(found.wrong)}</p>;
  if (!found.value) return <p class="beginning">Reading the hunts …</p>;
  return (
    <>
      <Stopped />
      {found.value.length === 0 ? (
        <div class="empty">
          <h2>No hunt yet</h2>
          <p>
            {may("hunt") ? (
              <>
                Take in a report under <Link to="/hunts?view=signals">Signals</Link>, then propose hunts under <Link to="/hunts?view=hypotheses">Hypotheses</Link>: their queries are drafted and
                proved, and wait for a person.
              </>
            ) : (
              "A person with the right to hunt proposes them, or begins one from an incident or an entity."
            )}
          </p>
        </div>
      ) : (
        <>
          <div class="hunts-sum">
            <input type="search" aria-label="Search the hunts" placeholder="Search title, state, technique, table" value={text} onInput={(e) => setText(e.currentTarget.value)} />
            <span class="quiet" role="status">
              {count(shown.length)} shown · {count((found.value ?? []).filter((h) => h.properties.state === "in_review").length)} wait for a decision
            </span>
          </div>
          <List label="Hunts" rows={shown} columns={COLUMNS} of={(h) => h.name} to={(h) => `/hunts/${h.name}`} />
        </>
      )}
    </>
  );
}

function Stopped() {
  const found = useLoaded(api.switches, [workspace.value?.name]);
  const [why, setWhy] = useState("");
  const [asking, setAsking] = useState(false);
  const opener = useReturn<HTMLButtonElement>(asking);
  if (found.wrong) return <p class="page-wrong">Whether hunts are stopped can't be read: {quoted(found.wrong)}</p>;
  if (!found.value) return null;
  const { stopped, waits, phase, rules } = found.value.properties;
  const made = Object.keys(rules).length;
  const turns = may(stopped ? "approve hunts" : "hunt");
  const act = async (event: Event) => {
    event.preventDefault();
    const done = await attempt(async () => {
      await api.turn(stopped ? "goOn" : "stop", why);
      return stopped ? "Hunts and their rules run again" : "No hunt begins any more, nor a rule made of one";
    });
    if (!done) return;
    setAsking(false);
    setWhy("");
    found.again();
  };
  return (
    <div class={stopped || waits ? "hunts-switch stopped" : "hunts-switch"}>
      <span>
        {stopped || waits || "Hunts run as they are scheduled."}{" "}
        <span class="quiet">
          {made > 0 && (stopped ? `Rules made of hunts wait, too: ${count(made)}. ` : `A stop holds rules made of hunts, too: ${count(made)}. `)}Phase {phase}.
        </span>
      </span>
      {stopped && !turns && <span class="quiet">A person with the right to approve hunts lets them run again.</span>}
      {turns && asking && (
        <form onSubmit={(e) => void act(e)}>
          <input aria-label="Why" placeholder="Why" required value={why} ref={focused} onInput={(e) => setWhy(e.currentTarget.value)} />
          <button type="submit" class="main">
            {stopped ? "Let hunts run" : "Stop all hunts"}
          </button>
          <button type="button" onClick={() => setAsking(false)}>
            Leave it
          </button>
        </form>
      )}
      {turns && !asking && (
        <button type="button" ref={opener} onClick={() => setAsking(true)}>
          {stopped ? "Let hunts run …" : "Stop all hunts …"}
        </button>
      )}
    </div>
  );
}

function rank(hunt: Hunt): number {
  const at = ORDER.indexOf(hunt.properties.state);
  return at < 0 ? ORDER.length : at;
}
