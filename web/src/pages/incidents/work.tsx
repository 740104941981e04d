// Whose an incident is, how severe, how far, and what it is tagged with; and what can be begun from it.

import { useEffect, useState } from "preact/hooks";
import { members as membersOf } from "../../api/kusto";
import * as sentinel from "../../api/sentinel";
import type { Entity, Incident, Severity, Status } from "../../api/sentinel";
import { attempt } from "../../parts/attempt";
import { focused, useReturn } from "../../parts/focus";
import { type Loaded, useLoaded } from "../../parts/load";
import { RunPlaybook } from "../../parts/run_playbook";
import { offer } from "../../shell/commands";
import { may, session, workspace } from "../../shell/session";
import { tell } from "../../shell/toasts";
import { BeginHunt, type Looked } from "../entities/hunt";
import { KINDS, named, pathOf, word } from "../entities/kinds";

const REASONS: Record<string, string[]> = {
  Undetermined: [],
  TruePositive: ["SuspiciousActivity"],
  BenignPositive: ["SuspiciousButExpected"],
  FalsePositive: ["IncorrectAlertLogic", "InaccurateData"],
};

export type Write = (properties: Partial<Incident["properties"]>, told: string) => Promise<void>;

/** Writes what has changed of the incident that is shown, and tells so. */
export function writer(incident: Incident, found: Loaded<Incident | null>): Write {
  return async (properties, told) => {
    const doing = async () => {
      found.set(await sentinel.change(incident, properties));
      return told;
    };
    await attempt(doing, { thing: "incident", again: found.again });
  };
}

interface Props {
  incident: Incident;
  write: Write;
  entities: Entity[] | undefined;
  /** After something that may have changed what belongs to it. */
  again: () => void;
}

export function Work({ incident, write, entities, again }: Props) {
  const p = incident.properties;
  const [open, setOpen] = useState<"" | "closing" | "playbook" | "hunt">("");
  const shut = () => {
    setOpen("");
    again();
  };
  const take = () => void write({ owner: mine(), ...(p.status === "New" ? { status: "Active" } : {}) }, "It is yours");
  useEffect(
    () =>
      offer([
        ...(may("respond") && !isMine(incident) ? [{ title: "Take the incident", run: take }] : []),
        ...(may("respond") && p.status !== "Closed" ? [{ title: "Close the incident …", run: () => setOpen("closing") }] : []),
        ...(may("respond", "run") ? [{ title: "Run a playbook on the incident …", run: () => setOpen("playbook") }] : []),
        ...(may("hunt") && entities ? [{ title: "Begin a hunt from the incident …", run: () => setOpen("hunt") }] : []),
      ]),
    [incident.etag, entities],
  );
  return (
    <div class="object-work">
      {may("respond") ? (
        <>
          <label>
            Severity{" "}
            <select value={p.severity} onChange={(e) => void write({ severity: e.currentTarget.value as Severity }, "Changed the severity")}>
              {sentinel.SEVERITIES.map((s) => (
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
                  setOpen("closing");
                  e.currentTarget.value = p.status;
                } else void write({ status: to }, to === "Active" ? "Work on it has begun" : "It is new again");
              }}
            >
              {sentinel.STATUSES.map((s) => (
                <option key={s}>{s}</option>
              ))}
            </select>
          </label>
        </>
      ) : (
        <>
          <span>
            Severity <span class={`severity ${p.severity}`}>{p.severity}</span>
          </span>
          <span>
            Status <strong>{p.status}</strong>
          </span>
        </>
      )}
      <span>
        Owner <strong>{p.owner.assignedTo ?? p.owner.userPrincipalName ?? "nobody"}</strong>
      </span>
      {may("respond") && <Taking incident={incident} write={write} take={take} />}
      {may("respond", "run") && (
        <button type="button" onClick={() => setOpen("playbook")}>
          Run a playbook …
        </button>
      )}
      {may("hunt") && (
        <button type="button" disabled={!entities} onClick={() => setOpen("hunt")}>
          Begin a hunt …
        </button>
      )}
      {p.status === "Closed" && (
        <span class="tag">
          {p.classification} {p.classificationReason}
        </span>
      )}
      {open === "closing" && (
        <Closing
          done={(properties) => {
            setOpen("");
            if (properties) void write({ status: "Closed", ...properties }, "Closed");
          }}
        />
      )}
      {open === "playbook" && <RunPlaybook incident={incident.name} on={`incident ${p.incidentNumber}`} close={shut} />}
      {open === "hunt" && <BeginHunt incident={incident} entities={looked(entities ?? [])} close={shut} />}
    </div>
  );
}

