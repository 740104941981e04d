// A rule that is being written: a form, the YAML beside it, and what it would have told.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { ApiError, why } from "../../api/door";
import * as api from "../../api/drafts";
import * as kusto from "../../api/kusto";
import * as tests from "../../api/rule_tests";
import type { Outcome } from "../../api/rule_tests";
import * as rules from "../../api/rules";
import type { EditorHandle, Fault } from "../../parts/editing";
import { Editor } from "../../parts/editor";
import { useLoaded } from "../../parts/load";
import { quoted } from "../../parts/sentences";
import { Unread } from "../../parts/unread";
import { counted } from "../../parts/values";
import { When } from "../../parts/when";
import { offer } from "../../shell/commands";
import { Link, go } from "../../shell/router";
import { workspace } from "../../shell/session";
import { shared } from "../query/share";
import { tell } from "../../shell/toasts";
import { Drafting, NEW } from "./drafting";
import { RuleForm } from "./form";
import { Came } from "./test_came";
import { BackTest } from "./trial";

/** The code of what a rule has to say and doesn't. */
const MISSING = "RF004";

/** `id` is that of a stored rule; without one it is a new rule. */
export function WriteRule({ id }: { id?: string }) {
  const where = workspace.value?.name ?? "";
  const drafting = useMemo(() => new Drafting(`rule draft ${where} ${id ?? ""}`), [where, id]);
  const [begun, setBegun] = useState(false);
  const [wrong, setWrong] = useState("");
  const [missing, setMissing] = useState(false);
  const [brought, setBrought] = useState("");
  const schema = useLoaded(() => kusto.schema(where), [where]);
  const begin = () => {
    setBegun(false);
    setWrong("");
    drafting.begin(() => (id ? stored(id) : fresh())).then(
      () => {
        const query = id ? undefined : shared();
        if (query && drafting.restored.value) setBrought(query);
        else if (query) drafting.change({ query });
        setBegun(true);
      },
      (error: unknown) => {
        setWrong(why(error));
        setMissing(error instanceof ApiError && error.status === 404);
      },
    );
  };
  useEffect(() => {
    begin();
    return () => drafting.dispose();
  }, [drafting]);
  if (wrong) return <Unread found={{ wrong, missing }} what="rule" to="/detections" all="All rules" />;
  if (!begun) return <p class="beginning">Reading the rule …</p>;
  const take = () => {
    drafting.forget();
    setBegun(false);
    setBrought("");
    drafting.begin(fresh).then(
      () => {
        drafting.change({ query: brought });
        setBegun(true);
      },
      (error: Error) => setWrong(error.message),
    );
  };
  return (
    <>
      {brought && (
        <div class="stale brought" role="alert">
          <p>You had begun a new rule already: it is shown below. The query that you came with is not in it.</p>
          <button type="button" onClick={take}>
            Begin anew with the query
          </button>
          <button type="button" onClick={() => setBrought("")}>
            Go on with this rule
          </button>
        </div>
      )}
      <Body drafting={drafting} id={id} schema={schema.value} again={begin} />
    </>
  );
}

async function stored(id: string): Promise<{ draft: api.Draft; etag?: string }> {
  // The version first: what is read after it is that one, or a later one, which storing will notice.
  const { etag } = await rules.rule(id);
  return { draft: await api.file(id), etag };
}

async function fresh(): Promise<{ draft: api.Draft }> {
  return { draft: await api.written({ text: "", kind: "Scheduled", rule: NEW, name: crypto.randomUUID() }) };
}

interface BodyProps {
  drafting: Drafting;
  id: string | undefined;
  schema: kusto.Schema | undefined;
  again: () => void;
}

