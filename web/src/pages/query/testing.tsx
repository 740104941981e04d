// Rows of an answer become a test of a rule that a person chooses.

import { useState } from "preact/hooks";
import type { Cell, Column, SchemaTable } from "../../api/kusto";
import { type Rule, rules } from "../../api/rules";
import { Dialog } from "../../parts/dialog";
import { useLoaded } from "../../parts/load";
import { quoted } from "../../parts/sentences";
import { count, counted } from "../../parts/values";
import { go } from "../../shell/router";
import { workspace } from "../../shell/session";
import { bring } from "../detections/brought";
import { asEvents } from "../detections/test_rows";
import { type Origin, originOf } from "./origin";

const MOST = 200;

/** Rows that somebody wants in a test, and the query that gave them. */
export interface Wanted {
  columns: Column[];
  rows: Cell[][];
  text: string;
  /** Whether the query gave several answers. */
  several: boolean;
}

interface Props {
  wanted: Wanted;
  tables: readonly SchemaTable[] | undefined;
  close: () => void;
}

export function Testing({ wanted, tables, close }: Props) {
  const origin = wanted.several ? "The query gives several answers: a test takes the rows of one." : tables ? originOf(wanted.text, wanted.columns, tables) : undefined;
  return (
    <Dialog title="Make a test of these rows" close={close}>
      {origin === undefined && <p class="quiet">Reading the tables …</p>}
      {typeof origin === "string" && (
        <>
          <p role="alert">These rows can't be the rows of a test. {origin}</p>
          <div class="decision-end">
            <button type="button" onClick={close}>
              Leave it
            </button>
          </div>
        </>
      )}
      {typeof origin === "object" && <Rules wanted={wanted} origin={origin} />}
    </Dialog>
  );
}

function Rules({ wanted, origin: { table, left } }: { wanted: Wanted; origin: Origin }) {
  const found = useLoaded(rules, [workspace.value?.name]);
  const [text, setText] = useState("");
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = (found.value ?? []).filter((r) => r.properties.query && words.every((w) => r.properties.displayName.toLowerCase().includes(w)));
  const reads = new RegExp(`\\b${table.replace(/\W/g, "\\$&")}\\b`);
  const own = shown.filter((r) => reads.test(r.properties.query));
  const others = shown.filter((r) => !own.includes(r));
  const taken = wanted.rows.slice(0, MOST);
  const take = (rule: Rule) => {
    const known = wanted.columns.map((c) => c.name).filter((name) => !left.includes(name));
    bring(rule.name, { table, ...asEvents({ columns: wanted.columns, rows: taken }, known) });
    go(`/detections/${encodeURIComponent(rule.name)}?new-test`);
  };
  return (
    <div class="testing">
      <p>
        {counted(taken.length, "row")} of {table}
        {taken.length < wanted.rows.length && `, the first of ${count(wanted.rows.length)}`} for a new test of a rule. You see the test before it is stored.
        {left.length > 0 && ` Left out, as ${table} has no such column: ${left.join(", ")}.`}
      </p>
      <input type="search" autofocus aria-label="Search the rules" placeholder="Of which rule?" value={text} onInput={(e) => setText(e.currentTarget.value)} />
      {found.wrong && <p class="page-wrong">The rules can't be read: {quoted(found.wrong)}</p>}
      {!found.value && !found.wrong && <p class="quiet">Reading the rules …</p>}
      {found.value && !shown.length && <p class="quiet">{words.length ? "No rule is called that." : "There is no rule yet."}</p>}
      <Choices title={`Rules that read ${table}`} rules={own} take={take} />
      <Choices title="Other rules" rules={others} take={take} />
    </div>
  );
}

function Choices({ title, rules, take }: { title: string; rules: Rule[]; take: (rule: Rule) => void }) {
  if (!rules.length) return null;
  return (
    <section aria-label={title}>
      <h3>{title}</h3>
      <ul>
        {[...rules]
          .sort((a, b) => a.properties.displayName.localeCompare(b.properties.displayName))
          .map((rule) => (
            <li key={rule.name}>
              <button type="button" class="plain" onClick={() => take(rule)}>
                <span class={`severity ${rule.properties.severity}`}>{rule.properties.displayName}</span>
              </button>
            </li>
          ))}
      </ul>
    </section>
  );
}
