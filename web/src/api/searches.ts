// Saved queries and functions, over Azure Resource Manager's API.

import { arm } from "../shell/session";
import { ask, json } from "./door";
import { all } from "./sentinel";

const VERSION = "api-version=2020-08-01";

export interface Search {
  name: string;
  etag: string;
  properties: {
    category: string;
    displayName: string;
    query: string;
    version?: number;
    functionAlias?: string | null;
    functionParameters?: string | null;
    tags?: { name: string; value: string }[] | null;
  };
}

const of = (name: string): string => `${arm.value}/savedSearches/${encodeURIComponent(name)}?${VERSION}`;

export const searches = (): Promise<Search[]> => all<Search>(`${arm.value}/savedSearches?${VERSION}`);
export const search = (name: string): Promise<Search> => json<Search>(of(name));

/** Saves a search in place of the one that was read; fails with 412 where somebody else has changed it meanwhile. */
export function save(name: string, properties: Search["properties"], etag?: string): Promise<Search> {
  const headers: Record<string, string> = etag ? { "If-Match": etag } : { "If-None-Match": "*" };
  return json<Search>(of(name), { method: "PUT", headers, body: { properties } });
}

export async function remove(one: Search): Promise<void> {
  await ask(of(one.name), { method: "DELETE", headers: { "If-Match": one.etag } });
}