function Body({ drafting, id, schema, again }: BodyProps) {
  const [busy, setBusy] = useState(false);
  const [stale, setStale] = useState(false);
  const [refused, setRefused] = useState("");
  /** Why its tests speak against storing the rule: what came of them, or why they couldn't be run. */
  const [against, setAgainst] = useState<Outcome | string | undefined>();
  const yaml = useRef<EditorHandle | undefined>(undefined);
  const findings = drafting.findings.value;
  const text = drafting.text.value;
  const faults = useMemo(() => inText(findings, text), [findings]);

  const save = async (etag: string | undefined, { whatever = false } = {}) => {
    setBusy(true);
    setRefused("");
    setAgainst(undefined);
    try {
      await drafting.settled();
      if (!drafting.readable.value) throw new Error("The YAML can't be read: mend it first.");
      const name = id ?? drafting.name.value;
      // What is wrong with the rule itself is told when it is stored.
      const isRight = drafting.findings.value.every((f) => f.level !== "error");
      const found = id && isRight && !whatever ? await proved(name, drafting) : undefined;
      if (found !== undefined) {
        setAgainst(found);
        setBusy(false);
        return;
      }
      const made = await api.store(name, drafting.kind.value, drafting.rule.value, etag);
      drafting.etag = made.etag;
      await api.keep(made.name, drafting.text.value).catch((error: Error) => tell(`The rule is stored, but the comments of its YAML aren't: ${error.message}`, { wrong: true }));
      drafting.forget();
      // Those that have just been tried count; whoever may not run the others doesn't, and that is told where they are.
      if (id) await runUnknown(made.name).catch(() => undefined);
      tell(id ? "The rule is stored" : "The rule is made");
      go(`/detections/${encodeURIComponent(made.name)}`);
    } catch (error) {
      if (error instanceof ApiError && error.status === 412) setStale(true);
      else setRefused(why(error));
    }
    setBusy(false);
  };
  const overwrite = async () => {
    setStale(false);
    const now = await rules.rule(id ?? drafting.name.value).catch(() => undefined);
    await save(now?.etag);
  };
  const saving = useRef(save);
  saving.current = save;
  useEffect(() => offer([{ title: "Save the rule", run: () => void saving.current(drafting.etag) }]), [drafting]);
  const discard = () => {
    drafting.forget();
    setStale(false);
    setRefused("");
    if (id) again();
    else go("/detections");
  };
  return (
    <article class="rule-writing">
      <header class="object-head">
        <p class="object-way">
          <Link to="/detections">Detections</Link>
          {id && (
            <>
              {" / "}
              <Link to={`/detections/${id}`}>{drafting.rule.value.displayName || id}</Link>
            </>
          )}
        </p>
        <h1>{id ? "Edit the rule" : "New rule"}</h1>
        <div class="object-work">
          <button type="button" class="main" disabled={busy} onClick={() => void save(drafting.etag)}>
            {busy ? "Testing and storing …" : id ? "Save" : "Save the rule"}
          </button>
          <button type="button" disabled={busy} onClick={discard}>
            {id ? "Discard changes" : "Discard"}
          </button>
          <span class="quiet" role="status">
            {drafting.checking.value ? "Checking …" : verdict(findings)}
          </span>
          {drafting.restored.value && (
            <span class="quiet">
              Your changes of <When at={drafting.unsaved.value} /> were kept in this browser.
            </span>
          )}
        </div>
        {stale && (
          <div class="stale" role="alert">
            <p>{id ? "Somebody else has changed the rule since you opened it. What you wrote is still here." : "A rule of this id is there already. What you wrote is still here."}</p>
            <button type="button" onClick={() => void overwrite()}>
              {id ? "Save mine over theirs" : "Save it in its place"}
            </button>
            <Link to={`/detections/${id ?? drafting.name.value}`}>See what is stored</Link>
          </div>
        )}
        {against !== undefined && (
          <div class="stale" role="alert">
            <p>
              {typeof against === "string" ? `The rule's tests can't be run: ${against}` : `${against.failed} of ${counted(against.tests.length, "test")} fail with the rule as it is written: ${against.tests.filter((t) => !t.passed).map((t) => t.displayName).join(", ")}.`}
            </p>
            <button type="button" disabled={busy} onClick={() => void save(drafting.etag, { whatever: true })}>
              Save all the same
            </button>
            {typeof against === "object" && (
              <button type="button" onClick={() => document.getElementById("tests-that-fail")?.scrollIntoView({ block: "center" })}>
                See what came
              </button>
            )}
          </div>
        )}
        {(refused || drafting.wrong.value) && (
          <p class="page-wrong" role="alert">
            {quoted(refused || drafting.wrong.value)}
          </p>
        )}
      </header>
      <div class="rule-sides">
        <div class="rule-side">
          {!drafting.readable.value && <p class="page-wrong">The YAML can't be read, so the form waits: it shows the rule as it was before.</p>}
          <fieldset class="rule-whole" disabled={!drafting.readable.value}>
            <legend class="visually-hidden">The rule as a form</legend>
            <RuleForm drafting={drafting} schema={schema} known={id !== undefined} />
          </fieldset>
        </div>
        <section class="rule-yaml" aria-label="The rule as YAML">
          <h2>YAML</h2>
          <div class="rule-editor">
            <Editor
              id="yaml"
              label="YAML"
              language="yaml"
              text={text}
              turn={drafting.textTurn.value}
              faults={faults}
              change={(t) => drafting.type(t)}
              handle={(h) => {
                yaml.current = h;
              }}
            />
          </div>
          {findings.length > 0 && (
            <ul class="faults">
              {findings.map((f, i) => (
                <li key={i}>
                  <button type="button" class="plain place" onClick={() => yaml.current?.reveal(f.line, f.column)}>
                    Line {f.line}, column {f.column}
                  </button>{" "}
                  <span class={`level ${f.level}`}>{f.level}</span> {quoted(f.message)}
                  {f.help && <span class="quiet"> – {quoted(f.help)}</span>}
                </li>
              ))}
            </ul>
          )}
          <p class="quiet rule-hint">
            The form of published rules. Comments, and what the form doesn't show, stay.
          </p>
        </section>
      </div>
      {typeof against === "object" && <FailedTests outcome={against} />}
      <BackTest drafting={drafting} id={id} />
    </article>
  );
}

/** Runs those tests of a rule of which nothing is known as it is now. */
async function runUnknown(name: string): Promise<void> {
  const unknown = (await tests.tests(name)).filter((t) => !t.properties.lastRun?.isCurrent);
  if (unknown.length) await tests.run(name, unknown.map((t) => t.name), () => {});
}

/** What speaks against a rule: tests of it that fail, or that can't be run. */
async function proved(name: string, drafting: Drafting): Promise<Outcome | string | undefined> {
  try {
    if (!(await tests.tests(name)).length) return undefined;
    const outcome = await tests.attempted({ kind: drafting.kind.value, rule: drafting.rule.value, name });
    return outcome.failed ? outcome : undefined;
  } catch (error) {
    // One who may not write rules is told so when the rule is stored.
    return error instanceof ApiError && [403, 404].includes(error.status) ? undefined : why(error);
  }
}

function FailedTests({ outcome }: { outcome: Outcome }) {
  return (
    <section class="trial" id="tests-that-fail" aria-label="Tests that fail">
      <h2>Tests that fail</h2>
      {outcome.tests
        .filter((t) => !t.passed)
        .map((t, i) => (
          <div key={i}>
            <h3>{t.displayName}</h3>
            <Came ran={t} />
          </div>
        ))}
    </section>
  );
}

/** What is to be said of a rule in a few words. */
function verdict(findings: readonly api.Finding[]): string {
  const errors = findings.filter((f) => f.level === "error");
  if (!errors.length) return "Nothing is wrong";
  if (errors.every((f) => f.code === MISSING && f.field)) return `Still missing: ${errors.map((f) => f.field).join(", ")}`;
  return errors.length === 1 ? "1 thing is wrong" : `${errors.length} things are wrong`;
}

function inText(findings: readonly api.Finding[], text: string): Fault[] {
  const lines = text.split("\n");
  return findings.map((f) => {
    const rest = (lines[f.line - 1] ?? "").slice(f.column - 1);
    return { level: f.level, message: f.message, help: f.help ?? "", place: { line: f.line, column: f.column, text: /^(?:[\w.]+|\S)/.exec(rest)?.[0] ?? "" } };
  });
}
