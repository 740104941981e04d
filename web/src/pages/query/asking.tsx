// A question in plain words, and the query that was drafted for it. It is taken into a tab, and run there by whoever wants to.

import { useEffect, useRef, useState } from "preact/hooks";
import { why } from "../../api/door";
import { ask, type Answered } from "../../api/explanations";
import { quoted } from "../../parts/sentences";
import { count, size } from "../../parts/values";
import { Findings, Steps } from "./explained";

interface Props {
  take: (query: string, title: string) => void;
  close: () => void;
}

export function Asking({ take, close }: Props) {
  const [question, setQuestion] = useState("");
  const [answer, setAnswer] = useState<Answered | undefined>();
  const [wrong, setWrong] = useState("");
  const [busy, setBusy] = useState(false);
  const turn = useRef(0);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const draft = async (asked: string, table = "") => {
    if (!asked.trim()) return;
    const mine = ++turn.current;
    setBusy(true);
    setWrong("");
    try {
      const drafted = await ask(asked.trim(), table);
      if (mine === turn.current) setAnswer(drafted);
    } catch (error) {
      if (mine !== turn.current) return;
      setAnswer(undefined);
      setWrong(why(error));
    } finally {
      if (mine === turn.current) setBusy(false);
    }
  };
  return (
    <section class="asking" aria-label="Ask in plain words">
      <form
        onSubmit={(e) => {
          e.preventDefault();
          void draft(question);
        }}
      >
        <input
          type="search"
          aria-label="Question"
          placeholder="failed sign-ins from outside Germany in the last 3 days, by user"
          maxLength={2000}
          ref={field}
          value={question}
          onInput={(e) => setQuestion(e.currentTarget.value)}
        />
        <button type="submit" disabled={busy || !question.trim()}>
          {busy ? "Drafting …" : "Draft a query"}
        </button>
        <button type="button" class="plain" aria-label="Close" onClick={close}>
          ✕
        </button>
      </form>
      {wrong && (
        <p class="wrong" role="alert">
          {quoted(wrong)}
        </p>
      )}
      {answer && (
        <div class="asking-answer" aria-live="polite">
          <div>
            <pre tabIndex={0}>{answer.query}</pre>
            <p>
              <button type="button" class="main" onClick={() => take(answer.query, answer.question.slice(0, 40))}>
                Take it into a tab
              </button>
              <label>
                {" "}
                Over{" "}
                <select value={answer.table} onChange={(e) => void draft(answer.question, e.currentTarget.value)}>
                  {answer.tables.map((t) => (
                    <option key={t.name}>{t.name}</option>
                  ))}
                  {!answer.tables.some((t) => t.name === answer.table) && <option>{answer.table}</option>}
                </select>
              </label>
            </p>
            <p class="quiet">
              {answer.maker === "model" ? "Drafted by the language model, and checked." : "Drafted by rules, without a language model."} {answer.remark}
              {answer.proof.cost && ` It would read at most ${count(answer.proof.cost.rows)} rows, ${size(answer.proof.cost.bytes)}.`} It hasn't run.
            </p>
          </div>
          <div>
            {answer.notUnderstood.length > 0 && (
              <p class="asking-unused">
                Not in the query: {answer.notUnderstood.map((word) => `“${word}”`).join(", ")}
              </p>
            )}
            <h2>What it does</h2>
            <Steps steps={answer.explanation} />
            <h2>Findings</h2>
            <Findings findings={answer.proof.findings.filter((f) => f.level !== "note")} none="None." />
          </div>
        </div>
      )}
    </section>
  );
}
