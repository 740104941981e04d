// What is done with several incidents at once: each is written with the version that was read, and what isn't is told by name.

import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, why } from "../../api/door";
import * as sentinel from "../../api/sentinel";
import { type Incident, SEVERITIES, STATUSES, type Severity, type Status } from "../../api/sentinel";
import { counted } from "../../parts/values";
import { workspace } from "../../shell/session";
import { tell } from "../../shell/toasts";
import { Assign, Closing, mine } from "./work";

type Properties = Partial<Incident["properties"]>;

interface Failure {
  incident: Incident;
  why: string;
}

interface Props {
  incidents: Incident[];
  /** How many more are chosen that the filters hide. */
  hidden: number;
  /** Shows incidents as they are now; those of these numbers stay chosen. */
  done: (now: Incident[], left: ReadonlySet<string>) => void;
  leave: () => void;
}

export function Several({ incidents, hidden, done, leave }: Props) {
  const [open, setOpen] = useState<"" | "closing" | "assigning">("");
  const [at, setAt] = useState(-1);
  const [failures, setFailures] = useState<Failure[]>([]);
  const busy = at >= 0;
  const isHere = useRef(true);
  useEffect(() => () => void (isHere.current = false), []);
  const write = async (change: (one: Incident) => Properties) => {
    const now: Incident[] = [];
    const failed: Failure[] = [];
    let same = 0;
    setFailures([]);
    const place = workspace.value;
    for (const [i, incident] of incidents.entries()) {
      if (workspace.value !== place) {
        failed.push(...incidents.slice(i).map((left) => ({ incident: left, why: "you went to another workspace" })));
        break;
      }
      setAt(i);
      const properties = change(incident);
      if (isSo(incident, properties)) {
        same += 1;
        continue;
      }
      try {
        now.push(await sentinel.change(incident, properties));
      } catch (error) {
        const isStale = error instanceof ApiError && error.status === 412;
        failed.push({ incident, why: isStale ? "somebody else has changed it meanwhile; it is shown as it is now" : why(error) });
        const fresh = isStale ? await sentinel.incident(incident.name).catch(() => null) : null;
        if (fresh) now.push(fresh);
      }
    }
    if (!isHere.current) {
      // Nobody sees the list of them any more, and the address is another's.
      for (const { incident, why: reason } of failed) tell(`Incident ${incident.properties.incidentNumber} was not changed: ${reason}`, { wrong: true });
      return;
    }
    setAt(-1);
    setFailures(failed);
    const changed = incidents.length - failed.length - same;
    if (changed || !failed.length) tell(`${counted(changed, "incident")} changed${same ? `, ${same} ${same === 1 ? "was" : "were"} so already` : ""}`);
    // What was filled in stays for those that are left.
    if (!failed.length) setOpen("");
    done(now, new Set(failed.map((f) => String(f.incident.properties.incidentNumber))));
  };
  return (
    <div class="several" role="group" aria-label="The chosen incidents">
      <strong role="status">
        {busy ? `${at + 1} of ${incidents.length} …` : `${incidents.length} chosen`}
        {!busy && hidden > 0 && <span class="quiet"> and {hidden} that the filters hide</span>}
      </strong>
      <fieldset disabled={busy || !incidents.length}>
        <legend class="visually-hidden">What is done with them</legend>
        <button type="button" onClick={() => void write((one) => ({ owner: mine(), ...(one.properties.status === "New" ? { status: "Active" as Status } : {}) }))}>
          Take them
        </button>
        <button type="button" aria-expanded={open === "assigning"} onClick={() => setOpen(open === "assigning" ? "" : "assigning")}>
          Assign …
        </button>
        <Change title="Severity" all={SEVERITIES} set={(severity) => void write(() => ({ severity: severity as Severity }))} />
        <Change title="Status" all={STATUSES.filter((s) => s !== "Closed")} set={(status) => void write(() => ({ status: status as Status }))} />
        <button type="button" aria-expanded={open === "closing"} onClick={() => setOpen(open === "closing" ? "" : "closing")}>
          Close …
        </button>
      </fieldset>
      <button type="button" class="plain" disabled={busy} onClick={leave}>
        Choose none
      </button>
      {open === "assigning" && (
        <Assign
          owned
          done={(owner) => {
            if (owner) void write(() => ({ owner }));
            else setOpen("");
          }}
        />
      )}
      {open === "closing" && (
        <Closing
          done={(properties) => {
            if (properties) void write(() => ({ status: "Closed", ...properties }));
            else setOpen("");
          }}
        />
      )}
      {failures.length > 0 && (
        <div class="several-failed" role="alert">
          <p>{counted(failures.length, "incident")} not changed, and still chosen:</p>
          <ul>
            {failures.map(({ incident: { name, properties: p }, why: reason }) => (
              <li key={name}>
                <strong>
                  {p.incidentNumber} {p.title}
                </strong>
                : {reason}
              </li>
            ))}
          </ul>
        </div>
      )}
    </div>
  );
}

function Change({ title, all, set }: { title: string; all: readonly string[]; set: (value: string) => void }) {
  return (
    <select
      aria-label={`${title} of the chosen incidents`}
      value=""
      onChange={(e) => {
        const value = e.currentTarget.value;
        e.currentTarget.value = "";
        if (value) set(value);
      }}
    >
      <option value="">{title} …</option>
      {all.map((one) => (
        <option key={one}>{one}</option>
      ))}
    </select>
  );
}

function isSo({ properties: p }: Incident, { owner, severity, status, ...closing }: Properties): boolean {
  const owns = !owner || (owner.userPrincipalName === p.owner.userPrincipalName && owner.assignedTo === p.owner.assignedTo);
  return owns && (!severity || severity === p.severity) && (!status || status === p.status) && !Object.keys(closing).length;
}
