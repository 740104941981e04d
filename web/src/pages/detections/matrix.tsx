// What of ATT&CK is seen, hunted, detected and has fired: by tactic, each technique with four marks.

import { useMemo } from "preact/hooks";
import * as api from "../../api/drafts";
import type { Coverage } from "../../api/drafts";
import * as hunting from "../../api/hunting";
import type { Rule } from "../../api/rules";
import { useSaid } from "../../parts/address";
import { useLoaded } from "../../parts/load";
import { quoted } from "../../parts/sentences";
import { count } from "../../parts/values";
import { Link } from "../../shell/router";
import { workspace } from "../../shell/session";
import { TACTICS, spaced } from "./tactics";

const OTHERS = "Others";

const MARKS = [
  ["seen", "S", "seen: data that shows it is here"],
  ["hunted", "H", "hunted: a hunt looks for it"],
  ["detected", "D", "detected: an enabled rule looks for it"],
  ["fired", "F", "fired: such a rule has raised alerts in 30 days"],
] as const;

type Mark = (typeof MARKS)[number][0];

interface Cell {
  technique: string;
  name: string;
  marks: ReadonlySet<Mark>;
  tactics: string[];
  rules: Rule[];
  hunts: string[];
  coverage: Coverage["properties"] | undefined;
}

const FILTERS = [
  ["all", "all techniques", () => true],
  ["blind", "seen, but neither hunted nor detected", (m: ReadonlySet<Mark>) => m.has("seen") && !m.has("hunted") && !m.has("detected")],
  ["hunted only", "hunted, but not detected", (m: ReadonlySet<Mark>) => m.has("hunted") && !m.has("detected")],
  ["deaf", "detected, but not seen", (m: ReadonlySet<Mark>) => m.has("detected") && !m.has("seen")],
  ["silent", "detected, but never fired", (m: ReadonlySet<Mark>) => m.has("detected") && !m.has("fired")],
  ["fired", "fired", (m: ReadonlySet<Mark>) => m.has("fired")],
] as const;

interface Props {
  rules: Rule[];
  /** The ids, in lower case, of rules that have raised alerts. */
  fired: ReadonlySet<string>;
  /** What was searched for, in lower case. */
  words: readonly string[];
}

