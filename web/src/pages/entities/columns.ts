// Which columns hold entities: their names say which kind is meant, and their values must look like it.

import { go } from "../../shell/router";
import type { CellAt } from "../../parts/grid";
import type { Act } from "../../parts/menu";
import { type Kind, type Named, TITLES, guess, pathOf } from "./kinds";

const GUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;
const ACCOUNTS = /(^account|^user|^caller|^actor|upn|userprincipalname|accountname|username|userid|emailaddress|fromaddress|targetaccount|subjectaccount)$/i;
const HOSTS = /(^computer|^host|^dvc|devicename|hostname|computername|machinename|workstation|workstationname)$/i;
const DOMAINS = /(domainname|urldomain|fromdomain|dnsquery|queryname|url|uri)$/i;

function isAddress(text: string): boolean {
  return guess(text) === "ip" && (text.includes(":") || text.split(".").every((n) => Number(n) <= 255));
}

/** An address without the port that some logs write behind it. */
function bare(text: string): string {
  return /^(\d+(?:\.\d+){3}):\d+$/.exec(text)?.[1] ?? /^\[([\da-f:.]+)\](?::\d+)?$/i.exec(text)?.[1] ?? text;
}

function kindOf(column: string, text: string): Kind | undefined {
  if (/ip|addr|^dvc$/i.test(column) && isAddress(bare(text))) return "ip";
  if (/sha1|sha256|md5|hash/i.test(column) && guess(text) === "hash") return "hash";
  if (/url|uri|link/i.test(column) && guess(text) === "url") return "url";
  if (DOMAINS.test(column) && guess(text) === "domain") return "domain";
  if (GUID.test(text) || /^(-|n\/a|null|unknown)$/i.test(text)) return undefined;
  if (HOSTS.test(column) && !/[\s@/]/.test(text)) return "host";
  if (ACCOUNTS.test(column) && !/storage/i.test(column) && !isAddress(text)) return "account";
  return undefined;
}

/** The entity that a cell names; undefined where it names none. */
export function entityIn({ column, value }: CellAt): Named | undefined {
  if (column.type !== "string" || typeof value !== "string") return undefined;
  const text = value.trim();
  const kind = text && text.length < 2000 ? kindOf(column.name, text) : undefined;
  return kind && { kind, name: kind === "ip" ? bare(text) : text };
}

/** The way from a cell to the page of the entity that it names. */
export function entityActs(cell: CellAt): Act[] {
  const it = entityIn(cell);
  return it ? [{ title: `Open the ${TITLES[it.kind].replace(/^[A-Z](?=[a-z])/, (c) => c.toLowerCase())}`, hint: it.name.slice(0, 40), run: () => go(pathOf(it)) }] : [];
}
