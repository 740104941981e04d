import { useState } from "preact/hooks";
import * as api from "../../api/logic";
import { useLoaded } from "../../parts/load";
import { duration, time } from "../../parts/values";
import { When } from "../../parts/when";
import { Link, go } from "../../shell/router";
import { tell } from "../../shell/toasts";
import { Diagram } from "./diagram";
import { triggered } from "./page";

const NO_STATUSES = new Map<string, string>();

export function WorkflowPage({ name }: { name: string }) {
  const found = useLoaded(() => api.workflow(name), [name]);
  const runs = useLoaded(() => api.runs(name), [name]);
  const [chosen, setChosen] = useState("");
  if (found.wrong) return <p class="beginning wrong">The playbook can't be read: {found.wrong}</p>;
  if (!found.value) return <p class="beginning">Reading the playbook …</p>;
  const { properties: p } = found.value;
  const act = async (what: Promise<unknown>, told: string) => {
    try {
      await what;
      tell(told);
    } catch (error) {
      tell(error instanceof Error ? error.message : String(error), { wrong: true });
    }
    found.again();
    runs.again();
  };
  const [trigger] = Object.entries(p.definition.triggers);
  const action = chosen ? actionOf(p.definition.actions, chosen) : undefined;
  return (
    <article>
      <header class="object-head">
        <p class="object-way">
          <Link to="/playbooks">Playbooks</Link>
        </p>
        <h1>{name}</h1>
        <div class="object-work">
          <span>Set off by {triggered(p.definition.triggers)}</span>
          <button type="button" onClick={() => void act(api.setState(name, p.state !== "Enabled"), p.state === "Enabled" ? "It rests" : "It runs")}>
            {p.state === "Enabled" ? "Disable" : "Enable"}
          </button>
          {trigger && ["Recurrence", "Request"].includes(trigger[1].type) && (
            <button type="button" onClick={() => void act(api.start(name, trigger[0]), "Started")}>
              Run now
            </button>
          )}
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
              <pre class="rule-query">{JSON.stringify({ ...action, actions: undefined, else: undefined, cases: undefined, default: undefined }, null, 2)}</pre>
            </>
          )}
          <h2>Runs</h2>
          {runs.wrong && <p class="page-wrong">The runs can't be read: {runs.wrong}</p>}
          {runs.value?.length === 0 && <p class="quiet">It hasn't run yet.</p>}
          {(runs.value?.length ?? 0) > 0 && (
            <table class="list runs">
              <thead>
                <tr>
                  <th scope="col">Status</th>
                  <th scope="col">Began</th>
                  <th scope="col">Took</th>
                  <th scope="col">Why</th>
                </tr>
              </thead>
              <tbody>
                {runs.value?.map((r) => {
                  const to = `/playbooks/${encodeURIComponent(name)}/runs/${r.name}`;
                  return (
                    <tr key={r.name} onClick={() => go(to)}>
                      <td>
                        <Link to={to}>
                          <span class={`status ${r.properties.status}`}>{r.properties.status}</span>
                        </Link>
                      </td>
                      <td>
                        <When at={r.properties.startTime} />
                      </td>
                      <td>{took(r.properties)}</td>
                      <td class="wide">{r.properties.error?.message ?? ""}</td>
                    </tr>
                  );
                })}
              </tbody>
            </table>
          )}
        </section>
      </div>
    </article>
  );
}

export function took({ startTime, endTime }: { startTime?: string; endTime?: string }): string {
  if (!startTime) return "–";
  return endTime ? duration((Date.parse(endTime) - Date.parse(startTime)) / 1000) : `since ${time(startTime).slice(11, 19)}`;
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