export function Matrix({ rules, fired, words }: Props) {
  const where = workspace.value?.name ?? "";
  const found = useLoaded(api.coverage, [where]);
  const [filter, setFilter] = useSaid("show");
  const [open, setOpen] = useSaid("technique");
  const cells = useMemo(() => cellsOf(found.value ?? [], rules, fired), [found.value, rules, fired]);
  const fits = FILTERS.find(([name]) => name === filter)?.[2] ?? (() => true);
  const shown = cells.filter((c) => fits(c.marks) && words.every((w) => textOf(c).includes(w)));
  const columns = [...TACTICS, OTHERS]
    .map((tactic) => ({ tactic, cells: shown.filter((c) => c.tactics.includes(tactic) || (tactic === OTHERS && !c.tactics.length)) }))
    .filter((c) => c.tactic !== OTHERS || c.cells.length);
  const chosen = cells.find((c) => c.technique === open);
  const source = found.value?.[0]?.properties.source;
  return (
    <div class="matrix-box">
      <div class="matrix-key">
        <label>
          Show{" "}
          <select value={filter || "all"} onChange={(e) => setFilter(e.currentTarget.value === "all" ? "" : e.currentTarget.value)}>
            {FILTERS.map(([name, title]) => (
              <option key={name} value={name}>
                {title}
              </option>
            ))}
          </select>
        </label>
        <span role="status" class="quiet">
          {found.value && `${count(shown.length)} techniques`}
        </span>
        <ul class="quiet">
          {MARKS.map(([name, letter, title]) => (
            <li key={name}>
              <b class={`mark-letter ${name}`}>{letter}</b> {title}
            </li>
          ))}
        </ul>
      </div>
      {found.wrong && <p class="page-wrong">What is seen and hunted can't be read: {quoted(found.wrong)}</p>}
      {chosen && <Technique cell={chosen} fired={fired} close={() => setOpen("")} />}
      {!found.value && !found.wrong && <p class="beginning">Looking what can be seen and is hunted …</p>}
      {found.value && <div class="matrix" tabIndex={0} role="region" aria-label="Techniques by tactic">
        {columns.map(({ tactic, cells: own }) => (
          <section key={tactic}>
            <h2>
              {spaced(tactic)} <small class="quiet">{own.length || ""}</small>
            </h2>
            {own.map((c) => (
              <button key={c.technique} type="button" class={`matrix-cell${c.marks.has("detected") ? " detected" : ""}`} aria-expanded={c.technique === open} title={c.name} onClick={() => setOpen(c.technique === open ? "" : c.technique)}>
                <span>{c.technique}</span>
                <span class="marks" role="img" aria-label={MARKS.filter(([m]) => c.marks.has(m)).map(([m]) => m).join(", ") || "nothing"}>
                  {MARKS.map(([m, letter]) => (
                    <i key={m} class={c.marks.has(m) ? `mark-letter ${m}` : "mark-letter none"}>
                      {c.marks.has(m) ? letter : "·"}
                    </i>
                  ))}
                </span>
              </button>
            ))}
            {!own.length && <p class="quiet">none</p>}
          </section>
        ))}
      </div>}
      {source && <p class="quiet">What there is to be seen is told by {source}.</p>}
      {found.value && !found.value.some((c) => c.properties.tactics.length) && (
        <p class="quiet">
          Until <code>huntlake hunt attack import</code> brings ATT&amp;CK itself, a technique stands under the tactic that most rules with it name.
        </p>
      )}
    </div>
  );
}

/** One technique: what of it can be seen, and who looks for it. */
function Technique({ cell: c, fired, close }: { cell: Cell; fired: ReadonlySet<string>; close: () => void }) {
  const hunts = useLoaded(hunting.hunts, []);
  return (
    <section class="technique" aria-label={`Technique ${c.technique}`}>
      <header>
        <h2>
          {c.technique} {c.name}
        </h2>
        <button type="button" class="plain" onClick={close} aria-label="Close">
          ✕
        </button>
      </header>
      <div class="trial-parts">
        <div>
          <h3>Seen</h3>
          <p>
            {c.coverage ? (
              <>
                {Math.round(c.coverage.visibility * 100)} %{c.coverage.tables.length > 0 && `, in ${c.coverage.tables.join(", ")}`}
                {c.coverage.missing.length > 0 && <span class="wrong">; missing: {c.coverage.missing.join(", ")}</span>}
              </>
            ) : (
              <span class="quiet">Nothing is known of it here.</span>
            )}
          </p>
        </div>
        <div>
          <h3>Detected</h3>
          {!c.rules.length && <p class="quiet">No rule looks for it.</p>}
          <ul class="entries">
            {c.rules.map((r) => (
              <li key={r.name}>
                <Link to={`/detections/${r.name}`}>{r.properties.displayName}</Link> {!r.properties.enabled && <span class="tag">disabled</span>} {fired.has(r.name.toLowerCase()) && <span class="tag">fired</span>}
              </li>
            ))}
          </ul>
        </div>
        <div>
          <h3>Hunted</h3>
          {!c.hunts.length && (
            <p class="quiet">
              No hunt looks for it. <Link to="/hunts?view=hypotheses">What could be hunted?</Link>
            </p>
          )}
          <ul class="entries">
            {c.hunts.map((title) => {
              const hunt = hunts.value?.find((h) => h.properties.title === title);
              return <li key={title}>{hunt ? <Link to={`/hunts/${hunt.name}`}>{title}</Link> : title}</li>;
            })}
          </ul>
        </div>
      </div>
    </section>
  );
}

function cellsOf(coverage: readonly Coverage[], rules: readonly Rule[], fired: ReadonlySet<string>): Cell[] {
  const covered = new Map(coverage.map((c) => [c.properties.technique, c.properties]));
  const byTechnique = new Map<string, Rule[]>();
  const families = new Map<string, Rule[]>();
  for (const rule of rules) {
    const p = rule.properties;
    for (const id of new Set([...(p.techniques ?? []), ...(p.subTechniques ?? [])])) {
      byTechnique.set(id, [...(byTechnique.get(id) ?? []), rule]);
      const parent = id.split(".")[0] ?? id;
      families.set(parent, [...(families.get(parent) ?? []), rule]);
    }
  }
  const tacticsOf = (id: string): string[] => {
    const told = covered.get(id)?.tactics.map((t) => TACTICS.find((known) => plain(known) === plain(t))).filter((t) => t !== undefined);
    if (told?.length) return told;
    return mostNamed(families.get(id.split(".")[0] ?? id) ?? []);
  };
  return [...new Set([...covered.keys(), ...byTechnique.keys()])].sort().map((technique) => {
    const known = covered.get(technique);
    const own = byTechnique.get(technique) ?? [];
    const enabled = own.filter((r) => r.properties.enabled);
    const marks = new Set<Mark>();
    if ((known?.visibility ?? 0) > 0) marks.add("seen");
    if (known?.hunts.length) marks.add("hunted");
    if (enabled.length) marks.add("detected");
    if (enabled.some((r) => fired.has(r.name.toLowerCase()))) marks.add("fired");
    return { technique, name: known?.name ?? "", marks, tactics: tacticsOf(technique), rules: own, hunts: known?.hunts ?? [], coverage: known };
  });
}

/** The tactics that most rules of a technique name: a rule says several, and not which of its techniques each is of. */
function mostNamed(rules: readonly Rule[]): string[] {
  const counted = new Map<string, number>();
  for (const tactic of rules.flatMap((r) => r.properties.tactics ?? [])) counted.set(tactic, (counted.get(tactic) ?? 0) + 1);
  const most = Math.max(...counted.values());
  return [...counted].filter(([, n]) => n === most).map(([tactic]) => tactic);
}

function plain(tactic: string): string {
  return tactic.toLowerCase().replace(/[^a-z]/g, "");
}

function textOf(c: Cell): string {
  return [c.technique, c.name, ...c.tactics, ...c.rules.map((r) => r.properties.displayName), ...c.hunts].join(" ").toLowerCase();
}
