// What an entity is by its kind and its name, and how rows tell of it.

import { called, type Entity } from "../../api/sentinel";

export const KINDS = ["account", "host", "ip", "hash", "url", "domain"] as const;
export type Kind = (typeof KINDS)[number];

export interface Named {
  kind: Kind;
  name: string;
}

export const TITLES: Record<Kind, string> = { account: "Account", host: "Host", ip: "IP address", hash: "File hash", url: "URL", domain: "Domain" };

const OF_KIND: Record<string, Kind> = { Account: "account", Mailbox: "account", Host: "host", Ip: "ip", FileHash: "hash", Url: "url", DnsResolution: "domain" };

/** What rules call the kind, and by what they tell one from another: the mapping of a hunt's column. */
export const MAPPED: Record<Kind, { type: string; identifier: string }> = {
  account: { type: "Account", identifier: "FullName" },
  host: { type: "Host", identifier: "FullName" },
  ip: { type: "IP", identifier: "Address" },
  hash: { type: "FileHash", identifier: "Value" },
  url: { type: "URL", identifier: "Url" },
  domain: { type: "DNS", identifier: "DomainName" },
};

/** An entity of an incident, as pages of its own name it; undefined for a kind that has none. */
export function named(entity: Entity): Named | undefined {
  const kind = OF_KIND[entity.kind];
  const name = called(entity);
  return kind && name && name !== entity.kind ? { kind, name } : undefined;
}

export function pathOf({ kind, name }: Named): string {
  return `/entities/${kind}/${encodeURIComponent(name)}`;
}

/** What the rest of an address names; undefined where it names nothing. */
export function read(rest: string): Named | undefined {
  const at = rest.indexOf("/");
  const kind = KINDS.find((k) => k === rest.slice(0, at));
  if (!kind) return undefined;
  try {
    const name = decodeURIComponent(rest.slice(at + 1));
    return name.trim() ? { kind, name } : undefined;
  } catch {
    return undefined;
  }
}

/** Of which kind a text may be. A name of one word may be an account's or a host's: an account it is. */
export function guess(text: string): Kind {
  const t = text.trim();
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(t) || /^[\da-f]*:[\da-f:.]+$/i.test(t)) return "ip";
  if (/^([\da-f]{32}|[\da-f]{40}|[\da-f]{64})$/i.test(t)) return "hash";
  if (/^[a-z][a-z\d+.-]*:\/\//i.test(t)) return "url";
  if (/[@\\]/.test(t)) return "account";
  return /^[\w-]+(\.[\w-]+)+$/.test(t) ? "domain" : "account";
}

/** The part of a name that all logs share: without the account's domain, the host's suffix. */
export function word({ kind, name }: Named): string {
  let short = name;
  if (kind === "account") short = name.replace(/^.*\\/s, "").replace(/(.)@[^@]*$/s, "$1");
  else if (kind === "host" && guess(name) !== "ip") short = name.replace(/\..*$/s, "");
  return short.trim() || name;
}
