import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { ApiError } from "../../api/door";
import * as kusto from "../../api/kusto";
import { count } from "../../parts/values";
import { offer } from "../../shell/palette";
import { workspace } from "../../shell/session";
import { tell } from "../../shell/toasts";
import { Editor, type EditorHandle } from "./editor";
import { forget, history, remember } from "./history";
import { Results, type Shown } from "./results";
import { SchemaTree } from "./schema";
import { linkTo, shared } from "./share";
import { close, current, open, rename, tabs, write } from "./tabs";
import { RANGES, ranged } from "./timerange";
import "./query.css";

export function QueryPage() {
  const place = workspace.value?.name ?? "";
  const [schema, setSchema] = useState<kusto.Schema | undefined>();
  const [schemaWrong, setSchemaWrong] = useState("");
  const [filled, setFilled] = useState<ReadonlySet<string>>(new Set());
  const [range, setRange] = useState("");
  const [side, setSide] = useState<"schema" | "history">("schema");
  const [results, setResults] = useState<ReadonlyMap<string, Shown>>(new Map());
  const handle = useRef<EditorHandle | undefined>(undefined);
  const tab = tabs.value.find((t) => t.id === current.value) ?? tabs.value[0];
  const id = tab?.id ?? "";
  const shown = results.get(id);

  useEffect(() => {
    const text = shared();
    if (text !== undefined) open(text, "Shared query");
  }, []);
  useEffect(() => {
    let gone = false;
    kusto.schema(place).then(
      (s) => !gone && setSchema(s),
      (error: Error) => !gone && setSchemaWrong(`The tables can't be read: ${error.message}`),
    );
    filledTables(place).then(
      (names) => !gone && setFilled(names),
      () => undefined,
    );
    return () => {
      gone = true;
    };
  }, [place]);

  const show = (key: string, what: Shown) => setResults((all) => new Map(all).set(key, what));
  const run = async (selected: string) => {
    const now = tabs.value.find((t) => t.id === current.value);
    const text = (selected || now?.text || "").trim();
    if (!now || !text) return;
    results.get(now.id)?.stop?.();
    const abort = new AbortController();
    const asked = `huntlake.pages;${crypto.randomUUID()}`;
    const stop = () => {
      abort.abort();
      void kusto.cancel(place, asked);
    };
    show(now.id, { state: "running", since: performance.now(), stop });
    const at = new Date().toISOString();
    try {
      const answer = await kusto.query({ workspace: place, text: ranged(text, range), signal: abort.signal, id: asked });
      show(now.id, { state: "answered", answer });
      const rows = answer.tables.reduce((n, t) => n + t.rows.length, 0);
      remember({ text, workspace: place, at, rows, seconds: answer.seconds });
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") {
        show(now.id, { state: "cancelled" });
        return;
      }
      const problem = error instanceof ApiError ? error : new ApiError(0, "Error", String(error));
      show(now.id, { state: "failed", problem, whole: !selected });
      remember({ text, workspace: place, at, wrong: problem.message });
    }
  };
  const share = async () => {
    await navigator.clipboard.writeText(linkTo(tab?.text ?? ""));
    tell("Copied a link to this query");
  };
  useEffect(
    () =>
      offer([
        { title: "Run the query", hint: "Shift Enter", run: () => void run(handle.current?.selection() ?? "") },
        { title: "New query", run: () => void open() },
        { title: "Copy a link to the query", run: () => void share() },
      ]),
    [id, range, place],
  );
  const fault = shown?.state === "failed" && shown.whole ? shown.problem : undefined;
  const running = shown?.state === "running";
  const recent = useMemo(() => history.value.filter((h) => h.workspace === place), [history.value, place]);

  return (
    <div class="query">
      <h1 class="visually-hidden">Query</h1>
      <aside class="query-side" aria-label="Tables and history">
        <div class="query-side-tabs">
          <button type="button" aria-pressed={side === "schema"} onClick={() => setSide("schema")}>
            Tables
          </button>
          <button type="button" aria-pressed={side === "history"} onClick={() => setSide("history")}>
            History
          </button>
        </div>
        {side === "schema" ? (
          <SchemaTree
            schema={schema}
            wrong={schemaWrong}
            filled={filled}
            insert={(text) => handle.current?.insert(text)}
            start={(table) => open(`${bracketed(table)}\n| where TimeGenerated > ago(1d)\n| take 100\n`, table)}
          />
        ) : (
          <div class="history">
            {!recent.length && <p class="schema-note">Nothing was asked yet. What you run stays here, in this browser.</p>}
            <ul>
              {recent.map((h) => (
                <li key={h.at + h.text}>
                  <button type="button" class="plain" onClick={() => open(h.text, "From history")}>
                    <code>{h.text.slice(0, 160)}</code>
                    <small class={h.wrong ? "wrong" : "quiet"}>
                      {h.at.slice(0, 16).replace("T", " ")} · {h.wrong ?? `${count(h.rows ?? 0)} rows`}
                    </small>
                  </button>
                </li>
              ))}
            </ul>
            {recent.length > 0 && (
              <button type="button" class="plain" onClick={forget}>
                Forget all
              </button>
            )}
          </div>
        )}
      </aside>
      <section class="query-main" aria-label="Query and answer">
        <div class="query-tabs" role="group" aria-label="Open queries">
          {tabs.value.map((t) => (
            <div key={t.id} class={`query-tab${t.id === id ? " on" : ""}`}>
              <button
                type="button"
                aria-pressed={t.id === id}
                onClick={() => (current.value = t.id)}
                onDblClick={() => {
                  const title = prompt("Name of this query", t.title);
                  if (title) rename(t.id, title);
                }}
              >
                {t.title}
              </button>
              <button type="button" class="plain" aria-label={`Close ${t.title}`} onClick={() => close(t.id)}>
                ✕
              </button>
            </div>
          ))}
          <button type="button" class="plain" aria-label="New query" onClick={() => open()}>
            +
          </button>
        </div>
        <div class="query-tools">
          {running ? (
            <button type="button" class="main" onClick={() => shown.stop?.()}>
              Cancel
            </button>
          ) : (
            <button type="button" class="main" onClick={() => void run(handle.current?.selection() ?? "")} title="Shift+Enter">
              ▶ Run
            </button>
          )}
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
          <button type="button" onClick={() => void share()}>
            Share
          </button>
        </div>
        <Editor
          id={id}
          text={tab?.text ?? ""}
          schema={schema}
          workspace={place}
          fault={fault}
          change={(text) => write(id, text)}
          run={(selected) => void run(selected)}
          handle={(h) => {
            handle.current = h;
          }}
        />
        <Results shown={shown} name={tab?.title ?? "answer"} />
      </section>
    </div>
  );
}

async function filledTables(place: string): Promise<ReadonlySet<string>> {
  const rows = await kusto.command<{ TableName: string; TotalRowCount: number }>(place, ".show tables details");
  return new Set(rows.filter((r) => r.TotalRowCount > 0).map((r) => r.TableName));
}

function bracketed(name: string): string {
  return /^\w+$/.test(name) ? name : `["${name}"]`;
}
