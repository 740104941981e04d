// Rows that no table took, and why.

import * as api from "../../api/lake";
import { List, type ListColumn } from "../../parts/list";
import { useLoaded } from "../../parts/load";
import { quoted } from "../../parts/sentences";
import { count } from "../../parts/values";
import { When } from "../../parts/when";
import { workspace } from "../../shell/session";

const COLUMNS: ListColumn<api.DeadLetter>[] = [
  { title: "When", by: (l) => l.TimeGenerated, down: true, cell: (l) => <When at={l.TimeGenerated} /> },
  { title: "Table", by: (l) => l.Table, cell: (l) => l.Table },
  { title: "Source", by: (l) => l.Source, cell: (l) => l.Source },
  { title: "Line", look: "number", by: (l) => (l.Line ? Number(l.Line) : undefined), cell: (l) => (l.Line ? count(Number(l.Line)) : "") },
  { title: "Reason", look: "wide", by: (l) => l.Reason, cell: (l) => l.Reason },
  { title: "Row", look: "wide", cell: (l) => <code>{String(l.Text ?? "").slice(0, 300)}</code> },
];

export function DeadLetters() {
  const where = workspace.value?.name ?? "";
  const found = useLoaded(() => api.deadLetters(where), [where]);
  if (found.wrong) return <p class="page-wrong">The dead letters can't be read: {quoted(found.wrong)}</p>;
  if (!found.value) return <p class="beginning">Reading the dead letters …</p>;
  if (!found.value.length) {
    return (
      <div class="empty">
        <h2>No row was refused in 30 days</h2>
        <p>What doesn't fit its table is kept, with the reason, in HuntlakeDeadLetters.</p>
      </div>
    );
  }
  return <List label="Dead letters" rows={found.value} columns={COLUMNS} of={(_, i) => String(i)} />;
}
