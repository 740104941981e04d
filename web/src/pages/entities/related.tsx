// What an entity goes with: who signed in from an address, where an account was, where a file ran.

import { objects } from "../../api/kusto";
import { useAnswer } from "../../parts/answer";
import { quoted } from "../../parts/sentences";
import { brief, count } from "../../parts/values";
import { When } from "../../parts/when";
import { Link } from "../../shell/router";
import { pathTo } from "../query/share";
import { type Named, pathOf } from "./kinds";
import { PATIENCE, type Relation, relations } from "./queries";

interface Other {
  Name: string;
  Note: string;
  Rows: number;
  First: string;
  Last: string;
}

export function Related({ it, words, names, days }: { it: Named; words: string[] | undefined; names: string[]; days: number }) {
  if (!words) return null;
  return (
    <div class="entity-related">
      {relations(it, names, words, days).map((r) => (
        <One key={r.title} relation={r} />
      ))}
    </div>
  );
}

function One({ relation: { title, kind, text } }: { relation: Relation }) {
  const found = useAnswer(text, PATIENCE);
  const list = objects<Other>(found.value?.tables[0]).filter((o) => o.Name);
  return (
    <section class="entity-part" aria-label={title}>
      <header>
        <h2>{title}</h2>
        <Link to={pathTo(text)}>Open as query</Link>
      </header>
      {found.wrong && (
        <p class="page-wrong" role="alert">
          It can't be read: {quoted(found.wrong)}
        </p>
      )}
      {found.value?.partial && <p class="page-wrong">This is not all: {found.value.partial}</p>}
      {!found.value && !found.wrong && <p class="entity-wait quiet">Reading …</p>}
      {found.value && !list.length && <p class="entity-wait quiet">None in this time.</p>}
      {list.length > 0 && (
        <ul>
          {list.map((o) => (
            <li key={o.Name}>
              {kind ? <Link to={pathOf({ kind, name: o.Name })}>{o.Name}</Link> : o.Name} <span class="quiet">{brief(o.Note)}</span>
              <span class="entity-count">
                {count(o.Rows)}, last <When at={o.Last} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
