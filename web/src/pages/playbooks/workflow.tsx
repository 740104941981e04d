import { useState } from "preact/hooks";
import * as api from "../../api/logic";
import * as sentinel from "../../api/sentinel";
import { useSaid } from "../../parts/address";
import { attempt } from "../../parts/attempt";
import { List } from "../../parts/list";
import { useLoaded, useMeanwhile } from "../../parts/load";
import { quoted } from "../../parts/sentences";
import { took } from "../../parts/values";
import { When } from "../../parts/when";
import { AsItWas, Unread } from "../../parts/unread";
import { Link } from "../../shell/router";
import { may } from "../../shell/session";
import { useTitle } from "../../shell/title";
import { Diagram } from "./diagram";
import { isOnIncident, triggered } from "./triggers";

const AFTER_A_MOMENT = 1500;
const NO_STATUSES = new Map<string, string>();

export function WorkflowPage({ name }: { name: string }) {
  const found = useLoaded(() => api.workflow(name), [name]);
  const runs = useLoaded(() => api.runs(name), [name]);
  const [chosen, setChosen] = useSaid("action");
  useMeanwhile((runs.value ?? []).some(api.goesOn), runs.again);
  useTitle(name);
  if (!found.value) return <Unread found={found} what="playbook" to="/playbooks" all="All playbooks" />;
  const { properties: p } = found.value;
  const act = async (doing: () => Promise<unknown>, told: string) => {
    await attempt(async () => {
      await doing();
      return told;
    });
    found.again();
    runs.again();
  };
  const pathOf = (run: api.Run) => `/playbooks/${encodeURIComponent(name)}/runs/${run.name}`;
  const [trigger] = Object.entries(p.definition.triggers);
  const action = chosen ? actionOf(p.definition.actions, chosen) : undefined;
  return (
    <article>
      <header class="object-head">
        <p class="object-way">
          <Link to="/playbooks">Playbooks</Link>
        </p>
        <AsItWas found={found} />
        <h1>{name}</h1>
        <div class="object-work">
          <span>Set off by {triggered(p.definition.triggers)}</span>
          {may("switch") ? (
            <button type="button" onClick={() => void act(() => api.setState(name, p.state !== "Enabled"), p.state === "Enabled" ? "It rests" : "It runs")}>
              {p.state === "Enabled" ? "Disable" : "Enable"}
            </button>
          ) : (
            p.state !== "Enabled" && <span class="tag">disabled</span>
          )}
          {may("run") && trigger && ["Recurrence", "Request"].includes(trigger[1].type) && (
            <button type="button" onClick={() => void act(() => api.start(name, trigger[0]), "Started")}>
              Run now
            </button>
          )}
          {may("respond", "run") && isOnIncident(p.definition.triggers) && <OnIncident workflow={found.value} ran={runs.again} />}
          <button type="button" onClick={runs.again}>
            Refresh
          </button>
        </div>
      </header>
      <div class="workflow">
        <section aria-label="Definition">
          <Diagram actions={p.definition.actions} statuses={NO_STATUSES} chosen={chosen} choose={setChosen} />
        </section>
        <section aria-label="Runs">
          {action && (
            <>
              <h2>{chosen.replaceAll("_", " ")}</h2>
              <pre class="code" tabIndex={0} role="region" aria-label="Its definition">{JSON.stringify({ ...action, actions: undefined, else: undefined, cases: undefined, default: undefined }, null, 2)}</pre>
            </>
          )}
          <h2>Runs</h2>
          {runs.wrong && <p class="page-wrong">The runs can't be read: {quoted(runs.wrong)}</p>}
          {!runs.value && !runs.wrong && <p class="quiet">Reading the runs …</p>}
          {runs.value?.length === 0 && <p class="quiet">It hasn't run yet.</p>}
          {runs.value && runs.value.length > 0 && (
            <List
              label="Runs"
              look="runs"
              rows={runs.value}
              of={(r) => r.name}
              to={pathOf}
              columns={[
                {
                  title: "Status",
                  by: (r) => r.properties.status,
                  cell: (r) => (
                    <Link to={pathOf(r)}>
                      <span class={`status ${r.properties.status}`}>{r.properties.status}</span>
                    </Link>
                  ),
                },
                { title: "Began", by: (r) => r.properties.startTime, down: true, cell: (r) => <When at={r.properties.startTime} /> },
                { title: "Took", cell: (r) => took(r.properties) },
                { title: "Why", look: "wide", by: (r) => r.properties.error?.message, cell: (r) => r.properties.error?.message ?? "" },
              ]}
            />
          )}
        </section>
      </div>
    </article>
  );
}

/** Runs a playbook on one incident, by its number. */
function OnIncident({ workflow, ran }: { workflow: api.Workflow; ran: () => void }) {
  const [number, setNumber] = useState("");
  const run = async (event: SubmitEvent) => {
    event.preventDefault();
    const asked = await attempt(async () => {
      const incident = await sentinel.incident(number);
      if (!incident) throw new Error(`There is no incident ${number}.`);
      await api.runOnIncident(workflow, incident.name);
      return `It runs on incident ${number}: ${incident.properties.title}`;
    });
    if (asked) setTimeout(ran, AFTER_A_MOMENT);
  };
  return (
    <form class="on-incident" onSubmit={run}>
      <input type="number" min="1" required aria-label="Number of an incident" placeholder="Incident" value={number} onInput={(e) => setNumber(e.currentTarget.value)} />
      <button type="submit">Run on it</button>
    </form>
  );
}

/** The action of a name, however deep it lies. */
function actionOf(actions: Record<string, api.WorkflowAction>, name: string): api.WorkflowAction | undefined {
  for (const [key, action] of Object.entries(actions)) {
    if (key === name) return action;
    const below = [action.actions, action.else?.actions, action.default?.actions, ...Object.values(action.cases ?? {}).map((c) => c.actions)];
    for (const inner of below) {
      const found = inner && actionOf(inner, name);
      if (found) return found;
    }
  }
  return undefined;
}
