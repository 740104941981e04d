import * as api from "../../api/logic";
import { List, type ListColumn } from "../../parts/list";
import { useLoaded } from "../../parts/load";
import { quoted } from "../../parts/sentences";
import { Views } from "../../parts/views";
import { When } from "../../parts/when";
import { Link, pieces } from "../../shell/router";
import { workspace } from "../../shell/session";
import { Approvals } from "./approvals";
import { Connections } from "./connections";
import { RunPage } from "./run";
import { triggered } from "./triggers";
import { WorkflowPage } from "./workflow";
import "./playbooks.css";

export function PlaybooksPage({ rest }: { rest: string }) {
  const [name, what, run] = pieces(rest);
  if (name && what === "runs" && run) return <RunPage key={rest} name={name} id={run} />;
  if (name) return <WorkflowPage key={name} name={name} />;
  return <Lists />;
}

function Lists() {
  const where = workspace.value?.name ?? "";
  const approvals = useLoaded(api.approvals, [where]);
  const waiting = (approvals.value ?? []).filter((a) => a.properties.status === "Pending").length;
  return (
    <div class="playbooks">
      <Views
        path="/playbooks"
        title="Playbooks"
        views={[
          { name: "playbooks", title: "Playbooks", show: () => <Workflows /> },
          { name: "approvals", title: "Approvals", show: () => <Approvals approvals={approvals} />, waiting },
          { name: "connections", title: "Connections", show: () => <Connections /> },
        ]}
      />
    </div>
  );
}

function Workflows() {
  const found = useLoaded(api.workflows, [workspace.value?.name]);
  if (found.wrong) return <p class="page-wrong">The playbooks can't be read: {quoted(found.wrong)}</p>;
  if (!found.value) return <p class="beginning">Reading the playbooks …</p>;
  if (!found.value.length) {
    return (
      <div class="empty">
        <h2>No playbook yet</h2>
        <p>
          <code>huntlake playbook import FILE</code> takes Logic Apps templates as they are published.
        </p>
      </div>
    );
  }
  return <List label="Playbooks" rows={found.value} columns={COLUMNS} of={(w) => w.name} to={pathOf} />;
}

const pathOf = (w: api.Workflow) => `/playbooks/${encodeURIComponent(w.name)}`;

const COLUMNS: ListColumn<api.Workflow>[] = [
  { title: "Playbook", look: "wide", by: (w) => w.name, cell: (w) => <Link to={pathOf(w)}>{w.name}</Link> },
  { title: "Set off by", by: (w) => triggered(w.properties.definition.triggers), cell: (w) => triggered(w.properties.definition.triggers) },
  { title: "State", by: (w) => (w.properties.state === "Enabled" ? 0 : 1), cell: (w) => (w.properties.state === "Enabled" ? "enabled" : <span class="tag">disabled</span>) },
  { title: "Actions", look: "number", by: (w) => counted(w.properties.definition.actions), down: true, cell: (w) => counted(w.properties.definition.actions) },
  { title: "Changed", by: (w) => w.properties.changedTime, down: true, cell: (w) => <When at={w.properties.changedTime} /> },
];

function counted(actions: Record<string, api.WorkflowAction> | undefined): number {
  return Object.values(actions ?? {}).reduce(
    (n, a) =>
      n +
      1 +
      counted(a.actions) +
      counted(a.else?.actions) +
      counted(a.default?.actions) +
      Object.values(a.cases ?? {}).reduce((m, c) => m + counted(c.actions), 0),
    0,
  );
}
