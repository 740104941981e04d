// A hunt is begun from entities, or from an incident with its entities: a draft, which a person reads and confirms.

import { useRef, useState } from "preact/hooks";
import * as hunting from "../../api/hunting";
import { objects, query } from "../../api/kusto";
import type { Incident } from "../../api/sentinel";
import { attempt } from "../../parts/attempt";
import { Dialog } from "../../parts/dialog";
import { useLoaded } from "../../parts/load";
import { go } from "../../shell/router";
import { workspace } from "../../shell/session";
import { MAPPED, TITLES, type Kind, type Named, pathOf } from "./kinds";
import { PATIENCE, activity, hunt } from "./queries";

const DAYS = 14;
const MOST = 8;
/** Tables that tell of detections: a hunt looks at what happened. */
const TOLD = new Set(["SecurityAlert", "SecurityIncident", "AlertInfo", "AlertEvidence", "SentinelHealth", "SentinelAudit"]);
const COLUMNS: Record<Kind, string> = { account: "Account", host: "Host", ip: "Address", hash: "FileHash", url: "Url", domain: "Domain" };

export interface Looked {
  it: Named;
  words: string[];
}

interface Props {
  entities: Looked[];
  incident?: Incident;
  close: () => void;
}

export function BeginHunt({ entities, incident, close }: Props) {
  const where = workspace.value?.name ?? "";
  const [chosen, setChosen] = useState<ReadonlySet<string>>(() => new Set(entities.slice(0, 1).map((e) => pathOf(e.it))));
  const [title, setTitle] = useState(incident ? `Traces of incident ${incident.properties.incidentNumber}` : `Traces of ${entities[0]?.it.name ?? ""}`.slice(0, 200));
  const [why, setWhy] = useState("");
  const [busy, setBusy] = useState(false);
  const looked = entities.filter((e) => chosen.has(pathOf(e.it)));
  const known = useRef(new Map<string, Promise<string[]>>());
  const tables = useLoaded(async () => {
    const each = looked.map(({ it, words }) => {
      const found = known.current.get(pathOf(it)) ?? holding(where, words);
      known.current.set(pathOf(it), found);
      return found;
    });
    return [...new Set((await Promise.all(each)).flat())].sort();
  }, [where, [...chosen].sort().join()]);
  const text = looked.length && tables.value?.length ? hunt(looked, tables.value, (kind) => COLUMNS[kind], DAYS) : "";
  const begin = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    const kinds = [...new Set(looked.map((e) => e.it.kind))];
    const said = looked.map((e) => `${TITLES[e.it.kind]} ${e.it.name}`).join(", ");
    const begun = await attempt(async () => {
      const made = await hunting.begin({
        title,
        statement: why || `If ${said} did more than is known, then rows of other days or tables show it.`,
        rationale: incident ? `Incident ${incident.properties.incidentNumber}, ${incident.properties.title}: it names ${said}.` : `Somebody looked at ${said}.`,
        query: text,
        period: `P${DAYS}D`,
        tables: tables.value ?? [],
        techniques: incident?.properties.additionalData.techniques ?? [],
        entityMappings: kinds.map((kind) => ({ entityType: MAPPED[kind].type, fieldMappings: [{ identifier: MAPPED[kind].identifier, columnName: COLUMNS[kind] }] })),
        ...(incident ? { incident: incident.name } : {}),
      });
      go(`/hunts/${made.name}`);
      return "A draft was made. Nothing runs before it is proved and approved.";
    });
    if (!begun) setBusy(false);
  };
  return (
    <Dialog title="Begin a hunt" close={close}>
      <form onSubmit={(e) => void begin(e)}>
        <label class="whole">
          Title
          <input required maxLength={500} value={title} onInput={(e) => setTitle(e.currentTarget.value)} />
        </label>
        {entities.length > 1 && (
          <fieldset>
            <legend>Look for, at most {MOST}</legend>
            {entities.map(({ it }) => {
              const key = pathOf(it);
              return (
                <label key={key}>
                  <input
                    type="checkbox"
                    checked={chosen.has(key)}
                    disabled={!chosen.has(key) && chosen.size >= MOST}
                    onChange={(e) => {
                      const next = new Set(chosen);
                      if (e.currentTarget.checked) next.add(key);
                      else next.delete(key);
                      setChosen(next);
                    }}
                  />{" "}
                  <span class="quiet">{TITLES[it.kind]}</span> {it.name}
                </label>
              );
            })}
          </fieldset>
        )}
        <label class="whole">
          What you expect to find
          <textarea rows={2} placeholder="If …, then …" maxLength={2000} value={why} onInput={(e) => setWhy(e.currentTarget.value)} />
        </label>
        <p class="quiet">It asks, over {DAYS} days, the tables that have held them in the last 30:</p>
        {tables.wrong ? (
          <p class="page-wrong" role="alert">
            The lake didn't tell which tables hold them: {tables.wrong}
          </p>
        ) : text ? (
          <pre>{text}</pre>
        ) : (
          <p class="quiet" role="status">
            {!looked.length ? "Choose what to look for." : tables.value ? "No table has held them in the last 30 days: there is nothing to look through." : "Looking which tables hold them …"}
          </p>
        )}
        <div class="decision-end">
          <button type="submit" class="main" disabled={!text || busy}>
            {busy ? "Making the draft …" : "Make a draft"}
          </button>
          <button type="button" onClick={close}>
            Leave it
          </button>
          <span class="quiet">A draft runs nowhere by itself.</span>
        </div>
      </form>
    </Dialog>
  );
}

/** The tables that have held one of the words lately. */
async function holding(where: string, words: string[]): Promise<string[]> {
  const { tables, partial } = await query({ workspace: where, text: activity(words, 30), patience: PATIENCE });
  if (partial) throw new Error(partial);
  return [...new Set(objects<{ Table: string }>(tables[0]).map((r) => r.Table))].filter((n) => !TOLD.has(n));
}
