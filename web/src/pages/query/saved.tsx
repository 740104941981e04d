// The queries and functions that people keep in the workspace.

import { useState } from "preact/hooks";
import { remove, type Search } from "../../api/searches";
import { useSaid } from "../../parts/address";
import { attempt } from "../../parts/attempt";
import type { Loaded } from "../../parts/load";
import { quoted } from "../../parts/sentences";

interface Props {
  saved: Loaded<Search[]>;
  open: (one: Search) => void;
  /** Undefined for who may not save queries. */
  save: (() => void) | undefined;
  /** After one was deleted. */
  changed: (one: Search) => void;
}

export function Saved({ saved, open, save, changed }: Props) {
  const [text, setText] = useSaid("text");
  const wanted = text.trim().toLowerCase();
  const found = (saved.value ?? []).filter(({ properties: p }) => `${p.displayName} ${p.category} ${p.functionAlias ?? ""}`.toLowerCase().includes(wanted));
  const folders = [...new Set(found.map(folderOf))].sort((a, b) => a.localeCompare(b));
  return (
    <div class="saved">
      <div class="schema-search">
        <input type="search" placeholder="Search saved queries" aria-label="Search saved queries" value={text} onInput={(e) => setText(e.currentTarget.value)} />
        {save && (
          <button type="button" onClick={save}>
            Save this query …
          </button>
        )}
      </div>
      {saved.wrong && <p class="schema-note wrong">Saved queries can't be read: {quoted(saved.wrong)}</p>}
      {!saved.value && !saved.wrong && <p class="schema-note">Reading saved queries …</p>}
      {saved.value && !found.length && (
        <p class="schema-note">{wanted ? "No saved query is called that." : `No query is saved yet.${save ? " Save one that others shall find, or a function that queries can call." : ""}`}</p>
      )}
      <div class="saved-folders">
        {folders.map((folder) => (
          <details key={folder} open>
            <summary>{folder}</summary>
            <ul>
              {found
                .filter((one) => folderOf(one) === folder)
                .sort((a, b) => a.properties.displayName.localeCompare(b.properties.displayName))
                .map((one) => (
                  <Line key={one.name} one={one} open={open} changed={changed} mayDelete={!!save} />
                ))}
            </ul>
          </details>
        ))}
      </div>
    </div>
  );
}

function folderOf(one: Search): string {
  return one.properties.category || "No category";
}

function Line({ one, open, changed, mayDelete }: { one: Search; open: (one: Search) => void; changed: (one: Search) => void; mayDelete: boolean }) {
  const [asked, setAsked] = useState(false);
  const { displayName, functionAlias, functionParameters } = one.properties;
  const gone = async () => {
    const doing = async () => {
      await remove(one);
      return `Deleted ${displayName}`;
    };
    await attempt(doing, { thing: "saved query", again: () => undefined });
    setAsked(false);
    changed(one);
  };
  if (asked) {
    return (
      <li class="saved-question" role="alert">
        Delete <strong>{displayName}</strong>
        {functionAlias ? `? Queries that call ${functionAlias}() will fail.` : "?"}{" "}
        <button type="button" onClick={() => void gone()}>
          Delete
        </button>{" "}
        <button type="button" class="plain" onClick={() => setAsked(false)}>
          Keep
        </button>
      </li>
    );
  }
  return (
    <li class="schema-line">
      <button type="button" class="plain" title={one.properties.query.slice(0, 400)} onClick={() => open(one)}>
        <span>
          {displayName}
          {functionAlias && (
            <small>
              {" "}
              {functionAlias}({functionParameters})
            </small>
          )}
        </span>
      </button>
      {mayDelete && (
        <button type="button" class="plain schema-take" aria-label={`Delete ${displayName}`} onClick={() => setAsked(true)}>
          ✕
        </button>
      )}
    </li>
  );
}
