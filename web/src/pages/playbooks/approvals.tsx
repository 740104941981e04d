// What playbooks want to do and may not without a person.

import { useState } from "preact/hooks";
import * as api from "../../api/logic";
import type { Approval } from "../../api/logic";
import { attempt } from "../../parts/attempt";
import type { Loaded } from "../../parts/load";
import { quoted } from "../../parts/sentences";
import { When } from "../../parts/when";
import { Link } from "../../shell/router";
import { isMe, may } from "../../shell/session";

export function Approvals({ approvals }: { approvals: Loaded<Approval[]> }) {
  if (approvals.wrong) return <p class="page-wrong">The approvals can't be read: {quoted(approvals.wrong)}</p>;
  if (!approvals.value) return <p class="beginning">Reading the approvals …</p>;
  if (!approvals.value.length) {
    return (
      <div class="empty">
        <h2>Nothing waits for you</h2>
        <p>When a playbook wants to isolate a host, disable an account or the like, it waits here for a person.</p>
      </div>
    );
  }
  const pending = approvals.value.filter((a) => a.properties.status === "Pending");
  const decided = approvals.value.filter((a) => a.properties.status !== "Pending");
  return (
    <div class="approvals">
      {pending.map((a) => (
        <Asked key={a.name} approval={a} done={approvals.again} />
      ))}
      {!pending.length && <p class="quiet">Nothing waits for a decision.</p>}
      {decided.length > 0 && (
        <>
          <h2>Decided</h2>
          <ul class="entries">
            {decided.slice(0, 50).map((a) => (
              <li key={a.name}>
                <When at={a.properties.decidedTimeUtc ?? a.properties.requestedTimeUtc} /> <strong>{a.properties.status}</strong> {a.properties.summary}
                {a.properties.decidedBy?.name && ` – ${a.properties.decidedBy.name}`} {a.properties.comment && `“${a.properties.comment}”`}
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  );
}

function Asked({ approval, done }: { approval: Approval; done: () => void }) {
  const p = approval.properties;
  const others = whoDecides(approval);
  return (
    <section class="asked" aria-label={p.summary}>
      <h2>{p.summary}</h2>
      <p class="quiet">
        <Link to={`/playbooks/${encodeURIComponent(p.workflow)}/runs/${p.run}`}>
          {p.workflow} · {p.action}
        </Link>
        {p.connector && ` · ${p.connector} ${p.operation ?? ""}`} {p.effect && <span class="tag">{p.effect}</span>} · asked <When at={p.requestedTimeUtc} /> ·
        expires {p.expirationTimeUtc.slice(0, 16).replace("T", " ")} UTC
      </p>
      {p.text && <p class="said">{p.text}</p>}
      {p.reasons?.length ? <p>Because: {p.reasons.join("; ")}</p> : null}
      {p.inputs && <pre class="code" tabIndex={0} role="region" aria-label="What it would call">{JSON.stringify(p.inputs, null, 2)}</pre>}
      {others ? <p class="quiet">{others}</p> : <Deciding approval={approval} done={done} />}
    </section>
  );
}

/** Who decides, where whoever is signed in may not. */
function whoDecides({ properties: p }: Approval): string {
  const groups = p.approvers ?? [];
  if (!may("respond")) return "A person with the right to respond decides.";
  if (p.fourEyes && isMe(p.requestedBy?.objectId, p.requestedBy?.name)) return "You set off the run that asks: somebody else decides.";
  if (groups.every((group) => isMe(...group))) return "";
  return `Only those whom the rules name decide: ${groups.map((group) => group.join(", ")).join("; of these ")}.`;
}

function Deciding({ approval, done }: { approval: Approval; done: () => void }) {
  const p = approval.properties;
  const [comment, setComment] = useState("");
  const [busy, setBusy] = useState(false);
  const act = async (doing: () => Promise<unknown>, told: string) => {
    setBusy(true);
    await attempt(async () => {
      await doing();
      return told;
    });
    setBusy(false);
    done();
  };
  return (
    <div class="deciding">
      <input aria-label="Comment" placeholder="Why" value={comment} onInput={(e) => setComment(e.currentTarget.value)} />
      {p.options?.length ? (
        p.options.map((o) => (
          <button key={o.name} type="button" disabled={busy} onClick={() => void act(() => api.answer(approval, o.name, comment), `Answered: ${o.title}`)}>
            {o.title}
          </button>
        ))
      ) : (
        <>
          <button type="button" class="main" disabled={busy} onClick={() => void act(() => api.decide(approval, true, comment), "Approved")}>
            Approve exactly this
          </button>
          <button type="button" disabled={busy} onClick={() => void act(() => api.decide(approval, false, comment), "Refused")}>
            Refuse
          </button>
        </>
      )}
    </div>
  );
}
