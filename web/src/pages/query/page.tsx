import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import * as kusto from "../../api/kusto";
import { search, searches, type Search } from "../../api/searches";
import type { EditorHandle } from "../../parts/editing";
import { Editor } from "../../parts/editor";
import { copy } from "../../parts/attempt";
import { bracketed } from "../../parts/kql";
import { useLoaded } from "../../parts/load";
import { offer } from "../../shell/commands";
import { go, place as address } from "../../shell/router";
import { may, workspace } from "../../shell/session";
import { tell } from "../../shell/toasts";
import { AskedLately } from "./asked";
import { Asking } from "./asking";
import type { Narrow } from "./narrowing";
import { undrawn } from "./pipeline";
import { Results } from "./results";
import { useRunning } from "./running";
import { Saved } from "./saved";
import { Saving } from "./saving";
import { SchemaTree } from "./schema";
import { linkTo, ruleOf, shared } from "./share";
import { TabBar } from "./tabbar";
import { changedElsewhere, current, keep, open, openSaved, rename, tabs, write } from "./tabs";
import { Testing, type Wanted } from "./testing";
import { RANGES } from "./timerange";
import "./query.css";

const SIDES = { tables: "Tables", saved: "Saved", history: "History" };
type Side = keyof typeof SIDES;

export function QueryPage() {
  const place = workspace.value?.name ?? "";
  const schema = useLoaded(() => kusto.schema(place), [place]);
  const filled = useLoaded(() => filledTables(place), [place]);
  const saved = useLoaded(searches, [place]);
  const [range, setRange] = useState("");
  const [asking, setAsking] = useState(false);
  const [saving, setSaving] = useState(false);
  const [testing, setTesting] = useState<Wanted | undefined>();
  const [sideOpen, setSideOpen] = useState(false);
  const handle = useRef<EditorHandle | undefined>(undefined);
  const { shown: shownOf, run, explain } = useRunning(place, range);
  const tab = tabs.value.find((t) => t.id === current.value) ?? tabs.value[0];
  const id = tab?.id ?? "";
  const shown = shownOf(id);
  const wished = address.value.query.get("panel") ?? "";
  const side: Side = wished in SIDES ? (wished as Side) : "tables";
  const selection = () => handle.current?.selection();

  useEffect(() => {
    const text = shared();
    if (text !== undefined) open(text, "Shared query");
    const named = address.value.query.get("saved");
    if (!named) return;
    go("/query?panel=saved", { replace: true });
    search(named).then(openSaved, (error: Error) => tell(`The saved query can't be opened: ${error.message}`, { wrong: true }));
  }, [address.value]);

  useEffect(() => setSideOpen(false), [id]);

  const share = () => copy(linkTo(tab?.text ?? ""), "Copied a link to this query");
  const makeRule = () => go(ruleOf(undrawn(selection()?.text ?? tabs.value.find((t) => t.id === id)?.text ?? "")));
  const changed = (one: Search) => {
    saved.again();
    // What a function is called and takes, the editor is to know at once.
    if (one.properties.functionAlias) schema.again();
  };
  useEffect(
    () =>
      offer([
        { title: "Run the query", hint: "Shift Enter", run: () => void run(selection()) },
        { title: "Explain the query", run: () => void explain(selection()) },
        { title: "Ask in plain words", run: () => setAsking(true) },
        { title: "New query", run: () => void open() },
        { title: "Name the query …", run: () => rename(id) },
        ...(may("author")
          ? [
              { title: "Save the query", run: () => setSaving(true) },
              { title: "Make a rule of the query", run: makeRule },
            ]
          : []),
        { title: "Copy a link to the query", run: () => void share() },
      ]),
    [id, range, place],
  );
  // The editor counts within the tab's text, the server within what it was sent.
  const faults = useMemo(() => (shown?.state === "failed" ? shown.faults.map(({ at, place, ...f }) => ({ ...f, place: at && place && { ...place, ...at } })) : []), [shown]);
  const narrow: Narrow = ({ whole, start, sent }, { at, piece }) => {
    const text = sent.slice(0, at) + piece + sent.slice(at);
    // What somebody has written since stays as it is.
    if (handle.current?.add(whole, start + at, piece)) void run({ text, start });
    else {
      open(text, `${tab?.title ?? "Query"}, narrowed`);
      void run(undefined);
      tell("The query has changed since: the filter stands in a tab of its own");
    }
  };
  const mend = (fix: Parameters<EditorHandle["mend"]>[0]) => {
    if (!handle.current?.mend(fix)) tell(`${fix.wrong} isn't there any more`);
  };

  return (
    <div class="query">
      <h1 class="visually-hidden">Query</h1>
      <aside class={`query-side${sideOpen ? " open" : ""}`} aria-label="Tables, saved queries and history">
        <div class="query-side-tabs">
          {Object.entries(SIDES).map(([name, title]) => (
            <button key={name} type="button" aria-pressed={side === name} onClick={() => go(`/query?panel=${name}`, { replace: true })}>
              {title}
            </button>
          ))}
          <button type="button" class="plain query-side-opener" aria-label="Close the panel" onClick={() => setSideOpen(false)}>
            ✕
          </button>
        </div>
        {side === "tables" && (
          <SchemaTree
            schema={schema.value}
            wrong={schema.wrong && `The tables can't be read: ${schema.wrong}`}
            unknown={filled.wrong}
            filled={filled.value ?? NONE}
            insert={(text) => handle.current?.insert(text)}
            start={(table) => open(`${bracketed(table)}\n| where TimeGenerated > ago(1d)\n| take 100\n`, table)}
          />
        )}
        {side === "saved" && <Saved saved={saved} open={openSaved} save={may("author") ? () => setSaving(true) : undefined} changed={changed} />}
        {side === "history" && <AskedLately place={place} />}
      </aside>
      <section class="query-main" aria-label="Query and answer">
        <TabBar />
        <div class="query-tools">
          <button type="button" class="query-side-opener" aria-expanded={sideOpen} onClick={() => setSideOpen(!sideOpen)}>
            Tables and saved
          </button>
          {shown?.state === "running" ? (
            <button type="button" class="main" onClick={() => shown.stop()}>
              Cancel
            </button>
          ) : (
            <button type="button" class="main" onClick={() => void run(selection())} title="Shift+Enter">
              ▶ Run
            </button>
          )}
          <button type="button" title="What it does and would read, without running it" onClick={() => void explain(selection())}>
            Explain
          </button>
          <label>
            <span class="visually-hidden">Time range</span>
            <select value={range} onChange={(e) => setRange(e.currentTarget.value)} title="Applies to every table of the query">
              {RANGES.map((r) => (
                <option key={r.span} value={r.span}>
                  {r.title}
                </option>
              ))}
            </select>
          </label>
          {may("author") && (
            <button type="button" onClick={() => setSaving(true)}>
              Save
            </button>
          )}
          <button type="button" onClick={() => void share()}>
            Share
          </button>
          {may("author") && (
            <button type="button" title="An analytic rule that asks this query" onClick={makeRule}>
              Make a rule
            </button>
          )}
          <button type="button" aria-expanded={asking} onClick={() => setAsking(!asking)}>
            Ask in plain words
          </button>
        </div>
        <div class="query-asking">
          {asking && (
            <Asking
              close={() => setAsking(false)}
              take={(query, title) => {
                open(query, title);
                setAsking(false);
              }}
            />
          )}
        </div>
        <Editor
          id={id}
          ids={tabs.value.map((t) => t.id)}
          text={tab?.text ?? ""}
          turn={changedElsewhere.value}
          schema={schema.value}
          workspace={place}
          faults={faults}
          change={(text) => write(id, text)}
          run={(selected) => void run(selected)}
          handle={(h) => {
            handle.current = h;
          }}
        />
        <Results shown={shown} name={tab?.title ?? "answer"} mend={mend} go={({ at }) => at && handle.current?.reveal(at.line, at.column)} narrow={narrow} test={may("author") ? setTesting : undefined} />
      </section>
      {testing && <Testing wanted={testing} tables={schema.value?.tables} close={() => setTesting(undefined)} />}
      {saving && tab && (
        <Saving
          tab={tab}
          categories={[...new Set((saved.value ?? []).map((s) => s.properties.category))]}
          close={() => setSaving(false)}
          done={(one) => {
            keep(tab.id, one);
            changed(one);
            tell(`Saved ${one.properties.displayName}`);
          }}
        />
      )}
    </div>
  );
}

const NONE: ReadonlySet<string> = new Set();

async function filledTables(place: string): Promise<ReadonlySet<string>> {
  const rows = await kusto.command<{ TableName: string; TotalRowCount: number }>(place, ".show tables details");
  return new Set(rows.filter((r) => r.TotalRowCount > 0).map((r) => r.TableName));
}
