import { useMemo } from "preact/hooks";
import { ask } from "../../api/door";
import * as api from "../../api/logic";
import type { RunAction } from "../../api/logic";
import { say, useSaid } from "../../parts/address";
import { attempt } from "../../parts/attempt";
import { useLoaded, useMeanwhile } from "../../parts/load";
import { quoted } from "../../parts/sentences";
import { took } from "../../parts/values";
import { When } from "../../parts/when";
import { AsItWas, Unread } from "../../parts/unread";
import { Link } from "../../shell/router";
import { may } from "../../shell/session";
import { useTitle } from "../../shell/title";
import { Diagram } from "./diagram";

export function RunPage({ name, id }: { name: string; id: string }) {
  const found = useLoaded(() => api.run(name, id), [name, id]);
  const workflow = useLoaded(() => api.workflow(name), [name]);
  const actions = useLoaded(() => api.actions(name, id), [name, id]);
  const [chosen] = useSaid("action");
  const choose = (action: string) => say({ action, round: "" });
  const statuses = useMemo(() => new Map((actions.value ?? []).map((a) => [a.name, a.properties.status])), [actions.value]);
  const going = api.goesOn(found.value);
  useMeanwhile(going, () => {
    found.again();
    actions.again();
  });
  useTitle(`Run of ${name}`);
  if (!found.value) return <Unread found={found} what="run" to={`/playbooks/${encodeURIComponent(name)}`} all="The playbook" />;
  const p = found.value.properties;
  const act = async (doing: () => Promise<unknown>, told: string) => {
    await attempt(async () => {
      await doing();
      return told;
    });
    found.again();
  };
  const action = actions.value?.find((a) => a.name === chosen);
  return (
    <article>
      <header class="object-head">
        <p class="object-way">
          <Link to="/playbooks">Playbooks</Link> / <Link to={`/playbooks/${encodeURIComponent(name)}`}>{name}</Link>
        </p>
        <AsItWas found={found} />
        <h1>
          <span class={`status ${p.status}`}>{p.status}</span> <When at={p.startTime} />
        </h1>
        <div class="object-work">
          <span>took {took(p)}</span>
          {p.huntlakeIncident && <Link to={`/incidents/${p.huntlakeIncident}`}>Incident</Link>}
          {p.error?.message && <span class="wrong">{p.error.message}</span>}
          {may("run") && going && (
            <button type="button" onClick={() => void act(() => api.cancel(name, id), "Cancelled")}>
              Cancel
            </button>
          )}
          {may("run") && !going && (
            <button type="button" onClick={() => void act(() => api.resubmit(name, id), "It runs again, from the beginning")}>
              Resubmit
            </button>
          )}
          {may("run") && !going && action && (
            <button type="button" onClick={() => void act(() => api.resubmit(name, id, [chosen]), `It runs again, from ${chosen}`)}>
              Resubmit from {chosen.replaceAll("_", " ")}
            </button>
          )}
        </div>
      </header>
      <div class="workflow">
        <section aria-label="Actions">
          {workflow.value && (
            <Diagram actions={workflow.value.properties.definition.actions} statuses={statuses} chosen={chosen} choose={choose} />
          )}
          {workflow.wrong && <p class="page-wrong">The definition can't be read: {quoted(workflow.wrong)}</p>}
          {!workflow.value && !workflow.wrong && <p class="quiet">Reading the definition …</p>}
          {actions.wrong && <p class="page-wrong">The actions can't be read: {quoted(actions.wrong)}</p>}
        </section>
        <section aria-label="Inputs and outputs">
          {action ? <Action key={action.name} workflow={name} run={id} action={action} /> : <p class="quiet">Choose an action to see what it was given and what it gave.</p>}
        </section>
      </div>
    </article>
  );
}

function Action({ workflow, run, action }: { workflow: string; run: string; action: RunAction }) {
  const many = action.properties.repetitionCount !== undefined;
  return (
    <div>
      <h2>{action.name.replaceAll("_", " ")}</h2>
      {many ? <Rounds workflow={workflow} run={run} action={action} /> : <Outcome of={action.properties} />}
    </div>
  );
}

/** An action within loops, round by round; the first that failed comes first before the eyes. */
function Rounds({ workflow, run, action }: { workflow: string; run: string; action: RunAction }) {
  const found = useLoaded(() => api.rounds(workflow, run, action.name), [workflow, run, action.name, action.properties.repetitionCount]);
  const [chosen, setChosen] = useSaid("round");
  const all = found.value ?? [];
  const round = all.find((r) => r.name === chosen) ?? all.find((r) => ["Failed", "TimedOut"].includes(r.properties.status)) ?? all[0];
  if (found.wrong) return <p class="page-wrong">The rounds can't be read: {quoted(found.wrong)}</p>;
  if (!found.value) return <p class="quiet">Reading the rounds …</p>;
  if (!round) return <Outcome of={action.properties} />;
  return (
    <>
      <label>
        Round{" "}
        <select value={round.name} onChange={(e) => setChosen(e.currentTarget.value)}>
          {all.map((r) => (
            <option key={r.name} value={r.name}>
              {r.properties.repetitionIndexes.map((i) => `${i.scopeName.replaceAll("_", " ")} ${i.itemIndex + 1}`).join(", ")} – {r.properties.status}
            </option>
          ))}
        </select>{" "}
        <span class="quiet">of {all.length}</span>
      </label>
      <Outcome key={round.name} of={round.properties} />
    </>
  );
}

function Outcome({ of: p }: { of: RunAction["properties"] }) {
  return (
    <>
      <p>
        <span class={`status ${p.status}`}>{p.status}</span> {p.code} · took {took(p)}
        {p.retryHistory?.length ? ` · ${p.retryHistory.length} attempts before` : ""}
      </p>
      {p.error?.message && <p class="page-wrong">{p.error.message}</p>}
      <Linked title="Inputs" uri={p.inputsLink?.uri} />
      <Linked title="Outputs" uri={p.outputsLink?.uri} />
    </>
  );
}

function Linked({ title, uri }: { title: string; uri: string | undefined }) {
  const found = useLoaded(async () => {
    if (!uri) return "";
    const { pathname, search } = new URL(uri);
    const text = await (await ask(pathname + search)).text();
    try {
      return JSON.stringify(JSON.parse(text), null, 2);
    } catch {
      return text;
    }
  }, [uri]);
  if (!uri) return null;
  return (
    <>
      <h3>{title}</h3>
      {found.wrong ? <p class="page-wrong">They can't be read: {quoted(found.wrong)}</p> : <pre class="code" tabIndex={0}>{found.value ?? "Reading …"}</pre>}
    </>
  );
}
