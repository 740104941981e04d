// Where an entity is looked up: by its name, or among those that the workspace knows.

import { useMemo, useRef } from "preact/hooks";
import { objects } from "../../api/kusto";
import { useSaid } from "../../parts/address";
import { useAnswer } from "../../parts/answer";
import { List, type ListColumn } from "../../parts/list";
import { count } from "../../parts/values";
import { Link, go } from "../../shell/router";
import { KINDS, type Kind, type Named, TITLES, guess, pathOf } from "./kinds";
import { PATIENCE } from "./queries";

const MOST = 60;

const OF_ALERTS = `SecurityAlert
| where TimeGenerated > ago(30d)
| summarize arg_max(TimeGenerated, Entities) by SystemAlertId
| mv-expand E = parse_json(Entities)
| extend Type = tostring(E.Type)
| extend Kind = case(Type == "account", "account", Type == "mailbox", "account", Type == "host", "host", Type == "ip", "ip", Type == "filehash", "hash", Type == "url", "url", Type == "dns", "domain", "")
| where isnotempty(Kind)
| extend Name = case(
    Type == "account", iff(isnotempty(E.UPNSuffix), strcat(E.Name, "@", E.UPNSuffix), iff(isnotempty(E.NTDomain), strcat(E.NTDomain, "\\\\", E.Name), tostring(E.Name))),
    Type == "mailbox", tostring(E.MailboxPrimaryAddress),
    Type == "host", iff(isnotempty(E.DnsDomain), strcat(E.HostName, ".", E.DnsDomain), tostring(E.HostName)),
    Type == "ip", tostring(E.Address),
    Type == "filehash", tostring(E.Value),
    Type == "url", tostring(E.Url),
    tostring(E.DomainName))
| where isnotempty(Name)
| summarize Alerts = dcount(SystemAlertId) by Kind, Name = tolower(Name)
| top 500 by Alerts`;

const OF_INVENTORY = `union
  (IdentityInfo | where TimeGenerated > ago(90d) | where isnotempty(AccountUPN) | distinct Kind = "account", Name = tolower(AccountUPN), Note = AccountDisplayName),
  (DeviceInfo | where TimeGenerated > ago(30d) | where isnotempty(DeviceName) | distinct Kind = "host", Name = tolower(DeviceName), Note = OSPlatform)
| take 5000`;

interface Candidate extends Named {
  note: string;
  alerts: number;
}

const COLUMNS: ListColumn<Candidate>[] = [
  { title: "Entity", look: "wide", by: (c) => c.name, cell: (c) => <Link to={pathOf(c)}>{c.name}</Link> },
  { title: "Kind", by: (c) => TITLES[c.kind], cell: (c) => TITLES[c.kind] },
  { title: "Known as", by: (c) => c.note, cell: (c) => c.note },
  { title: "Alerts in 30 days", look: "number", by: (c) => c.alerts, down: true, cell: (c) => (c.alerts ? count(c.alerts) : <span class="quiet">–</span>) },
];

export function LookUp() {
  const [text, setText] = useSaid("name");
  const [said, setChosen] = useSaid("kind");
  const chosen = KINDS.find((k) => k === said) ?? "";
  const alerted = useAnswer(OF_ALERTS, PATIENCE);
  const inventory = useAnswer(OF_INVENTORY, PATIENCE);
  const box = useRef<HTMLInputElement>(null);
  const candidates = useMemo(() => {
    const all = new Map<string, Candidate>();
    for (const a of objects<{ Kind: Kind; Name: string; Alerts: number }>(alerted.value?.tables[0])) {
      const one = { kind: a.Kind, name: a.Name, note: "", alerts: a.Alerts };
      all.set(pathOf(one), one);
    }
    for (const i of objects<{ Kind: Kind; Name: string; Note: string }>(inventory.value?.tables[0])) {
      const one = { kind: i.Kind, name: i.Name, note: i.Note, alerts: all.get(pathOf({ kind: i.Kind, name: i.Name }))?.alerts ?? 0 };
      all.set(pathOf(one), one);
    }
    return [...all.values()].sort((a, b) => b.alerts - a.alerts || a.name.localeCompare(b.name));
  }, [alerted.value, inventory.value]);
  const wanted = text.trim().toLowerCase();
  const fitting = candidates.filter((c) => (!chosen || c.kind === chosen) && (wanted ? c.name.includes(wanted) || c.note.toLowerCase().includes(wanted) : c.alerts > 0));
  // A whole word that one known entity begins with is that one, and no account of that name.
  const first = fitting.find((c) => c.name === wanted) ?? fitting.find((c) => c.name.split(/[.@]/)[0] === wanted);
  const kind = chosen || (first?.kind ?? guess(text));
  const look = (event: Event) => {
    event.preventDefault();
    if (text.trim()) go(pathOf({ kind, name: text.trim() }));
    else box.current?.focus();
  };
  return (
    <div class="lookup">
      <header class="page-head">
        <h1>Entities</h1>
        <form onSubmit={look}>
          <input
            ref={box}
            type="search"
            aria-label="Look up an entity"
            placeholder="Account, host, address, hash, URL or domain"
            value={text}
            autofocus
            spellcheck={false}
            onInput={(e) => setText(e.currentTarget.value)}
          />
          <select aria-label="Kind" value={kind} onChange={(e) => setChosen(e.currentTarget.value)}>
            {KINDS.map((k) => (
              <option key={k} value={k}>
                {TITLES[k]}
              </option>
            ))}
          </select>
          <button type="submit" class="main">
            Look up
          </button>
        </form>
      </header>
      {(alerted.wrong || inventory.wrong) && <p class="page-wrong">What is known can't be read: {alerted.wrong || inventory.wrong}. Names can be looked up all the same.</p>}
      {!alerted.value && !alerted.wrong && <p class="beginning">Reading which entities alerts name …</p>}
      {alerted.value && !fitting.length && (
        <div class="empty">
          <h2>{wanted ? "None that is known is called so" : "No alert names an entity yet"}</h2>
          <p>{wanted ? "Look it up all the same: the lake may hold it." : "Look up any name: what the lake holds of it is shown."}</p>
        </div>
      )}
      {fitting.length > 0 && <List label="Entities" rows={fitting} most={MOST} columns={COLUMNS} of={pathOf} to={pathOf} />}
      {fitting.length > MOST && <p class="lookup-more quiet">{count(fitting.length - MOST)} more: type a part of the name.</p>}
    </div>
  );
}
