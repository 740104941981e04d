// What playbooks call things with, and what becomes of those calls.

import { useState } from "preact/hooks";
import * as api from "../../api/logic";
import type { Connection, Mode } from "../../api/logic";
import { attempt } from "../../parts/attempt";
import { List } from "../../parts/list";
import { type Loaded, useLoaded } from "../../parts/load";
import { quoted } from "../../parts/sentences";
import { When } from "../../parts/when";
import { Link } from "../../shell/router";
import { may, workspace } from "../../shell/session";

const MODES: { mode: Mode; title: string; told: string }[] = [
  { mode: "dry-run", title: "dry run", told: "reads are real, and what would change something is only written down" },
  { mode: "replay", title: "replay", told: "answers come from a cassette; nothing is called" },
  { mode: "live", title: "live", told: "calls are made as they are" },
];

export function Connections() {
  const where = workspace.value?.name ?? "";
  const found = useLoaded(api.connections, [where]);
  const workflows = useLoaded(api.workflows, [where]);
  if (found.wrong) return <p class="page-wrong">The connections can't be read: {quoted(found.wrong)}</p>;
  if (!found.value) return <p class="beginning">Reading the connections …</p>;
  const here = found.value.filter((c) => c.properties.huntlakeWorkspace === where);
  if (!here.length) {
    return (
      <div class="empty">
        <h2>No connection yet</h2>
        <p>
          A playbook that is imported brings those it needs. <code>huntlake connection create</code> makes one by hand.
        </p>
      </div>
    );
  }
  return (
    <>
      {workflows.wrong && <p class="page-wrong">Which playbooks use them can't be read: {quoted(workflows.wrong)}</p>}
      <p class="quiet connections-key">
        {MODES.map((m) => (
          <span key={m.mode}>
            <strong>{m.title}</strong>: {m.told}.{" "}
          </span>
        ))}
      </p>
      <List
        label="Connections"
        rows={here}
        of={(c) => c.name}
        columns={[
          {
            title: "Connection",
            by: (c) => c.name,
            cell: ({ name, properties: p }) => (
              <>
                <strong>{name}</strong> {p.displayName !== name && <span class="quiet">{p.displayName}</span>}
              </>
            ),
          },
          { title: "Connector", by: (c) => c.properties.api.name, cell: (c) => c.properties.api.name },
          { title: "Calls are", by: (c) => c.properties.huntlakeMode, cell: (c) => (may("automate") ? <Calls connection={c} found={found} /> : modeOf(c)) },
          { title: "State", look: "wide", by: stateOf, cell: (c) => (c.properties.statuses[0]?.error?.message ? <span class="wrong">{stateOf(c)}</span> : stateOf(c)) },
          { title: "Used by", look: "wide", cell: (c) => <Users names={workflows.value?.filter((w) => uses(w, c)).map((w) => w.name)} /> },
          { title: "Changed", by: (c) => c.properties.changedTime, down: true, cell: (c) => <When at={c.properties.changedTime} /> },
        ]}
      />
    </>
  );
}

function modeOf({ properties: p }: Connection): string {
  return MODES.find((m) => m.mode === p.huntlakeMode)?.title ?? p.huntlakeMode;
}

function stateOf({ properties: p }: Connection): string {
  return p.statuses[0]?.error?.message ?? p.overallStatus.toLowerCase();
}

/** How it is called, and the way to another mode. */
function Calls({ connection, found }: { connection: Connection; found: Loaded<Connection[]> }) {
  const [asked, setAsked] = useState<Mode | undefined>();
  const write = async (mode: Mode) => {
    setAsked(undefined);
    const doing = async () => {
      await api.setMode(connection, mode);
      return `The calls of ${connection.name} are ${mode} now`;
    };
    await attempt(doing, { thing: "connection", again: found.again });
    found.again();
  };
  return (
    <>
      <select
        aria-label={`Calls of ${connection.name}`}
        value={asked ?? connection.properties.huntlakeMode}
        onChange={(e) => {
          const mode = e.currentTarget.value as Mode;
          if (mode === "live") setAsked(mode);
          else void write(mode);
        }}
      >
        {MODES.map((m) => (
          <option key={m.mode} value={m.mode}>
            {m.title}
          </option>
        ))}
      </select>
      {asked && (
        <p class="connections-ask" role="alert">
          From then on playbooks really change things with it.{" "}
          <button type="button" class="main" onClick={() => void write(asked)}>
            Let it be live
          </button>{" "}
          <button type="button" onClick={() => setAsked(undefined)}>
            Leave it
          </button>
        </p>
      )}
    </>
  );
}

function Users({ names }: { names: string[] | undefined }) {
  if (!names?.length) return <span class="quiet">{names ? "none" : "…"}</span>;
  return (
    <>
      {names.map((name, i) => (
        <span key={name}>
          {i > 0 && ", "}
          <Link to={`/playbooks/${encodeURIComponent(name)}`}>{name}</Link>
        </span>
      ))}
    </>
  );
}

function uses(workflow: api.Workflow, connection: Connection): boolean {
  const given = workflow.properties.parameters?.["$connections"]?.value ?? {};
  return Object.values(given).some((one) => one.connectionId?.toLowerCase().endsWith(`/connections/${connection.name.toLowerCase()}`));
}
