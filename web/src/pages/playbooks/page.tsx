import * as api from "../../api/logic";
import { useLoaded } from "../../parts/load";
import { When } from "../../parts/when";
import { Link, go, place } from "../../shell/router";
import { workspace } from "../../shell/session";
import { Approvals } from "./approvals";
import { RunPage } from "./run";
import { WorkflowPage } from "./workflow";
import "./playbooks.css";

export function PlaybooksPage({ rest }: { rest: string }) {
  const [name, what, run] = rest.split("/").map(decodeURIComponent);
  if (name && what === "runs" && run) return <RunPage key={rest} name={name} id={run} />;
  if (name) return <WorkflowPage key={name} name={name} />;
  return <List />;
}

function List() {
  const where = workspace.value?.name ?? "";
  const view = place.value.query.get("view") === "approvals" ? "approvals" : "playbooks";
  const found = useLoaded(api.workflows, [where]);
  const approvals = useLoaded(api.approvals, [where]);
  const waiting = (approvals.value ?? []).filter((a) => a.properties.status === "Pending").length;
  return (
    <div class="playbooks">
      <header class="page-head">
        <h1>Playbooks</h1>
        <fieldset class="choices">
          <legend class="visually-hidden">View</legend>
          <button type="button" aria-pressed={view === "playbooks"} onClick={() => go("/playbooks", { replace: true })}>
            Playbooks
          </button>
          <button type="button" aria-pressed={view === "approvals"} onClick={() => go("/playbooks?view=approvals", { replace: true })}>
            Approvals {waiting > 0 && <strong class="waiting">{waiting}</strong>}
          </button>
        </fieldset>
      </header>
      {view === "approvals" ? <Approvals approvals={approvals} /> : <Workflows found={found} />}
    </div>
  );
}

function Workflows({ found }: { found: ReturnType<typeof useLoaded<api.Workflow[]>> }) {
  if (found.wrong) return <p class="page-wrong">The playbooks can't be read: {found.wrong}</p>;
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
  return (
    <table class="list">
      <thead>
        <tr>
          <th scope="col">Playbook</th>
          <th scope="col">Set off by</th>
          <th scope="col">State</th>
          <th scope="col">Actions</th>
          <th scope="col">Changed</th>
        </tr>
      </thead>
      <tbody>
        {found.value.map(({ name, properties: p }) => (
          <tr key={name} onClick={() => go(`/playbooks/${encodeURIComponent(name)}`)}>
            <td class="wide">
              <Link to={`/playbooks/${encodeURIComponent(name)}`}>{name}</Link>
            </td>
            <td>{triggered(p.definition.triggers)}</td>
            <td>{p.state === "Enabled" ? "enabled" : <span class="tag">disabled</span>}</td>
            <td class="number">{counted(p.definition.actions)}</td>
            <td>
              <When at={p.changedTime} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** What sets a workflow off, in words. */
export function triggered(triggers: api.Workflow["properties"]["definition"]["triggers"]): string {
  return Object.entries(triggers)
    .map(([name, t]) => {
      const inputs = t.inputs as { path?: string } | undefined;
      const path = inputs?.path ?? "";
      if (/incident-creation/.test(path)) return "an incident";
      if (/entity/.test(path)) return `an entity (${path.split("/").pop()})`;
      if (/subscribe/.test(path)) return "an alert";
      if (t.type === "Recurrence") return "the clock";
      if (t.type === "Request") return "a request";
      return name;
    })
    .join(", ");
}

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
