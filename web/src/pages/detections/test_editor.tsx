// A test that is being written or changed.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { ApiError, why } from "../../api/door";
import * as api from "../../api/rule_tests";
import type { Finding, Outcome, RuleTest } from "../../api/rule_tests";
import type { Rule } from "../../api/rules";
import type { EditorHandle, Fault } from "../../parts/editing";
import { Editor } from "../../parts/editor";
import { quoted } from "../../parts/sentences";
import { counted, duration } from "../../parts/values";
import { workspace } from "../../shell/session";
import { tell } from "../../shell/toasts";
import { type Brought, broughtTo } from "./brought";
import { Came } from "./test_came";
import { FromTheLake } from "./test_lake";
import { begun, withRows } from "./test_rows";

const PAUSE = 350;

interface Props {
  rule: Rule;
  /** Without one it is a new test. */
  test?: RuleTest;
  /** Names that tests of the rule have. */
  taken: string[];
  changed: () => void;
  close: () => void;
}

/** What was typed and not stored, and the version that it changes. */
interface Draft {
  text: string;
  etag: string | undefined;
}

function draft(key: string): Draft | undefined {
  try {
    const { text, etag } = JSON.parse(localStorage.getItem(key) ?? "null") as Partial<Draft>;
    return typeof text === "string" ? { text, etag: typeof etag === "string" ? etag : undefined } : undefined;
  } catch {
    return undefined;
  }
}

