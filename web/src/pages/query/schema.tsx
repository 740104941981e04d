// The tables and functions of the workspace, as a tree with a search.

import { useMemo, useState } from "preact/hooks";
import type { Schema } from "../../api/kusto";
import { useSaid } from "../../parts/address";
import { quoted } from "../../parts/sentences";

interface Props {
  schema: Schema | undefined;
  wrong: string;
  /** Why it isn't known which tables hold rows; empty where it is. */
  unknown: string;
  /** Tables that hold rows. */
  filled: ReadonlySet<string>;
  insert: (text: string) => void;
  start: (table: string) => void;
}

export function SchemaTree({ schema, wrong, unknown, filled, insert, start }: Props) {
  const [text, setText] = useSaid("text");
  const [all, setAll] = useState(false);
  const [opened, setOpened] = useState<ReadonlySet<string>>(new Set());
  const wanted = text.trim().toLowerCase();
  const tables = useMemo(
    () =>
      (schema?.tables ?? []).filter((t) =>
        wanted ? t.name.toLowerCase().includes(wanted) || t.columns.some((c) => c.name.toLowerCase().includes(wanted)) : all || !!unknown || filled.has(t.name),
      ),
    [schema, wanted, all, unknown, filled],
  );
  const functions = useMemo(() => (schema?.functions ?? []).filter((f) => !wanted || f.name.toLowerCase().includes(wanted)), [schema, wanted]);
  const toggle = (name: string) =>
    setOpened((before) => {
      const after = new Set(before);
      if (!after.delete(name)) after.add(name);
      return after;
    });
  if (wrong) return <p class="schema-note wrong">{wrong}</p>;
  if (!schema) return <p class="schema-note">Reading the tables …</p>;
  return (
    <div class="schema">
      <div class="schema-search">
        <input type="search" placeholder="Search tables and columns" aria-label="Search tables and columns" value={text} onInput={(e) => setText(e.currentTarget.value)} />
        <label>
          <input type="checkbox" checked={all} onChange={(e) => setAll(e.currentTarget.checked)} /> empty tables, too
        </label>
      </div>
      {unknown && <p class="schema-note wrong">Which tables hold rows can't be read: {quoted(unknown)}</p>}
      <div class="schema-trees">
        {tables.length > 0 && (
          <ul role="tree" aria-label="Tables">
            {tables.slice(0, 400).map((t) => {
              const isOpen = opened.has(t.name);
              return (
                <li key={t.name} role="treeitem" aria-expanded={isOpen} aria-selected="false">
                  <div class="schema-line">
                    <button type="button" class="plain" onClick={() => toggle(t.name)} aria-label={`${isOpen ? "Close" : "Open"} ${t.name}`}>
                      <span aria-hidden="true">{isOpen ? "▾" : "▸"}</span>
                      <span>{t.name}</span>
                    </button>
                    <button type="button" class="plain schema-take" title={`New query on ${t.name}`} aria-label={`New query on ${t.name}`} onClick={() => start(t.name)}>
                      ▶
                    </button>
                  </div>
                  {isOpen && (
                    <ul role="group">
                      {t.columns
                        .filter((c) => !wanted || t.name.toLowerCase().includes(wanted) || c.name.toLowerCase().includes(wanted))
                        .map((c) => (
                          <li key={c.name} role="treeitem" aria-selected="false">
                            <button type="button" class="plain" title={`Insert ${c.name}`} onClick={() => insert(c.name)}>
                              {c.name} <small>{c.type}</small>
                            </button>
                          </li>
                        ))}
                    </ul>
                  )}
                </li>
              );
            })}
          </ul>
        )}
        {!tables.length && <p class="schema-note">{wanted ? "No table or column is called that." : "No table has rows yet. `huntlake import` brings them."}</p>}
        {functions.length > 0 && (
          <>
            <h2 class="schema-head">Functions</h2>
            <ul role="tree" aria-label="Functions">
              {functions.slice(0, 300).map((f) => (
                <li key={f.name} role="treeitem" aria-selected="false">
                  <button type="button" class="plain" title={f.doc || `Insert ${f.name}`} onClick={() => insert(`${f.name}()`)}>
                    {f.name}
                    <small>({f.parameters})</small>
                  </button>
                </li>
              ))}
            </ul>
          </>
        )}
      </div>
    </div>
  );
}
