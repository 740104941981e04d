// From a hunt that has found something to a rule: what it would have told, the rule that is made of it, and who enables it.

import { useEffect, useRef, useState } from "preact/hooks";
import type { Hunt, Version } from "../../api/hunting";
import * as api from "../../api/promotions";
import type { Backtest, Promotion, Trial } from "../../api/promotions";
import { attempt } from "../../parts/attempt";
import { List, type ListColumn } from "../../parts/list";
import { useLoaded } from "../../parts/load";
import { quoted } from "../../parts/sentences";
import { count, counted } from "../../parts/values";
import { When } from "../../parts/when";
import { Link } from "../../shell/router";
import { isMe, may } from "../../shell/session";
import { alike, areByMe } from "./authors";

/** Days of history that it may be tried over. */
const SPANS = [30, 60, 90, 180, 365];
/** The states in which what runs of a hunt may become a rule. */
const READY = ["scheduled", "findings", "no_findings"];
/** Settings that are shown before all are asked for. */
const FEW = 12;

interface Props {
  hunt: Hunt;
  versions: readonly Version[];
  again: () => void;
}

export function Promoting({ hunt, versions, again }: Props) {
  const { name, properties: p } = hunt;
  const tested = useLoaded(() => api.backtest(name), [name]);
  const made = useLoaded(() => api.promotion(name), [name]);
  const wrong = tested.wrong || made.wrong;
  if (wrong) return <p class="page-wrong">What it would be as a rule can't be read: {quoted(wrong)}</p>;
  if (tested.value === undefined || made.value === undefined) return <p class="quiet">Reading what it would be as a rule …</p>;
  const changed = () => {
    made.again();
    again();
  };
  const isReady = READY.includes(p.runnableState ?? "");
  return (
    <>
      {made.value && <Made hunt={name} promotion={made.value} versions={versions} changed={changed} />}
      {!made.value && !isReady && <p class="empty">Once it is approved and scheduled it can be tried as a rule.</p>}
      {isReady && may("hunt") && <Try hunt={name} took={tested.set} />}
      {tested.value && <Tested key={tested.value.properties.madeTimeUtc} hunt={hunt} versions={versions} backtest={tested.value} isReady={isReady} changed={changed} />}
      {!tested.value && isReady && !may("hunt") && <p class="empty">It wasn't tried as a rule yet. A person with the right to hunt does that.</p>}
    </>
  );
}

function Try({ hunt, took }: { hunt: string; took: (tested: Backtest) => void }) {
  const [days, setDays] = useState(SPANS[0] ?? 0);
  const [often, setOften] = useState("");
  const [progress, setProgress] = useState<api.Progress | undefined>();
  const abort = useRef<AbortController | undefined>(undefined);
  const [busy, setBusy] = useState(false);
  useEffect(() => () => abort.current?.abort(), []);
  const test = async (event: SubmitEvent) => {
    event.preventDefault();
    const mine = new AbortController();
    abort.current = mine;
    setBusy(true);
    await attempt(async () => {
      try {
        const tested = await api.tried(hunt, { days, ...(often ? { frequencies: [often] } : {}) }, setProgress, mine.signal);
        took(tested);
        return `${counted(tested.properties.trials.length, "setting")} tried`;
      } catch (error) {
        if (mine.signal.aborted) return "It was ended before all was tried";
        throw error;
      }
    });
    setBusy(false);
    setProgress(undefined);
  };
  return (
    <form class="deciding hunt-try" onSubmit={(e) => void test(e)}>
      <label>
        Over{" "}
        <select value={days} onChange={(e) => setDays(Number(e.currentTarget.value))}>
          {SPANS.map((n) => (
            <option key={n} value={n}>
              {n} days
            </option>
          ))}
        </select>
      </label>
      <label>
        run{" "}
        <select aria-label="How often it would run" value={often} onChange={(e) => setOften(e.currentTarget.value)}>
          <option value="">each hour, each 6 hours and each day</option>
          <option value="PT1H">each hour</option>
          <option value="PT6H">each 6 hours</option>
          <option value="P1D">each day</option>
        </select>
      </label>
      {busy ? (
        <>
          <progress aria-label="Windows that were looked at" max={progress?.windows ?? 1} {...(progress ? { value: progress.windowsDone } : {})} />
          <span>{progress ? `${count(progress.windowsDone)} of ${counted(progress.windows, "window")}` : "Planning its windows …"}</span>
          <button type="button" onClick={() => abort.current?.abort()}>
            Stop
          </button>
        </>
      ) : (
        <button type="submit">Try it as a rule</button>
      )}
      <span class="quiet">It is replayed over what lies in the lake; no alert is raised.</span>
    </form>
  );
}

interface TestedProps {
  hunt: Hunt;
  versions: readonly Version[];
  backtest: Backtest;
  isReady: boolean;
  changed: () => void;
}

interface Placed extends Trial {
  place: number;
}

function Tested({ hunt, versions, backtest: { properties: b }, isReady, changed }: TestedProps) {
  const [chosen, setChosen] = useState<number | null>(b.recommended);
  const [all, setAll] = useState(false);
  const loses = (trial: Trial) => trial.truePositivesKept < b.truePositives || trial.failedRuns > 0;
  const rank = (trial: Placed) => (trial.place === b.recommended ? -1 : Number(loses(trial)));
  const placed = b.trials.map((trial, place) => ({ ...trial, place })).sort((x, y) => rank(x) - rank(y) || x.alerts - y.alerts);
  // A version that was made as this one was has the same content, and needs no other trial.
  const isOther = b.contentHash !== contentOf(versions, hunt.properties.runnableVersion);
  const found = (hunt.properties.runsWithFindings ?? 0) > 0;
  const canPromote = isReady && may("hunt") && !isOther && found;
  const columns: ListColumn<Placed>[] = [
    {
      title: "Setting",
      look: "wide",
      cell: (t) => (
        <label>
          {canPromote && <input type="radio" name="trial" checked={t.place === chosen} disabled={loses(t)} onChange={() => setChosen(t.place)} />} {t.setting}{" "}
          {t.place === b.recommended && <span class="tag">recommended</span>}
        </label>
      ),
    },
    { title: "Alerts a day", look: "number", by: (t) => t.alertsADay, cell: (t) => t.alertsADay.toFixed(2) },
    { title: "Alerts", look: "number", by: (t) => t.alerts, cell: (t) => count(t.alerts) },
    { title: "Entities", look: "number", by: (t) => t.entities, cell: (t) => count(t.entities) },
    { title: "Kept", look: "number", by: (t) => t.truePositivesKept, down: true, cell: (t) => `${t.truePositivesKept} of ${b.truePositives}` },
    { title: "False", look: "number", by: (t) => t.falseAlerts, cell: (t) => count(t.falseAlerts) },
    { title: "Silent", look: "number", by: (t) => t.suppressedRuns, cell: (t) => count(t.suppressedRuns) },
    { title: "Failed", look: "number", by: (t) => t.failedRuns, cell: (t) => count(t.failedRuns) },
  ];
  return (
    <>
      <h2>What it would have told</h2>
      <p>
        Version {b.version}, from {b.startTimeUtc.slice(0, 10)} to {b.endTimeUtc.slice(0, 10)}, tried <When at={b.madeTimeUtc} />
        {" · "}
        {counted(b.truePositives, "true positive")} known, which a rule has to keep
      </p>
      {isReady && isOther && <p class="page-wrong">Another version runs now: try it again.</p>}
      {b.remarks.map((remark) => (
        <p key={remark} class="quiet">
          {remark}
        </p>
      ))}
      {b.failure && <p class="wrong">{b.failure}</p>}
      <div class="sample" tabIndex={0} role="region" aria-label="Settings that were tried">
        <List label="Settings" rows={placed} of={(t) => String(t.place)} columns={columns} most={all ? Infinity : FEW} />
      </div>
      <p class="quiet">
        Kept: known true positives that some alert is about. False: alerts that are only about what is known to be harmless. Silent: runs after an alert that raise none. Failed: windows without an answer.
      </p>
      {!all && placed.length > FEW && (
        <button type="button" class="plain" onClick={() => setAll(true)}>
          Show all {count(placed.length)} settings
        </button>
      )}
      {b.overlaps.length > 0 && (
        <>
          <h2>Rules that tell of the same</h2>
          <ul class="entries">
            {b.overlaps.map((o) => (
              <li key={o.rule}>
                <Link to={`/detections/${encodeURIComponent(o.rule)}`}>{o.title}</Link>: {count(o.sharedEntities)} of the same entities
              </li>
            ))}
          </ul>
        </>
      )}
      {canPromote && <Promote hunt={hunt.name} trial={chosen} changed={changed} />}
      {isReady && may("hunt") && !found && <p class="quiet">It has found nothing yet: only a hunt that has found something becomes a rule.</p>}
    </>
  );
}

function Promote({ hunt, trial, changed }: { hunt: string; trial: number | null; changed: () => void }) {
  const [comment, setComment] = useState("");
  const [busy, setBusy] = useState(false);
  const promote = async (event: SubmitEvent) => {
    event.preventDefault();
    if (trial === null) return;
    setBusy(true);
    const done = await attempt(async () => {
      await api.promote(hunt, trial, comment);
      return "A rule was made of it; it is disabled until somebody else enables it";
    });
    setBusy(false);
    if (done) changed();
  };
  return (
    <form class="deciding" onSubmit={(e) => void promote(e)}>
      <input aria-label="Why it becomes a rule" placeholder="Why it becomes a rule" value={comment} onInput={(e) => setComment(e.currentTarget.value)} />
      <button type="submit" class="main" disabled={busy || trial === null || !comment.trim()}>
        Make a rule of it
      </button>
      <span class="quiet">The hunt stops; the rule is disabled until somebody else enables it.</span>
    </form>
  );
}

interface MadeProps {
  hunt: string;
  promotion: Promotion;
  versions: readonly Version[];
  changed: () => void;
}

function Made({ hunt, promotion: { properties: m }, versions, changed }: MadeProps) {
  return (
    <>
      <p>
        <Link to={`/detections/${encodeURIComponent(m.rule)}`}>Its rule</Link> was made of version {m.version} by {m.promotedBy.name} <When at={m.promotedTimeUtc} />: {m.setting};{" "}
        {m.alertsADay.toFixed(2)} alerts a day. “{m.comment}”
      </p>
      {m.enabledTimeUtc ? (
        <p>
          {m.enabledBy?.name} enabled it <When at={m.enabledTimeUtc} />. “{m.approval}”
        </p>
      ) : (
        <Enable hunt={hunt} isMine={isMe(m.promotedBy.objectId, m.promotedBy.name) || areByMe(alike(versions, contentOf(versions, m.version)))} changed={changed} />
      )}
    </>
  );
}

/** Of what version the content is. */
function contentOf(versions: readonly Version[], version: number | undefined): string | undefined {
  return versions.find((v) => v.properties.version === version)?.properties.contentHash;
}

function Enable({ hunt, isMine, changed }: { hunt: string; isMine: boolean; changed: () => void }) {
  const [comment, setComment] = useState("");
  const other = "else with the right to approve hunts enables the rule.";
  if (!may("approve hunts")) return <p class="quiet">A person with the right to approve hunts enables the rule.</p>;
  if (isMine) return <p class="quiet">You promoted or wrote it: somebody {other}</p>;
  const enable = async (event: SubmitEvent) => {
    event.preventDefault();
    const done = await attempt(async () => {
      await api.enable(hunt, comment);
      return "The rule runs";
    });
    if (done) changed();
  };
  return (
    <form class="deciding" onSubmit={(e) => void enable(e)}>
      <input aria-label="Why its rule is enabled" placeholder="Why" value={comment} onInput={(e) => setComment(e.currentTarget.value)} />
      <button type="submit" class="main" disabled={!comment.trim()}>
        Enable the rule
      </button>
    </form>
  );
}
