// What a page of an entity asks the lake: every query is bounded in time, and finds rows by whole words, as the index does.

import { anywhere, bracketed, inAnyColumn, listed, quoted } from "../../parts/kql";
import { type Kind, type Named, word } from "./kinds";

/** How long a query of such a page may take. */
export const PATIENCE = 30;

export const DAYS = [1, 7, 14, 30] as const;
const BINS: Record<number, number> = { 1: 1, 7: 6, 14: 12, 30: 24 };

/** Hours of a bar of the chart over so many days. */
export const hoursOf = (days: number): number => BINS[days] ?? 24;

/** Rows by table and time. What huntlake notes of itself, and what people have written down of it, is no activity. */
export function activity(words: string[], days: number): string {
  return `search TimeGenerated > ago(${days}d) and ${anywhere(words)}
| where $table !startswith "Huntlake" and $table !in ("ThreatIntelIndicators", "ThreatIntelligenceIndicator", "Watchlist")
| summarize Rows = count(), First = min(TimeGenerated), Last = max(TimeGenerated) by Table = $table, Time = bin(TimeGenerated, ${hoursOf(days)}h)`;
}

export function newest(table: string, words: string[], days: number): string {
  return `${bracketed(table)}
| where TimeGenerated > ago(${days}d) and ${inAnyColumn(words)}
| top 50 by TimeGenerated`;
}

/** Alerts that name the entity, each with the incidents that it is in, for 90 days. */
export function alerts(words: string[]): string {
  // Entities are JSON within a text.
  const inside = words.map((w) => JSON.stringify(w).slice(1, -1));
  return `let Named = SecurityAlert
| where TimeGenerated > ago(90d)
| where ${inside.map((w) => `Entities has ${quoted(w)}`).join(" or ")}
| summarize arg_max(TimeGenerated, DisplayName, AlertSeverity, StartTime, Tactics, ProductName) by SystemAlertId;
let Held = SecurityIncident
| where TimeGenerated > ago(90d)
| summarize arg_max(TimeGenerated, AlertIds) by IncidentName
| mv-expand AlertId = AlertIds to typeof(string)
| summarize Incidents = make_set(IncidentName, 5) by AlertId;
Named
| join kind=leftouter Held on $left.SystemAlertId == $right.AlertId
| project Id = SystemAlertId, Title = DisplayName, Severity = AlertSeverity, Began = coalesce(StartTime, TimeGenerated), Tactics, Incidents
| top 200 by Began`;
}

export function indicators({ name }: Named): string {
  const it = quoted(name);
  return `union isfuzzy=true
  (ThreatIntelIndicators
  | where ObservableValue =~ ${it} or Pattern has ${it}
  | summarize arg_max(TimeGenerated, *) by Id
  | where IsDeleted != true
  | project Id, Of = 1, Source = SourceSystem, Says = Pattern, Confidence = toint(Confidence), Holds = IsActive != false and Revoked != true, Until = ValidUntil, Tags = tostring(Tags)),
  (ThreatIntelligenceIndicator
  | where NetworkIP =~ ${it} or NetworkSourceIP =~ ${it} or NetworkDestinationIP =~ ${it} or DomainName =~ ${it} or Url =~ ${it} or FileHashValue =~ ${it} or EmailSenderAddress =~ ${it}
  | summarize arg_max(TimeGenerated, *) by IndicatorId
  | project Id = IndicatorId, Of = 0, Source = SourceSystem, Says = coalesce(Description, ThreatType), Confidence = toint(ConfidenceScore), Holds = Active != false, Until = ExpirationDateTime, Tags = tostring(Tags))
| summarize arg_max(Of, *) by Id
| take 20`;
}

