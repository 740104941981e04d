// One incident: what happened, to whom, when; and what is done about it.

import { useEffect, useMemo, useState } from "preact/hooks";
import { ApiError } from "../../api/door";
import * as sentinel from "../../api/sentinel";
import type { Alert, Entity, Entry, Incident, Severity, Status, Task } from "../../api/sentinel";
import { type Loaded, useLoaded } from "../../parts/load";
import { time } from "../../parts/values";
import { When } from "../../parts/when";
import { Link, go } from "../../shell/router";
import { session } from "../../shell/session";
import { tell } from "../../shell/toasts";
import { open } from "../query/tabs";
import { Graph } from "./graph";

const REASONS: Record<string, string[]> = {
  Undetermined: [],
  TruePositive: ["SuspiciousActivity"],
  BenignPositive: ["SuspiciousButExpected"],
  FalsePositive: ["IncorrectAlertLogic", "InaccurateData"],
};
const KIND_NAMES: Record<string, string> = { Ip: "IP address", Url: "URL", DnsResolution: "DNS name", FileHash: "File hash" };
const PARTS = ["Story", "Entities", "Comments", "Tasks", "History"] as const;
type Part = (typeof PARTS)[number];

export function IncidentPage({ which }: { which: string }) {
  const found = useLoaded(() => sentinel.incident(which), [which]);
  const incident = found.value;
  if (found.wrong) return <p class="beginning wrong">The incident can't be read: {found.wrong}</p>;
  if (!incident) {
    return (
      <p class="beginning">
        {found.value === undefined ? "Reading the incident …" : "There is no such incident."} <Link to="/incidents">All incidents</Link>
      </p>
    );
  }
  return <Body incident={incident} found={found} />;
}

function Body({ incident, found }: { incident: Incident; found: Loaded<Incident | undefined> }) {
  const id = incident.name;
  const [part, setPart] = useState<Part>("Story");
  const alerts = useLoaded(() => sentinel.alerts(id), [id]);
  const entities = useLoaded(() => sentinel.entities(id), [id]);
  const comments = useLoaded(() => sentinel.comments(id), [id]);
  const tasks = useLoaded(() => sentinel.tasks(id), [id]);
  const history = useLoaded(() => sentinel.timeline(id), [id]);
  const p = incident.properties;
  const counts: Partial<Record<Part, number>> = {
    ...(alerts.value ? { Story: alerts.value.length } : {}),
    ...(entities.value ? { Entities: entities.value.length } : {}),
    ...(comments.value ? { Comments: comments.value.length } : {}),
    ...(tasks.value ? { Tasks: tasks.value.length } : {}),
  };
  return (
    <article class="incident">
      <header class="object-head">
        <p class="object-way">
          <Link to="/incidents">Incidents</Link> / {p.incidentNumber}
        </p>
        <h1>{p.title}</h1>
        <Work incident={incident} found={found} />
      </header>
      <div class="object-body">
        <section class="incident-main">
          <div class="parts" role="tablist" aria-label="Parts of the incident">
            {PARTS.map((one) => (
              <button key={one} type="button" role="tab" aria-selected={part === one} onClick={() => setPart(one)}>
                {one} {counts[one] !== undefined && <small>{counts[one]}</small>}
              </button>
            ))}
          </div>
          {part === "Story" && <Story alerts={alerts} />}
          {part === "Entities" && <Entities entities={entities} alerts={alerts.value ?? []} title={p.title} />}
          {part === "Comments" && <Comments id={id} comments={comments} />}
          {part === "Tasks" && <Tasks id={id} tasks={tasks} />}
          {part === "History" && <History history={history} />}
        </section>
        <aside class="object-facts" aria-label="Facts">
          {p.description && <p>{p.description}</p>}
          <dl>
            <dt>First activity</dt>
            <dd>{p.firstActivityTimeUtc ? `${time(p.firstActivityTimeUtc)} UTC` : "–"}</dd>
            <dt>Last activity</dt>
            <dd>{p.lastActivityTimeUtc ? `${time(p.lastActivityTimeUtc)} UTC` : "–"}</dd>
            <dt>Created</dt>
            <dd>
              <When at={p.createdTimeUtc} />
            </dd>
            <dt>Tactics</dt>
            <dd>{p.additionalData.tactics.join(", ") || "–"}</dd>
            <dt>Techniques</dt>
            <dd>{p.additionalData.techniques?.join(", ") || "–"}</dd>
            <dt>Tags</dt>
            <dd>
              {p.labels.map((l) => (
                <span class="tag" key={l.labelName}>
                  {l.labelName}
                </span>
              ))}
              {!p.labels.length && "–"}
            </dd>
          </dl>
        </aside>
      </div>
    </article>
  );
}

