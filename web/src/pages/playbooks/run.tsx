import { useEffect, useMemo, useState } from "preact/hooks";
import { ask } from "../../api/door";
import * as api from "../../api/logic";
import type { RunAction } from "../../api/logic";
import { useLoaded } from "../../parts/load";
import { When } from "../../parts/when";
import { Link } from "../../shell/router";
import { tell } from "../../shell/toasts";
import { Diagram } from "./diagram";
import { took } from "./workflow";

const GOING = new Set(["Running", "Waiting", "Suspended"]);

export function RunPage({ name, id }: { name: string; id: string }) {
  const found = useLoaded(() => api.run(name, id), [name, id]);
  const workflow = useLoaded(() => api.workflow(name), [name]);
  const actions = useLoaded(() => api.actions(name, id), [name, id]);
  const [chosen, setChosen] = useState("");
  const statuses = useMemo(() => new Map((actions.value ?? []).map((a) => [a.name, a.properties.status])), [actions.value]);
  const going = GOING.has(found.value?.properties.status ?? "");
  useEffect(() => {
    if (!going) return;
    const timer = setInterval(() => {
      found.again();
      actions.again();
    }, 2000);
    return () => clearInterval(timer);
  }, [going]);
  if (found.wrong) return <p class="beginning wrong">The run can't be read: {found.wrong}</p>;
  if (!found.value) return <p class="beginning">Reading the run …</p>;
  const p = found.value.properties;
  const act = async (what: Promise<unknown>, told: string) => {
    try {
      await what;
      tell(told);
    } catch (error) {
      tell(error instanceof Error ? error.message : String(error), { wrong: true });
    }
    found.again();
  };
  const action = actions.value?.find((a) => a.name === chosen);
  return (
    <article>
      <header class="object-head">
        <p class="object-way">
          <Link to="/playbooks">Playbooks</Link> / <Link to={`/playbooks/${encodeURIComponent(name)}`}>{name}</Link>
        </p>
        <h1>
          <span class={`status ${p.status}`}>{p.status}</span> <When at={p.startTime} />
        </h1>
        <div class="object-work">
          <span>took {took(p)}</span>
          {p.huntlakeIncident && <Link to={`/incidents/${p.huntlakeIncident}`}>Incident</Link>}
          {p.error?.message && <span class="wrong">{p.error.message}</span>}
          {going ? (
            <button type="button" onClick={() => void act(api.cancel(name, id), "Cancelled")}>
              Cancel
            </button>
          ) : (
            <button type="button" onClick={() => void act(api.resubmit(name, id), "It runs again, from the beginning")}>
              Resubmit
            </button>
          )}
          {!going && chosen && (
            <button type="button" onClick={() => void act(api.resubmit(name, id, [chosen]), `It runs again, from ${chosen}`)}>
              Resubmit from {chosen.replaceAll("_", " ")}
            </button>
          )}
        </div>
      </header>
      <div class="workflow">
        <section aria-label="Actions">
          {workflow.value && (
            <Diagram actions={workflow.value.properties.definition.actions} statuses={statuses} chosen={chosen} choose={setChosen} />
          )}
          {actions.wrong && <p class="page-wrong">The actions can't be read: {actions.wrong}</p>}
        </section>
        <section aria-label="Inputs and outputs">
          {action ? <Action action={action} /> : <p class="quiet">Choose an action to see what it was given and what it gave.</p>}
        </section>
      </div>
    </article>
  );
}

function Action({ action }: { action: RunAction }) {
  const p = action.properties;
  return (
    <div>
      <h2>{action.name.replaceAll("_", " ")}</h2>
      <p>
        <span class={`status ${p.status}`}>{p.status}</span> {p.code} · took {took(p)}
        {p.retryHistory?.length ? ` · ${p.retryHistory.length} attempts before` : ""}
      </p>
      {p.error?.message && <p class="page-wrong">{p.error.message}</p>}
      <Linked title="Inputs" uri={p.inputsLink?.uri} />
      <Linked title="Outputs" uri={p.outputsLink?.uri} />
    </div>
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
      {found.wrong ? <p class="page-wrong">{found.wrong}</p> : <pre class="rule-query">{found.value ?? "Reading …"}</pre>}
    </>
  );
}
