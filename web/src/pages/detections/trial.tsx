// What a rule would have told, before anybody stores it.

import { useEffect, useRef, useState } from "preact/hooks";
import { why as said } from "../../api/door";
import * as api from "../../api/drafts";
import type { Progress, Properties, Trial } from "../../api/drafts";
import { Bars } from "../../parts/bars";
import { count, duration, time } from "../../parts/values";
import { Link } from "../../shell/router";
import type { Drafting } from "./drafting";

const DAYS = [1, 3, 7, 14, 30];

type State =
  | { at: "rest" }
  | { at: "running"; days: number; progress?: Progress }
  | { at: "wrong"; why: string }
  | { at: "done"; days: number; trial: Trial; of: Properties; kind: string };

/** `id` is that of a stored rule. */
export function BackTest({ drafting, id }: { drafting: Drafting; id: string | undefined }) {
  const [days, setDays] = useState(14);
  const [state, setState] = useState<State>({ at: "rest" });
  const abort = useRef<AbortController | undefined>(undefined);
  useEffect(() => () => abort.current?.abort(), []);

  const run = async () => {
    abort.current?.abort();
    const mine = new AbortController();
    abort.current = mine;
    setState({ at: "running", days });
    try {
      await drafting.settled();
      const [rule, kind] = [drafting.rule.value, drafting.kind.value];
      if (!drafting.readable.value) throw new Error("The YAML can't be read: mend it first.");
      const asked = { kind, rule, days, name: drafting.name.value || "draft" };
      const trial = await api.backtest(asked, (progress) => mine === abort.current && setState({ at: "running", days, progress }), mine.signal);
      if (mine.signal.aborted) return;
      setState({ at: "done", days, trial, of: rule, kind });
    } catch (error) {
      if (mine.signal.aborted) return;
      setState({ at: "wrong", why: said(error) });
    }
  };
  const stop = () => {
    abort.current?.abort();
    setState({ at: "rest" });
  };
  const isOld = state.at === "done" && (state.of !== drafting.rule.value || state.kind !== drafting.kind.value);
  return (
    <section class="trial" aria-label="Back-test">
      <header>
        <h2>Back-test</h2>
        <label>
          Over the last{" "}
          <select value={days} onChange={(e) => setDays(Number(e.currentTarget.value))}>
            {DAYS.map((d) => (
              <option key={d} value={d}>
                {d === 1 ? "day" : `${d} days`}
              </option>
            ))}
          </select>
        </label>
        {state.at === "running" ? (
          <button type="button" onClick={stop}>
            Cancel
          </button>
        ) : (
          <button type="button" onClick={() => void run()}>
            Try it
          </button>
        )}
        <span role="status" class="quiet">
          {state.at === "running" && told(state.days, state.progress)}
          {isOld && "The rule has changed since."}
        </span>
      </header>
      {state.at === "rest" && <p class="quiet">What the rule would have told, had it run then. Nothing is kept, and no incident is made.</p>}
      {state.at === "running" && state.progress && <progress aria-label="Windows looked at" value={state.progress.windowsDone} max={state.progress.windows} />}
      {state.at === "wrong" && (
        <p class="page-wrong" role="alert">
          {state.why}
        </p>
      )}
      {state.at === "done" && <Told trial={state.trial} days={state.days} id={id} />}
    </section>
  );
}

function told(days: number, progress: Progress | undefined): string {
  const over = days === 1 ? "the last day" : `the last ${days} days`;
  return progress ? `Looked at ${count(progress.windowsDone)} of ${count(progress.windows)} windows of ${over} …` : `Looking which windows of ${over} hold anything …`;
}

function Told({ trial: t, days, id }: { trial: Trial; days: number; id: string | undefined }) {
  const failed = t.failures.reduce((sum, f) => sum + f.windows, 0);
  return (
    <>
      <p class="trial-sum">
        <strong>{t.alerts === 1 ? "1 alert" : `${count(t.alerts)} alerts`}</strong> in {days === 1 ? "a day" : `${days} days`}, {t.incidents === 1 ? "1 incident" : `${count(t.incidents)} incidents`}
        {t.suppressed > 0 && `; ${count(t.suppressed)} runs suppressed`}
        {failed > 0 && <span class="wrong">; {count(failed)} runs failed</span>}
        {t.abandoned > 0 && <span class="wrong">, {count(t.abandoned)} given up</span>}
        <span class="quiet">
          {" "}
          · {count(t.windows)} windows, {count(t.runs)} of which hold something to look at · {duration(t.seconds)}
        </span>
      </p>
      {t.failures.length > 0 && (
        <ul class="faults">
          {t.failures.map((f) => (
            <li key={f.reason}>
              <span class="level error">{count(f.windows)} ×</span> {f.reason}
            </li>
          ))}
        </ul>
      )}
      {t.alerts > 0 ? (
        <Bars title="Alerts by day" bars={t.byDay.map((d) => ({ name: d.day, value: d.alerts }))} />
      ) : (
        <p class="quiet">{failed ? "It told nothing, since it failed." : "It would have told nothing. Is the data there, and is the time long enough?"}</p>
      )}
      {t.alerts > 0 && (
        <div class="trial-parts">
          <div>
            <h3>Most often about</h3>
            {!t.entities.length && <p class="quiet">Nothing: no entity is mapped, or its columns are empty.</p>}
            <ul class="entries" tabIndex={0} aria-label="Entities">
              {t.entities.map((e) => (
                <li key={e.entity}>
                  {e.entity} <span class="quiet">{e.alerts === 1 ? "1 alert" : `${count(e.alerts)} alerts`}</span>
                </li>
              ))}
            </ul>
          </div>
          <div>
            <h3>{t.alerts > t.samples.length ? `The last ${t.samples.length} alerts` : "The alerts"}</h3>
            <ul class="entries" tabIndex={0} aria-label="Alerts">
              {t.samples.map((s, i) => (
                <li key={i}>
                  <span class={`severity ${s.severity}`}>{s.title}</span>
                  <br />
                  <span class="quiet">
                    {s.startTimeUtc && time(s.startTimeUtc)} {s.entities.join(", ")}
                  </span>
                  {id && s.startTimeUtc && (
                    <>
                      {" "}
                      <Link to={`/detections/${encodeURIComponent(id)}?new-test&since=${encodeURIComponent(s.startTimeUtc)}&until=${encodeURIComponent(s.endTimeUtc ?? s.startTimeUtc)}`}>Make a test of its rows</Link>
                    </>
                  )}
                </li>
              ))}
            </ul>
          </div>
          <div>
            <h3>Rules that tell of the same</h3>
            {t.overlaps === null && <p class="quiet">Too many alerts are stored to be compared with.</p>}
            {t.overlaps?.length === 0 && <p class="quiet">None has told of these entities in that time.</p>}
            <ul class="entries" tabIndex={0} aria-label="Rules">
              {t.overlaps?.map((o) => (
                <li key={o.rule}>
                  <Link to={`/detections/${o.rule}`}>{o.title}</Link> <span class="quiet">{o.sharedEntities === 1 ? "1 entity" : `${count(o.sharedEntities)} entities`}</span>
                </li>
              ))}
            </ul>
          </div>
        </div>
      )}
    </>
  );
}