function Work({ incident, found }: { incident: Incident; found: Loaded<Incident | undefined> }) {
  const p = incident.properties;
  const [closing, setClosing] = useState(false);
  const write = async (properties: Partial<Incident["properties"]>, told: string) => {
    try {
      found.set(await sentinel.change(incident, properties));
      tell(told);
    } catch (error) {
      if (error instanceof ApiError && error.status === 412) {
        tell("Somebody else has changed the incident meanwhile. It is shown as it is now.", { wrong: true });
        found.again();
      } else tell(error instanceof Error ? error.message : String(error), { wrong: true });
    }
  };
  const me = session.value?.name ?? "";
  return (
    <div class="object-work">
      <label>
        Severity{" "}
        <select value={p.severity} onChange={(e) => void write({ severity: e.currentTarget.value as Severity }, "Changed the severity")}>
          {["High", "Medium", "Low", "Informational"].map((s) => (
            <option key={s}>{s}</option>
          ))}
        </select>
      </label>
      <label>
        Status{" "}
        <select
          value={p.status}
          onChange={(e) => {
            const to = e.currentTarget.value as Status;
            if (to === "Closed") {
              setClosing(true);
              e.currentTarget.value = p.status;
            } else void write({ status: to }, to === "Active" ? "Work on it has begun" : "It is new again");
          }}
        >
          {["New", "Active", "Closed"].map((s) => (
            <option key={s}>{s}</option>
          ))}
        </select>
      </label>
      <span>
        Owner <strong>{p.owner.assignedTo ?? p.owner.userPrincipalName ?? "nobody"}</strong>
      </span>
      {p.owner.userPrincipalName !== me && (
        <button
          type="button"
          onClick={() =>
            void write({ owner: { assignedTo: session.value?.displayName ?? me, userPrincipalName: me }, ...(p.status === "New" ? { status: "Active" } : {}) }, "It is yours")
          }
        >
          Take it
        </button>
      )}
      {p.status === "Closed" && (
        <span class="tag">
          {p.classification} {p.classificationReason}
        </span>
      )}
      {closing && (
        <Closing
          done={(properties) => {
            setClosing(false);
            if (properties) void write({ status: "Closed", ...properties }, "Closed");
          }}
        />
      )}
    </div>
  );
}

function Closing({ done }: { done: (properties?: Partial<Incident["properties"]>) => void }) {
  const [kind, setKind] = useState("TruePositive");
  const [why, setWhy] = useState("");
  const reasons = REASONS[kind] ?? [];
  const [reason, setReason] = useState(reasons[0] ?? "");
  const known = reasons.includes(reason) ? reason : (reasons[0] ?? "");
  return (
    <form
      class="closing"
      onSubmit={(e) => {
        e.preventDefault();
        done({ classification: kind, ...(known ? { classificationReason: known } : {}), classificationComment: why });
      }}
    >
      <label>
        It was{" "}
        <select value={kind} onChange={(e) => setKind(e.currentTarget.value)} autofocus>
          {Object.keys(REASONS).map((k) => (
            <option key={k}>{k}</option>
          ))}
        </select>
      </label>
      {reasons.length > 0 && (
        <label>
          because{" "}
          <select value={known} onChange={(e) => setReason(e.currentTarget.value)}>
            {reasons.map((r) => (
              <option key={r}>{r}</option>
            ))}
          </select>
        </label>
      )}
      <input aria-label="Comment" placeholder="What it was, in a sentence" value={why} onInput={(e) => setWhy(e.currentTarget.value)} />
      <button class="main" type="submit">
        Close it
      </button>
      <button type="button" onClick={() => done()}>
        Not yet
      </button>
    </form>
  );
}

