// Keeps a query in the workspace: under a name, or as a function that queries call.

import { useState } from "preact/hooks";
import { ApiError, why } from "../../api/door";
import { save, search, type Search } from "../../api/searches";
import { Dialog } from "../../parts/dialog";
import { openSaved, type Tab } from "./tabs";

interface Props {
  tab: Tab;
  categories: string[];
  done: (saved: Search) => void;
  close: () => void;
}

export function Saving({ tab, categories, done, close }: Props) {
  const before = tab.saved?.properties;
  const [name, setName] = useState(before?.displayName ?? tab.title);
  const [category, setCategory] = useState(before?.category ?? "");
  const [callable, setCallable] = useState(!!before?.functionAlias);
  const [alias, setAlias] = useState(before?.functionAlias ?? "");
  const [parameters, setParameters] = useState(before?.functionParameters ?? "");
  const [wrong, setWrong] = useState("");
  const [stale, setStale] = useState(false);
  const [busy, setBusy] = useState(false);

  const keep = async (anew: boolean) => {
    const was = anew ? undefined : tab.saved;
    setBusy(true);
    setWrong("");
    setStale(false);
    try {
      const { version, tags } = was?.properties ?? {};
      const properties: Search["properties"] = {
        displayName: name.trim(),
        category: category.trim() || "General",
        query: tab.text,
        ...(version ? { version } : {}),
        ...(tags?.length ? { tags } : {}),
        ...(callable ? { functionAlias: alias.trim(), functionParameters: parameters.trim() } : {}),
      };
      done(await save(was?.name ?? crypto.randomUUID(), properties, was?.etag));
      close();
    } catch (error) {
      setStale(error instanceof ApiError && error.status === 412);
      setWrong(said(error));
    } finally {
      setBusy(false);
    }
  };
  const theirs = async () => {
    if (!tab.saved) return;
    try {
      openSaved(await search(tab.saved.name));
      close();
    } catch (error) {
      setWrong(said(error));
    }
  };
  return (
    <Dialog title="Save the query" close={close}>
      <form
        class="saving"
        onSubmit={(e) => {
          e.preventDefault();
          void keep(!tab.saved);
        }}
      >
        <label>
          Name
          <input value={name} required autofocus maxLength={1000} onInput={(e) => setName(e.currentTarget.value)} />
        </label>
        <label>
          Category
          <input value={category} maxLength={1000} list="saved-categories" placeholder="General" onInput={(e) => setCategory(e.currentTarget.value)} />
          <datalist id="saved-categories">
            {categories.map((c) => (
              <option key={c} value={c} />
            ))}
          </datalist>
        </label>
        <label class="saving-check">
          <input type="checkbox" checked={callable} onChange={(e) => setCallable(e.currentTarget.checked)} /> As a function that queries call
        </label>
        {callable && (
          <>
            <label>
              Name in queries
              <input value={alias} required pattern="[A-Za-z_][A-Za-z0-9_]*" title="Letters, digits and underscores" spellcheck={false} onInput={(e) => setAlias(e.currentTarget.value)} />
            </label>
            <label>
              Parameters
              <input value={parameters} spellcheck={false} placeholder="account:string, days:int=7" onInput={(e) => setParameters(e.currentTarget.value)} />
            </label>
          </>
        )}
        {wrong && (
          <p class="wrong" role="alert">
            {stale ? "Somebody else has saved it since you opened it. Open theirs in a tab of its own, or save yours as a new query." : wrong}
          </p>
        )}
        <p class="saving-buttons">
          {stale && (
            <button type="button" onClick={() => void theirs()}>
              Open theirs
            </button>
          )}
          {tab.saved && (
            <button type="button" disabled={busy} onClick={() => void keep(true)}>
              Save as a new query
            </button>
          )}
          <button type="button" class="plain" onClick={close}>
            Cancel
          </button>
          <button type="submit" class="main" disabled={busy || stale}>
            {busy ? "Saving …" : "Save"}
          </button>
        </p>
      </form>
    </Dialog>
  );
}

function said(error: unknown): string {
  if (error instanceof ApiError && error.status === 403) return `Your role doesn't let you save queries here. ${error.message}`;
  return why(error);
}
