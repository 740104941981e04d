// What may be done with a hunt next.

import { useState } from "preact/hooks";
import * as api from "../../api/hunting";
import type { Hunt, Version } from "../../api/hunting";
import { attempt } from "../../parts/attempt";
import { save } from "../../parts/save";
import { may } from "../../shell/session";
import { alike, areByMe } from "./authors";

/** What a person with the right to hunt does with a hunt that waits for one. */
const NEXT: Record<string, string> = {
  draft: "proves it",
  validated: "proves it",
  dry_run_ok: "submits it for review",
  approved: "schedules it",
};

interface Props {
  hunt: Hunt;
  versions: readonly Version[];
  again: () => void;
}

export function Steps(props: Props) {
  const { state } = props.hunt.properties;
  const waits = state === "in_review";
  const decides = waits && may("approve hunts") && !isMine(props);
  const next = NEXT[state];
  const told = waits ? whoDecides(props) : !may("hunt") && next ? `A person with the right to hunt ${next}.` : "";
  if (!may("hunt") && !decides && !told) return null;
  return (
    <div class="object-work">
      {(may("hunt") || decides) && <Taken {...props} decides={decides} />}
      {told && <span class="quiet">{told}</span>}
    </div>
  );
}

/** Whether who is signed in wrote what is to be decided, or answers for it. */
function isMine({ hunt: { properties: p }, versions }: Props): boolean {
  return areByMe([p, ...alike(versions, p.contentHash)]);
}

/** Who decides about a hunt in review, where who is signed in may not, or not everything. */
function whoDecides(props: Props): string {
  const senior = props.hunt.properties.needsSenior;
  const other = `with the right to ${senior ? "lead" : "approve"} hunts`;
  if (!may("approve hunts")) return `A person ${other} decides.`;
  if (isMine(props)) return `You wrote it, or answer for it: somebody else ${other} decides.`;
  return senior && !may("lead hunts") ? `A model had a hand in it: a person ${other} approves it.` : "";
}

/** The steps themselves; `decides` where the person may decide about it. */
function Taken({ hunt, again, decides }: Props & { decides: boolean }) {
  const p = hunt.properties;
  const [why, setWhy] = useState("");
  const [busy, setBusy] = useState("");
  const [days, setDays] = useState("");
  const act = async (what: string, doing: () => Promise<unknown>, told: string) => {
    setBusy(what);
    const done = await attempt(async () => {
      await doing();
      return told;
    });
    if (done) setWhy("");
    setBusy("");
    again();
  };
  const step = (what: string, properties: object, told: string) => () => void act(what, () => api.step(hunt.name, what, properties), told);
  const running = ["scheduled", "findings", "no_findings"].includes(p.runnableState ?? "");
  const download = () =>
    attempt(async () => {
      const made = await api.pack(hunt.name);
      const file = `hunt-${hunt.name}.json`;
      save(file, "application/json", [JSON.stringify(made.package, null, 2)]);
      return `Saved ${file}`;
    });
  return (
    <>
      <input class="hunt-why" aria-label="Comment or reason" placeholder={decides ? "Why (needed to decide)" : "Comment or reason"} value={why} onInput={(e) => setWhy(e.currentTarget.value)} />
      {decides && (
        <>
          {(!p.needsSenior || may("lead hunts")) && (
            <button type="button" class="main" disabled={!!busy || !why.trim()} onClick={() => void act("approve", () => api.review(hunt, "approved", why), "Approved exactly this version")}>
              Approve exactly this
            </button>
          )}
          <button type="button" disabled={!!busy || !why.trim()} onClick={() => void act("changes", () => api.review(hunt, "changes_requested", why), "Sent back")}>
            Ask for changes
          </button>
          <button type="button" disabled={!!busy || !why.trim()} onClick={() => void act("reject", () => api.review(hunt, "rejected", why), "Rejected")}>
            Reject
          </button>
        </>
      )}
      {may("hunt") && (
        <>
          {["draft", "invalid", "validated", "dry_run_failed", "expired", "suspended"].includes(p.state) && (
            <button type="button" disabled={!!busy} onClick={step("prove", {}, "Proved")}>
              {busy === "prove" ? "Proving it …" : "Prove it"}
            </button>
          )}
          {p.state === "dry_run_ok" && (
            <button type="button" class="main" disabled={!!busy} onClick={step("submit", { comment: why }, "It waits for a decision")}>
              Submit for review
            </button>
          )}
          {p.state === "approved" && (
            <button type="button" class="main" disabled={!!busy} onClick={step("schedule", { comment: why }, "Scheduled")}>
              Schedule
            </button>
          )}
          {running && (
            <span class="hunt-run">
              <select aria-label="Over what time" value={days} onChange={(e) => setDays(e.currentTarget.value)}>
                <option value="">its own period</option>
                <option value="7">7 days</option>
                <option value="14">14 days</option>
                <option value="30">30 days</option>
                <option value="90">90 days</option>
              </select>
              <button type="button" disabled={!!busy} onClick={() => void act("run", () => api.run(hunt.name, Number(days) || undefined), "It ran")}>
                {busy === "run" ? "Running …" : "Run now"}
              </button>
            </span>
          )}
          {running && (
            <button type="button" disabled={!!busy || !why.trim()} onClick={step("suspend", { reason: why }, "Suspended")}>
              Suspend
            </button>
          )}
          {p.state === "suspended" && (
            <button type="button" disabled={!!busy || !why.trim()} onClick={step("resume", { reason: why }, "It runs again")}>
              Resume
            </button>
          )}
          {p.state !== "retired" && (
            <button type="button" disabled={!!busy || !why.trim()} onClick={step("retire", { reason: why }, "Retired")}>
              Retire
            </button>
          )}
          <button type="button" disabled={!!busy || !why.trim()} onClick={step("comment", { comment: why }, "Commented")}>
            Comment
          </button>
          <button type="button" onClick={() => void download()}>
            Package
          </button>
        </>
      )}
    </>
  );
}