function Story({ alerts }: { alerts: Loaded<Alert[]> }) {
  const sorted = useMemo(() => [...(alerts.value ?? [])].sort((a, b) => (began(a) < began(b) ? -1 : 1)), [alerts.value]);
  if (alerts.wrong) return <p class="page-wrong">The alerts can't be read: {alerts.wrong}</p>;
  if (!alerts.value) return <p class="beginning">Reading the alerts …</p>;
  if (!sorted.length) return <p class="empty">No alert belongs to this incident.</p>;
  let day = "";
  return (
    <ol class="story">
      {sorted.map((alert) => {
        const p = alert.properties;
        const at = began(alert);
        const newDay = at.slice(0, 10) !== day;
        day = at.slice(0, 10);
        return (
          <li key={alert.name}>
            {newDay && <h2>{day}</h2>}
            <details>
              <summary>
                <time dateTime={at}>{at.slice(11, 19)}</time>
                <span class={`severity ${p.severity}`} title={p.severity} />
                <span class="story-title">{p.alertDisplayName}</span>
                <span class="quiet">{p.tactics.join(", ")}</span>
              </summary>
              {p.description && <p>{p.description}</p>}
              <Evidence alert={alert} />
            </details>
          </li>
        );
      })}
    </ol>
  );
}

function began(alert: Alert): string {
  return alert.properties.startTimeUtc ?? alert.properties.timeGenerated;
}

function Evidence({ alert }: { alert: Alert }) {
  const more = alert.properties.additionalData;
  const text = more["Query"];
  if (!text) return null;
  const from = more["Query Start Time UTC"];
  const to = more["Query End Time UTC"];
  const ask = () => {
    const scope = from && to ? `set query_datetimescope_column="TimeGenerated";set query_datetimescope_from=datetime(${from});set query_datetimescope_to=datetime(${to});\n` : "";
    open(scope + text, alert.properties.alertDisplayName.slice(0, 40));
    go("/query");
  };
  return (
    <div class="evidence">
      <pre>{text}</pre>
      <button type="button" onClick={ask}>
        Ask for the rows
      </button>{" "}
      <span class="quiet">
        {from && to && `looked at ${time(from.replace("+00:00", "Z"))} to ${time(to.replace("+00:00", "Z"))}; `}
        {more["Search Query Results Overall Count"]} rows
      </span>
    </div>
  );
}

