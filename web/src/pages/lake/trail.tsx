// What was done, entry by entry of the chain.

import * as api from "../../api/lake";
import { List, type ListColumn } from "../../parts/list";
import { useLoaded } from "../../parts/load";
import { quoted } from "../../parts/sentences";
import { When } from "../../parts/when";
import { workspace } from "../../shell/session";

const COLUMNS: ListColumn<api.AuditRow>[] = [
  { title: "No.", look: "number", by: (a) => a.Sequence, down: true, cell: (a) => a.Sequence },
  { title: "When", by: (a) => a.TimeGenerated, down: true, cell: (a) => <When at={a.TimeGenerated} /> },
  {
    title: "Who",
    by: (a) => a.ActorName,
    cell: (a) => (
      <>
        {a.ActorName || "–"} <span class="tag">{a.ActorKind}</span>
      </>
    ),
  },
  { title: "What", by: (a) => a.Action, cell: (a) => a.Action },
  { title: "Of", look: "wide", by: (a) => `${a.ObjectType} ${a.ObjectId}`, cell: (a) => `${a.ObjectType} ${a.ObjectId}` },
  { title: "State", by: (a) => a.ToState, cell: (a) => a.ToState && (a.FromState ? `${a.FromState} → ${a.ToState}` : a.ToState) },
  { title: "Why", look: "wide", by: (a) => a.Reason, cell: (a) => a.Reason },
];

export function Trail() {
  const where = workspace.value?.name ?? "";
  const found = useLoaded(() => api.audit(where), [where]);
  if (found.wrong) return <p class="page-wrong">The audit can't be read: {quoted(found.wrong)}</p>;
  if (!found.value) return <p class="beginning">Reading the audit …</p>;
  if (!found.value.length) {
    return (
      <div class="empty">
        <h2>Nothing was audited yet</h2>
        <p>Signals, hunts, their reviews and runs, and every call of a model stand here, each chained to the one before.</p>
      </div>
    );
  }
  return <List label="Audit" rows={found.value} columns={COLUMNS} of={(a) => String(a.Sequence)} />;
}