export function watchlists(words: string[]): string {
  const inside = words.map((w) => JSON.stringify(w).slice(1, -1));
  return `Watchlist
| where ${inside.map((w) => `SearchKey has ${quoted(w)} or tostring(WatchlistItem) has ${quoted(w)}`).join(" or ")}
| summarize arg_max(TimeGenerated, WatchlistItem) by WatchlistAlias, WatchlistItemId
| project WatchlistAlias, WatchlistItem
| take 20`;
}

/** What the directory, the devices or the files themselves say of it; undefined for a kind of which nothing does. */
export function known(it: Named): string | undefined {
  const name = quoted(it.name);
  const short = quoted(word(it));
  switch (it.kind) {
    case "account":
      return `IdentityInfo
| where TimeGenerated > ago(90d)
| where ${it.name.includes("@") ? `AccountUPN =~ ${name} or MailAddress =~ ${name}` : `AccountName =~ ${short} or SAMAccountName =~ ${short} or AccountSID =~ ${name} or AccountObjectId =~ ${name} or AccountUPN startswith ${quoted(`${word(it)}@`)}`}
| summarize arg_max(TimeGenerated, *) by AccountObjectId
| take 5`;
    case "host":
      return `DeviceInfo
| where TimeGenerated > ago(30d)
| where DeviceName =~ ${name} or DeviceName =~ ${short} or DeviceName startswith ${quoted(`${word(it)}.`)}
| summarize arg_max(TimeGenerated, *) by DeviceId
| take 5`;
    case "ip":
      return `print Address = ${name}
| extend Place = geo_info_from_ip_address(Address), Private = ipv4_is_private(Address)
| project Country = tostring(Place.country), State = tostring(Place.state), City = tostring(Place.city), Private`;
    case "hash":
      return `union
  (DeviceProcessEvents | where TimeGenerated > ago(30d) | where ${hashed(it)} | project FileName, FolderPath, FileSize, Company = ProcessVersionInfoCompanyName, Product = ProcessVersionInfoProductName),
  (DeviceFileEvents | where TimeGenerated > ago(30d) | where ${hashed(it)} | project FileName, FolderPath, FileSize),
  (EmailAttachmentInfo | where TimeGenerated > ago(30d) | where SHA256 =~ ${name} | project FileName, FileSize)
| summarize Seen = count(), FileNames = make_set_if(FileName, isnotempty(FileName), 5), Folders = make_set_if(FolderPath, isnotempty(FolderPath), 5), FileSize = max(FileSize), Company = max(Company), Product = max(Product)
| where Seen > 0`;
    default:
      return undefined;
  }
}

const hashed = ({ name }: Named): string => `SHA256 =~ ${quoted(name)} or SHA1 =~ ${quoted(name)} or MD5 =~ ${quoted(name)}`;

export interface Relation {
  title: string;
  /** What the names of its answer are. */
  kind: Kind | undefined;
  /** A query with the columns `Name`, `Note`, `Rows`, `First` and `Last`. */
  text: string;
}

const SUM = "summarize Rows = count(), First = min(TimeGenerated), Last = max(TimeGenerated)";