/** What a hunt from the incident may look for, each once: a mailbox is an account, too. */
function looked(entities: Entity[]): Looked[] {
  const found = new Map<string, Looked>();
  for (const entity of entities) {
    const it = named(entity);
    if (it && !found.has(pathOf(it).toLowerCase())) found.set(pathOf(it).toLowerCase(), { it, words: [word(it)] });
  }
  return [...found.values()].sort((a, b) => KINDS.indexOf(a.it.kind) - KINDS.indexOf(b.it.kind));
}

/** The person who is signed in, as an owner. */
export function mine(): Incident["properties"]["owner"] {
  const me = session.value?.name ?? "";
  return { assignedTo: session.value?.displayName ?? me, userPrincipalName: me };
}

function isMine(incident: Incident): boolean {
  return incident.properties.owner.userPrincipalName === (session.value?.name ?? "");
}

function Taking({ incident, write, take }: { incident: Incident; write: Write; take: () => void }) {
  const p = incident.properties;
  const [asking, setAsking] = useState(false);
  const opener = useReturn<HTMLButtonElement>(asking);
  return (
    <>
      {!isMine(incident) && (
        <button type="button" onClick={take}>
          Take it
        </button>
      )}
      {asking ? (
        <Assign
          owned={!!(p.owner.assignedTo ?? p.owner.userPrincipalName)}
          done={(owner, told) => {
            setAsking(false);
            if (owner) void write({ owner }, told);
          }}
        />
      ) : (
        <button type="button" ref={opener} onClick={() => setAsking(true)}>
          Assign …
        </button>
      )}
    </>
  );
}

export function Assign({ owned, done }: { owned: boolean; done: (owner: Incident["properties"]["owner"] | undefined, told: string) => void }) {
  const where = workspace.value?.name ?? "";
  const [name, setName] = useState("");
  const members = useLoaded(() => membersOf(where), [where]);
  const people = (members.value ?? [])
    .filter((m) => m.PrincipalFQN.startsWith("aaduser="))
    .map((m) => ({ name: m.PrincipalFQN.slice("aaduser=".length), shown: m.PrincipalDisplayName }));
  const nobody = { assignedTo: null, userPrincipalName: null, email: null, objectId: null };
  return (
    <form
      class="assign"
      onSubmit={(e) => {
        e.preventDefault();
        const wanted = name.trim();
        const known = people.find((p) => p.name === wanted || p.shown === wanted);
        if (wanted) done({ ...nobody, assignedTo: known?.shown ?? wanted, userPrincipalName: known?.name ?? wanted }, `It is ${known?.shown ?? wanted}'s`);
      }}
    >
      <input aria-label="Who takes it" placeholder="User name" list="people" value={name} ref={focused} onInput={(e) => setName(e.currentTarget.value)} />
      <datalist id="people">
        {people.map((p) => (
          <option key={p.name} value={p.name}>
            {p.shown}
          </option>
        ))}
      </datalist>
      <button type="submit" class="main" disabled={!name.trim()}>
        Assign
      </button>
      {owned && (
        <button type="button" onClick={() => done(nobody, "It is nobody's")}>
          Nobody
        </button>
      )}
      <button type="button" onClick={() => done(undefined, "")}>
        Leave it
      </button>
    </form>
  );
}

export function Tags({ incident, write }: { incident: Incident; write: Write }) {
  const { labels } = incident.properties;
  const [text, setText] = useState("");
  const add = (event: Event) => {
    event.preventDefault();
    const name = text.trim();
    if (!name) return;
    setText("");
    if (labels.some((l) => l.labelName.toLowerCase() === name.toLowerCase())) tell(`It is tagged ${name} already`);
    else void write({ labels: [...labels, { labelName: name, labelType: "User" }] }, `Tagged ${name}`);
  };
  return (
    <>
      <span class="tags">
        {labels.map((l) => (
          <span class="tag" key={l.labelName}>
            {l.labelName}
            {may("respond") && (
              <button type="button" class="plain" aria-label={`Remove the tag ${l.labelName}`} onClick={() => void write({ labels: labels.filter((o) => o !== l) }, `Removed the tag ${l.labelName}`)}>
                ✕
              </button>
            )}
          </span>
        ))}
        {!labels.length && !may("respond") && "–"}
      </span>
      {may("respond") && (
        <form class="tag-new" onSubmit={add}>
          <input aria-label="New tag" placeholder="New tag" maxLength={200} value={text} onInput={(e) => setText(e.currentTarget.value)} />
          <button type="submit" disabled={!text.trim()}>
            Tag
          </button>
        </form>
      )}
    </>
  );
}

export function Closing({ done }: { done: (properties?: Partial<Incident["properties"]>) => void }) {
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
        <select value={kind} onChange={(e) => setKind(e.currentTarget.value)} ref={focused}>
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