export function TestEditor({ rule, test, taken, changed, close }: Props) {
  const where = workspace.value?.name ?? "";
  const key = `test draft ${where} ${rule.name} ${test?.name ?? ""}`;
  const stored = test?.properties.text ?? begun(rule.properties.query);
  const kept = useMemo(() => draft(key), [key]);
  const [brought, setBrought] = useState(() => (test ? undefined : broughtTo(rule.name)));
  const [text, setText] = useState(kept?.text ?? stored);
  const [turn, setTurn] = useState(0);
  const [findings, setFindings] = useState<Finding[] | undefined>();
  const [title, setTitle] = useState("");
  const [busy, setBusy] = useState("");
  const [refused, setRefused] = useState("");
  const [stale, setStale] = useState(false);
  const [sure, setSure] = useState(false);
  const [outcome, setOutcome] = useState<{ of: string; told: Outcome } | undefined>();
  // Changes are of the version that they were begun with, however long ago.
  const etag = useRef(kept ? kept.etag : test?.etag);
  const handle = useRef<EditorHandle | undefined>(undefined);
  const faults = useMemo(() => marked(findings ?? [], text), [findings]);

  useEffect(() => {
    const abort = new AbortController();
    const timer = setTimeout(() => {
      api.read(text, abort.signal).then(
        (found) => {
          setFindings(found.findings);
          setTitle(found.displayName);
        },
        (error: unknown) => !abort.signal.aborted && setRefused(why(error)),
      );
    }, PAUSE);
    setFindings(undefined);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [text]);

  const type = (typed: string) => {
    setText(typed);
    setRefused("");
    try {
      if (typed === stored) localStorage.removeItem(key);
      else localStorage.setItem(key, JSON.stringify({ text: typed, etag: etag.current } satisfies Draft));
    } catch {
      // The browser keeps nothing: the page still has it.
    }
  };
  const put = (made: string) => {
    type(made);
    setTurn((n) => n + 1);
  };
  const take = ({ table, rows, newest }: Brought, into: string) => put(withRows(into, table, rows, newest));
  useEffect(() => {
    // Nothing was begun that they could be added to: they are what the test begins with.
    if (brought && !kept) take(brought, stored);
  }, []);
  const doing = async (what: string, work: () => Promise<void>) => {
    setBusy(what);
    setRefused("");
    try {
      await work();
    } catch (error) {
      if (error instanceof ApiError && error.status === 412) setStale(true);
      else setRefused(why(error));
    }
    setBusy("");
  };
  const save = (version: string | undefined) =>
    doing("Storing …", async () => {
      const made = await api.store(rule.name, test?.name ?? named(title || "test", taken), text, version);
      localStorage.removeItem(key);
      changed();
      // What came of it before says nothing of it as it is.
      const { passed } = await api.run(rule.name, [made.name], () => {});
      changed();
      tell(passed ? "The test is stored, and passes" : "The test is stored, and fails", { wrong: !passed });
      close();
    });
  const overwrite = () =>
    doing("Storing …", async () => {
      setStale(false);
      const now = (await api.tests(rule.name)).find((t) => t.name === test?.name);
      await save(now?.etag);
    });
  const attempt = () =>
    doing("Running …", async () => {
      const told = await api.attempted({ kind: rule.kind, rule: bare(rule), name: rule.name, texts: [text] });
      setOutcome({ of: text, told });
    });
  const remove = () =>
    doing("Deleting …", async () => {
      if (!test) return;
      await api.remove(rule.name, test.name, etag.current);
      localStorage.removeItem(key);
      tell("The test is deleted");
      changed();
      close();
    });
  const discard = () => {
    localStorage.removeItem(key);
    close();
  };
  const came = outcome?.told.tests[0];
  return (
    <div class="test-writing" role="group" aria-label={test ? `Change the test ${test.properties.displayName}` : "New test"}>
      {kept && <p class="quiet">Your changes were kept in this browser.</p>}
      {brought && !kept && (
        <p class="quiet" role="status">
          {counted(brought.rows.length, "row")} of {brought.table} from your query {brought.rows.length === 1 ? "is" : "are"} in it.
        </p>
      )}
      {brought && kept && (
        <div class="stale" role="alert">
          <p>You had begun a new test of this rule already: it is shown below. The {counted(brought.rows.length, "row")} of {brought.table} that you came with {brought.rows.length === 1 ? "is" : "are"} not in it.</p>
          {[
            { title: "Add them to it", into: text },
            { title: "Begin anew with them", into: stored },
          ].map(({ title, into }) => (
            <button
              key={title}
              type="button"
              onClick={() => {
                take(brought, into);
                setBrought(undefined);
              }}
            >
              {title}
            </button>
          ))}
          <button type="button" onClick={() => setBrought(undefined)}>
            Leave them
          </button>
        </div>
      )}
      <div class="rule-editor">
        <Editor
          id="test"
          label="The test as YAML"
          language="yaml"
          text={text}
          turn={turn}
          faults={faults}
          change={type}
          handle={(h) => {
            handle.current = h;
          }}
        />
      </div>
      {findings && findings.length > 0 && (
        <ul class="faults">
          {findings.map((f, i) => (
            <li key={i}>
              <button type="button" class="plain place" onClick={() => handle.current?.reveal(f.line, f.column)}>
                Line {f.line}, column {f.column}
              </button>{" "}
              <span class="level error">error</span> {quoted(f.message)}
              {f.help && <span class="quiet"> – {quoted(f.help)}</span>}
            </li>
          ))}
        </ul>
      )}
      {refused && (
        <p class="page-wrong" role="alert">
          {quoted(refused)}
        </p>
      )}
      {stale && (
        <div class="stale" role="alert">
          <p>{test ? "Somebody else has changed the test since you opened it. What you wrote is still here." : "A test of this name is there already. What you wrote is still here."}</p>
          {test && (
            <button type="button" onClick={() => void overwrite()}>
              Save mine over theirs
            </button>
          )}
        </div>
      )}
      <div class="object-work">
        <button type="button" class="main" disabled={busy !== "" || findings === undefined || findings.length > 0} onClick={() => void save(etag.current)}>
          Save the test
        </button>
        <button type="button" disabled={busy !== "" || findings === undefined || findings.length > 0} onClick={() => void attempt()}>
          Try it
        </button>
        <button type="button" disabled={busy !== ""} onClick={discard}>
          {text === stored ? "Close" : "Discard changes"}
        </button>
        {test && !sure && (
          <button type="button" disabled={busy !== ""} onClick={() => setSure(true)}>
            Delete the test
          </button>
        )}
        {sure && (
          <button type="button" class="danger" disabled={busy !== ""} onClick={() => void remove()}>
            Delete it for good
          </button>
        )}
        <span class="quiet" role="status">
          {busy || (findings === undefined ? "Checking …" : findings.length ? counted(findings.length, "fault") : "Nothing is wrong")}
        </span>
      </div>
      {came && (
        <div class="test-tried" role="status">
          <p>
            <span class={`test-mark ${came.passed ? "well" : "wrong"}`}>{came.passed ? "passed" : "failed"}</span> {duration(came.seconds)}, {counted(came.alertCount, "alert")} of {counted(came.rowCount, "row")}
            {outcome?.of !== text && <span class="quiet">; the test has been changed since</span>}
          </p>
          {!came.passed && <Came ran={came} />}
        </div>
      )}
      <FromTheLake where={where} query={rule.properties.query} take={(table, rows, newest) => take({ table, rows, newest }, text)} />
      <p class="quiet rule-hint">
        Rows are in <code>events</code>, by their table; a time may be an offset from <code>clock</code>, such as <code>-10m</code>. Of an alert that is expected any of title, severity, tactics, techniques, entities and details can be
        said; <code>expect: nothing</code> where the rule must stay quiet. A test holds its own rows and nothing else.
      </p>
    </div>
  );
}

/** A rule as it is written: without what only the server says. */
function bare(rule: Rule): Rule["properties"] {
  const { lastModifiedUtc: _, ...properties } = rule.properties;
  return properties;
}

function named(title: string, taken: string[]): string {
  const plain = title.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 80) || "test";
  let name = plain;
  for (let n = 2; taken.includes(name); n += 1) name = `${plain}-${n}`;
  return name;
}

function marked(findings: readonly Finding[], text: string): Fault[] {
  const lines = text.split("\n");
  return findings.map((f) => {
    const rest = (lines[f.line - 1] ?? "").slice(f.column - 1);
    return { level: f.level, message: f.message, help: f.help ?? "", place: { line: f.line, column: f.column, text: /^(?:[\w.]+|\S)/.exec(rest)?.[0] ?? "" } };
  });
}