/** Which other entities it goes with. `names` are those it is known by in full, `words` their short forms. */
export function relations(it: Named, names: string[], words: string[], days: number): Relation[] {
  const when = `TimeGenerated > ago(${days}d)`;
  const name = quoted(it.name);
  const short = quoted(`${word(it)}.`);
  const host = (column: string) => `(${column} =~ ${name} or ${column} =~ ${quoted(word(it))} or ${column} startswith ${short})`;
  switch (it.kind) {
    case "account":
      return [
        {
          title: "Addresses it signed in from",
          kind: "ip",
          text: `union SigninLogs, AADNonInteractiveUserSignInLogs
| where ${when} and UserPrincipalName in~ ${listed(names)}
| ${SUM}, Failed = countif(ResultType != "0") by Name = IPAddress
| extend Country = tostring(geo_info_from_ip_address(Name).country)
| extend Note = strcat(Country, iff(Failed > 0, strcat(iff(isempty(Country), "", ", "), Failed, " failed"), ""))
| top 20 by Rows`,
        },
        {
          title: "Hosts it was on",
          kind: "host",
          text: `union
  (DeviceLogonEvents | where ${when} and AccountName in~ ${listed(words)} | project TimeGenerated, Name = tolower(DeviceName), What = LogonType),
  (SecurityEvent | where ${when} and EventID == 4624 and TargetUserName in~ ${listed(words)} | project TimeGenerated, Name = tolower(Computer), What = "4624")
| where isnotempty(Name)
| ${SUM}, Note = strcat_array(array_sort_asc(make_set(What, 4)), ", ") by Name
| top 20 by Rows`,
        },
        {
          title: "Programs it seldom ran",
          kind: "hash",
          text: `DeviceProcessEvents
| where ${when} and AccountName in~ ${listed(words)} and isnotempty(SHA256)
| ${SUM}, Note = take_any(FileName) by Name = SHA256
| top 20 by Rows asc`,
        },
      ];
    case "host":
      return [
        {
          title: "Accounts that logged on",
          kind: "account",
          text: `union
  (DeviceLogonEvents | where ${when} and ${host("DeviceName")} | project TimeGenerated, Name = tolower(strcat(AccountDomain, "\\\\", AccountName)), What = LogonType),
  (SecurityEvent | where ${when} and EventID == 4624 and ${host("Computer")} | project TimeGenerated, Name = tolower(strcat(TargetDomainName, "\\\\", TargetUserName)), What = "4624")
| where Name !endswith "$" and Name !startswith "nt authority"
| ${SUM}, Note = strcat_array(array_sort_asc(make_set(What, 4)), ", ") by Name
| top 20 by Rows`,
        },
        {
          title: "Public addresses it spoke with, the rarest first",
          kind: "ip",
          text: `DeviceNetworkEvents
| where ${when} and ${host("DeviceName")} and isnotempty(RemoteIP) and ipv4_is_private(RemoteIP) == false
| ${SUM}, Url = take_any(RemoteUrl) by Name = RemoteIP
| extend Country = tostring(geo_info_from_ip_address(Name).country)
| extend Note = strcat(Url, iff(isempty(Url) or isempty(Country), "", ", "), Country)
| top 20 by Rows asc`,
        },
        {
          title: "Programs that seldom ran",
          kind: "hash",
          text: `DeviceProcessEvents
| where ${when} and ${host("DeviceName")} and isnotempty(SHA256)
| ${SUM}, Note = take_any(FileName) by Name = SHA256
| top 20 by Rows asc`,
        },
      ];
    case "ip":
      return [
        {
          title: "Accounts that signed in from it",
          kind: "account",
          text: `union SigninLogs, AADNonInteractiveUserSignInLogs
| where ${when} and IPAddress == ${name}
| ${SUM}, Failed = countif(ResultType != "0") by Name = UserPrincipalName
| extend Note = iff(Failed > 0, strcat(Failed, " failed"), "")
| top 20 by Rows`,
        },
        {
          title: "Hosts that spoke with it",
          kind: "host",
          text: `DeviceNetworkEvents
| where ${when} and RemoteIP == ${name}
| ${SUM}, Note = strcat_array(make_set(InitiatingProcessFileName, 4), ", ") by Name = tolower(DeviceName)
| top 20 by Rows`,
        },
        {
          title: "Hosts that have it",
          kind: "host",
          text: `union
  (DeviceNetworkEvents | where ${when} and LocalIP == ${name} | project TimeGenerated, Name = tolower(DeviceName)),
  (Heartbeat | where ${when} | where ComputerIP == ${name} or tostring(ComputerPrivateIPs) has ${name} | project TimeGenerated, Name = tolower(Computer))
| ${SUM} by Name
| extend Note = ""
| top 20 by Rows`,
        },
      ];
    case "hash":
      return [
        {
          title: "Hosts where it was seen",
          kind: "host",
          text: `union
  (DeviceProcessEvents | where ${when} | where ${hashed(it)} | project TimeGenerated, Name = tolower(DeviceName), What = "ran"),
  (DeviceFileEvents | where ${when} | where ${hashed(it)} | project TimeGenerated, Name = tolower(DeviceName), What = ActionType)
| ${SUM}, Note = strcat_array(array_sort_asc(make_set(What, 4)), ", ") by Name
| top 20 by Rows`,
        },
        {
          title: "Accounts that ran it",
          kind: "account",
          text: `DeviceProcessEvents
| where ${when} | where ${hashed(it)}
| ${SUM}, Note = take_any(ProcessCommandLine) by Name = tolower(strcat(AccountDomain, "\\\\", AccountName))
| top 20 by Rows`,
        },
        {
          title: "Who got it by mail",
          kind: "account",
          text: `EmailAttachmentInfo
| where ${when} and SHA256 =~ ${name}
| ${SUM}, Note = strcat("from ", take_any(SenderFromAddress)) by Name = RecipientEmailAddress
| top 20 by Rows`,
        },
      ];
    case "url":
    case "domain": {
      const clicked = it.kind === "url" ? `Url =~ ${name}` : `Url has ${name}`;
      const mailed = it.kind === "url" ? `Url =~ ${name}` : `UrlDomain =~ ${name} or UrlDomain endswith ${quoted(`.${it.name}`)}`;
      const found: Relation[] = [
        {
          title: "Who clicked on it",
          kind: "account",
          text: `UrlClickEvents
| where ${when} | where ${clicked}
| ${SUM}, Note = strcat_array(make_set(ActionType, 4), ", ") by Name = AccountUpn
| top 20 by Rows`,
        },
        {
          title: "Who got it by mail",
          kind: "account",
          text: `EmailUrlInfo
| where ${when} | where ${mailed}
| distinct NetworkMessageId
| join kind=inner (EmailEvents | where ${when}) on NetworkMessageId
| ${SUM}, Note = strcat("from ", take_any(SenderFromAddress)) by Name = RecipientEmailAddress
| top 20 by Rows`,
        },
        {
          title: "Hosts that spoke with it",
          kind: "host",
          text: `DeviceNetworkEvents
| where ${when} and RemoteUrl has ${quoted(it.kind === "url" ? hostIn(it.name) : it.name)}
| ${SUM}, Note = strcat_array(make_set(InitiatingProcessFileName, 4), ", ") by Name = tolower(DeviceName)
| top 20 by Rows`,
        },
      ];
      if (it.kind === "domain") {
        found.push({
          title: "Addresses it stands for, by DNS",
          kind: "ip",
          text: `DnsEvents
| where ${when} and Name has ${name}
| mv-expand Address = split(IPAddresses, ",") to typeof(string)
| extend Name = trim(@"\\s", Address)
| where isnotempty(Name)
| ${SUM}, Note = strcat(dcount(ClientIP), " asked") by Name
| top 20 by Rows`,
        });
      }
      return found;
    }
  }
}

function hostIn(url: string): string {
  try {
    return new URL(url).hostname || url;
  } catch {
    return url;
  }
}

/** What a hunt for some entities asks: in which of the tables, on which days, there is how much of each. */
export function hunt(looked: { it: Named; words: string[] }[], tables: string[], column: (kind: Kind) => string, days: number): string {
  const parts = looked.map(
    ({ it, words }) => `search in (${tables.map(bracketed).join(", ")})
  TimeGenerated > ago(${days}d) and ${anywhere(words)}
| summarize Rows = count(), TimeGenerated = max(TimeGenerated) by Table = $table, Day = bin(TimeGenerated, 1d)
| extend ${column(it.kind)} = ${quoted(it.name)}`,
  );
  if (parts.length === 1) return parts[0] ?? "";
  return `union\n${parts.map((p) => `  (${p.replaceAll("\n", "\n  ")})`).join(",\n")}`;
}