function Entities({ entities, alerts, title }: { entities: Loaded<Entity[]>; alerts: Alert[]; title: string }) {
  const byKind = useMemo(() => {
    const found = new Map<string, Entity[]>();
    for (const e of entities.value ?? []) found.set(e.kind, [...(found.get(e.kind) ?? []), e]);
    return [...found].sort(([a], [b]) => a.localeCompare(b));
  }, [entities.value]);
  if (entities.wrong) return <p class="page-wrong">The entities can't be read: {entities.wrong}</p>;
  if (!entities.value) return <p class="beginning">Reading the entities …</p>;
  if (!byKind.length) return <p class="empty">No entity is known of this incident.</p>;
  return (
    <div class="entities">
      <Graph entities={entities.value} alerts={alerts} title={title} />
      {byKind.map(([kind, list]) => (
        <section key={kind}>
          <h2>
            {KIND_NAMES[kind] ?? kind} <small class="quiet">{list.length}</small>
          </h2>
          <ul>
            {list.map((e) => (
              <li key={e.name}>
                <code>{sentinel.called(e)}</code>
                <button type="button" class="plain" title="Ask where it occurs" aria-label={`Ask where ${sentinel.called(e)} occurs`} onClick={() => look(e)}>
                  Search
                </button>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </div>
  );
}

function look(entity: Entity): void {
  const name = sentinel.called(entity);
  const bare = entity.kind === "Account" ? name.replace(/^.*\\/, "").replace(/@.*$/, "") : entity.kind === "Host" ? (name.split(".")[0] ?? name) : name;
  const quoted = JSON.stringify(bare);
  open(`search ${quoted}\n| where TimeGenerated > ago(14d)\n| summarize Rows = count(), First = min(TimeGenerated), Last = max(TimeGenerated) by $table\n| order by Rows desc\n`, name.slice(0, 40));
  go("/query");
}

function Comments({ id, comments }: { id: string; comments: Loaded<sentinel.Comment[]> }) {
  const [text, setText] = useState("");
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (!text.trim()) return;
    try {
      await sentinel.say(id, text);
      setText("");
      comments.again();
    } catch (error) {
      tell(error instanceof Error ? error.message : String(error), { wrong: true });
    }
  };
  return (
    <div class="comments">
      <form onSubmit={submit}>
        <textarea aria-label="Comment" placeholder="What you found" rows={3} value={text} onInput={(e) => setText(e.currentTarget.value)} />
        <button class="main" type="submit" disabled={!text.trim()}>
          Comment
        </button>
      </form>
      {comments.wrong && <p class="page-wrong">The comments can't be read: {comments.wrong}</p>}
      <ul>
        {(comments.value ?? []).map((c) => (
          <li key={c.name}>
            <p class="quiet">
              <strong>{c.properties.author.name ?? c.properties.author.userPrincipalName}</strong> <When at={c.properties.createdTimeUtc} />
            </p>
            <p class="said">{plain(c.properties.message)}</p>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** Playbooks write HTML: what is read of it is its text. */
function plain(message: string): string {
  if (!/<[a-z!/]/i.test(message)) return message;
  const parsed = new DOMParser().parseFromString(message.replace(/<(br|\/p|\/tr|\/li|\/h\d)\b[^>]*>/gi, "\n$&").replace(/<\/t[dh]>/gi, "\t$&"), "text/html");
  return (parsed.body.textContent ?? "").trim();
}

function Tasks({ id, tasks }: { id: string; tasks: Loaded<Task[]> }) {
  const [text, setText] = useState("");
  const act = async (what: Promise<unknown>) => {
    try {
      await what;
    } catch (error) {
      tell(error instanceof Error ? error.message : String(error), { wrong: true });
    }
    tasks.again();
  };
  return (
    <div class="tasks">
      <form
        onSubmit={(e) => {
          e.preventDefault();
          if (text.trim()) void act(sentinel.addTask(id, text.trim()));
          setText("");
        }}
      >
        <input aria-label="New task" placeholder="What is to be done" value={text} onInput={(e) => setText(e.currentTarget.value)} />
        <button type="submit" disabled={!text.trim()}>
          Add
        </button>
      </form>
      {tasks.wrong && <p class="page-wrong">The tasks can't be read: {tasks.wrong}</p>}
      <ul>
        {(tasks.value ?? []).map((t) => (
          <li key={t.name}>
            <label>
              <input
                type="checkbox"
                checked={t.properties.status === "Completed"}
                onChange={(e) => void act(sentinel.setTask(id, t, e.currentTarget.checked ? "Completed" : "New"))}
              />{" "}
              {t.properties.title}
            </label>
          </li>
        ))}
      </ul>
    </div>
  );
}

function History({ history }: { history: Loaded<Entry[]> }) {
  // What was done on this page since it was opened belongs to it.
  useEffect(history.again, []);
  if (history.wrong) return <p class="page-wrong">The history can't be read: {history.wrong}</p>;
  if (!history.value) return <p class="beginning">Reading the history …</p>;
  return (
    <ol class="entries">
      {[...history.value].reverse().map((e) => (
        <li key={e.name}>
          <When at={e.properties.timeUtc} /> <strong>{e.properties.author.name ?? "huntlake"}</strong> {e.properties.text}
        </li>
      ))}
    </ol>
  );
}
