// The tests of a rule: what came of each when it was last run.

import { useEffect, useRef, useState } from "preact/hooks";
import { why } from "../../api/door";
import { file } from "../../api/drafts";
import * as api from "../../api/rule_tests";
import type { Progress, RuleTest, TestRun } from "../../api/rule_tests";
import type { Rule } from "../../api/rules";
import { attempt } from "../../parts/attempt";
import { useLoaded } from "../../parts/load";
import { save } from "../../parts/save";
import { quoted } from "../../parts/sentences";
import { counted, duration } from "../../parts/values";
import { When } from "../../parts/when";
import { offer } from "../../shell/commands";
import { Link, go, place } from "../../shell/router";
import { may } from "../../shell/session";
import { tell } from "../../shell/toasts";
import { Came } from "./test_came";
import { TestEditor } from "./test_editor";

type State = { at: "rest" } | { at: "running"; progress?: Progress } | { at: "wrong"; why: string };

export function Tests({ rule }: { rule: Rule }) {
  const found = useLoaded(() => api.tests(rule.name), [rule.name, rule.etag]);
  const [state, setState] = useState<State>({ at: "rest" });
  const abort = useRef<AbortController | undefined>(undefined);
  const box = useRef<HTMLElement>(null);
  const mine = may("author");
  const here = `/detections/${encodeURIComponent(rule.name)}`;
  const { query } = place.value;
  const named = query.get("test");
  const isNew = mine && query.has("new-test");
  const opened = isNew ? undefined : found.value?.find((t) => t.name === named);
  useEffect(() => () => abort.current?.abort(), []);
  useEffect(() => {
    if (named || isNew) box.current?.scrollIntoView({ block: "start" });
  }, [named, isNew, found.value === undefined]);

  const run = async (names?: string[]) => {
    abort.current?.abort();
    const own = new AbortController();
    abort.current = own;
    setState({ at: "running" });
    try {
      const outcome = await api.run(rule.name, names, (progress) => own === abort.current && setState({ at: "running", progress }), own.signal);
      if (own.signal.aborted) return;
      setState({ at: "rest" });
      tell(outcome.failed ? `${outcome.failed} of ${counted(outcome.tests.length, "test")} failed` : `${counted(outcome.passed, "test")} passed`, { wrong: outcome.failed > 0 });
    } catch (error) {
      if (!own.signal.aborted) setState({ at: "wrong", why: why(error) });
    }
    found.again();
  };
  const stop = () => {
    abort.current?.abort();
    setState({ at: "rest" });
    found.again();
  };
  const write = () => go(`${here}?new-test`);
  const running = useRef(run);
  running.current = run;
  useEffect(
    () =>
      mine
        ? offer([
            { title: "Run the rule's tests", run: () => void running.current() },
            { title: "New test of the rule", run: write },
          ])
        : undefined,
    [here, mine],
  );
  const close = () => go(here, { replace: true });
  const tests = found.value;
  return (
    <section class="rule-tests" aria-label="Tests" ref={box}>
      <header>
        <h2>Tests</h2>
        {mine && tests && tests.length > 0 && (
          <>
            {state.at === "running" ? (
              <button type="button" onClick={stop}>
                Cancel
              </button>
            ) : (
              <button type="button" onClick={() => void run()}>
                Run all
              </button>
            )}
          </>
        )}
        {mine && tests && (
          <button type="button" onClick={write}>
            New test
          </button>
        )}
        {tests && tests.length > 0 && (
          <button type="button" class="plain" onClick={() => void download(rule.name)}>
            Download
          </button>
        )}
        <span class="quiet" role="status">
          {state.at === "running" ? going(state.progress) : tests?.length ? summed(tests) : ""}
        </span>
      </header>
      {found.wrong && <p class="page-wrong">The tests can't be read: {quoted(found.wrong)}</p>}
      {!tests && !found.wrong && <p class="quiet">Reading the tests …</p>}
      {state.at === "wrong" && (
        <p class="page-wrong" role="alert">
          The tests can't be run: {quoted(state.why)}
        </p>
      )}
      {tests?.length === 0 && !isNew && (
        <p class="quiet">
          No test yet. A test holds rows of its own and says which alerts they must raise, or that they raise none.{" "}
          {mine && (
            <>
              <Link to={`${here}?new-test`}>Write one</Link> in which the rule fires, and one in which ordinary business looks like it.
            </>
          )}
        </p>
      )}
      {tests && named && !isNew && !opened && (
        <p class="page-wrong" role="alert">
          The rule has no test of the name {named} any more.
        </p>
      )}
      {tests && isNew && <TestEditor key="new" rule={rule} taken={tests.map((t) => t.name)} changed={found.again} close={close} />}
      {tests && tests.length > 0 && (
        <ul class="entries tests">
          {tests.map((test) => (
            <li key={test.name} class={test === opened ? "opened" : ""}>
              <div class="test-head">
                <Mark test={test} />
                <Link to={`${here}?test=${encodeURIComponent(test.name)}`} aria-current={test === opened ? "page" : undefined}>
                  {test.properties.displayName}
                </Link>
                <span class="quiet">{test.properties.lastRun && <Ran ran={test.properties.lastRun} />}</span>
                {mine && (
                  <button type="button" aria-label={`Run ${test.properties.displayName}`} disabled={state.at === "running"} onClick={() => void run([test.name])}>
                    Run
                  </button>
                )}
              </div>
              {test.properties.lastRun && !test.properties.lastRun.passed && <Came ran={test.properties.lastRun} />}
              {test === opened && mine && <TestEditor key={test.name} rule={rule} test={test} taken={[]} changed={found.again} close={close} />}
              {test === opened && !mine && <pre class="code" tabIndex={0} role="region" aria-label="The test">{test.properties.text}</pre>}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

/** Gives a person the file of a rule's tests, which lies beside the rule's. */
function download(rule: string): Promise<boolean> {
  return attempt(async () => {
    const { tests } = await file(rule);
    const name = `${rule.replace(/[^\w.-]+/g, "-")}.test.yaml`;
    save(name, "application/yaml", [tests ?? ""]);
    return `${name} is saved`;
  });
}

function going(progress: Progress | undefined): string {
  return progress ? `Running test ${Math.min(progress.testsDone + 1, progress.tests)} of ${progress.tests} …` : "Running the tests …";
}

function summed(tests: RuleTest[]): string {
  const runs = tests.map((t) => t.properties.lastRun).filter((r) => r?.isCurrent);
  const passed = runs.filter((r) => r?.passed).length;
  const unknown = tests.length - runs.length;
  return [passed && `${passed} passed`, runs.length - passed && `${runs.length - passed} failed`, unknown && `${unknown} not run as the rule is now`].filter(Boolean).join(", ");
}

function Mark({ test }: { test: RuleTest }) {
  const ran = test.properties.lastRun;
  if (!ran) return <span class="test-mark quiet">not run</span>;
  const word = ran.passed ? "passed" : "failed";
  if (!ran.isCurrent) return <span class="test-mark quiet" title="The rule has been changed since.">{`${word} before`}</span>;
  return <span class={`test-mark ${ran.passed ? "well" : "wrong"}`}>{word}</span>;
}

function Ran({ ran }: { ran: TestRun & { isCurrent: boolean } }) {
  return (
    <>
      <When at={ran.timeUtc} />, {duration(ran.seconds)}, {counted(ran.alertCount, "alert")}
      {!ran.isCurrent && "; the rule has been changed since"}
    </>
  );
}
