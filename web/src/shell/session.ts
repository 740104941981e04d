// Who is signed in, and in which workspace they work.

import { computed, effect, signal } from "@preact/signals";
import { belongTo, send, why } from "../api/door";
import { BASE, go, inEveryAddress, place } from "./router";

/** What a role may allow, by the names that the server has for it. */
export type Right =
  | "read"
  | "write"
  | "manage"
  | "respond"
  | "author"
  | "hunt"
  | "approve hunts"
  | "lead hunts"
  | "audit"
  | "reveal"
  | "publish"
  | "watch"
  | "run"
  | "switch"
  | "automate";

export interface Workspace {
  name: string;
  id: string;
  role: string;
  may: Right[];
}

export interface Session {
  signedIn: true;
  id: string;
  name: string;
  displayName: string;
  proof: string;
  workspaces: Workspace[];
  tenant: string;
  subscription: string;
  resourceGroup: string;
}

/** undefined until it is known; null where nobody is signed in. */
export const session = signal<Session | null | undefined>(undefined);
export const trouble = signal("");

/** How people may sign in here: at providers elsewhere, and with a password. */
export interface Ways {
  providers: { name: string; title: string }[];
  password: boolean;
}

export const ways = signal<Ways>({ providers: [], password: true });
/** Where whoever has signed out here is still signed in. */
export const elsewhere = signal<{ title: string; signOut: string } | null>(null);

let leaving = false;

const WANTED = "wanted place";
const TROUBLES: Record<string, string> = {
  again: "That sign-in took too long, or was begun in another window. Try again.",
  cancelled: "You were not signed in: the provider, or you, said no.",
  provider: "The provider doesn't answer, or not as it should. Try again later, or ask whoever runs this server.",
  "no-account": "The provider knows you, but you have no account here. Whoever runs this server makes one.",
  closed: "Your account here is closed. Ask whoever runs this server.",
  "not-allowed": "The provider knows you, but this server lets only some of its people in. Ask whoever runs it.",
  throttled: "Too many attempts failed. Try again in a minute.",
};

const chosen = signal(localStorage.getItem("workspace") ?? "");

/** The workspace that the address says, which may be none that is open to the person. */
export const asked = computed(() => place.value.query.get("workspace"));

export const workspace = computed<Workspace | undefined>(() => {
  const all = session.value?.workspaces ?? [];
  if (asked.value !== null) return all.find((w) => w.name === asked.value);
  return all.find((w) => w.name === chosen.value) ?? all[0];
});

effect(() => {
  const isOneOfSeveral = (session.value?.workspaces.length ?? 0) > 1;
  inEveryAddress(isOneOfSeveral ? (workspace.value?.name ?? "") : "");
});

/** Whether the person's role allows all of these. The server looks again: this only spares people what is refused. */
export function may(...rights: Right[]): boolean {
  return rights.every((r) => workspace.value?.may.includes(r));
}

/** Whether one of these is what the person is known by, where it is noted who wrote or asked for something. */
export function isMe(...known: (string | undefined)[]): boolean {
  const mine = [session.value?.id, session.value?.displayName].map(plain);
  return known.some((one) => one && mine.includes(plain(one)));
}

function plain(name = ""): string {
  return name.normalize("NFKC").toLowerCase().trim();
}

/** Goes to another workspace: to the same kind of place, as what is there has other names. */
export function choose(name: string): void {
  chosen.value = name;
  localStorage.setItem("workspace", name);
  const [kind = ""] = place.value.path.split("/").filter(Boolean);
  go(`/${kind}?workspace=${encodeURIComponent(name)}`);
}

/** The path of a workspace's resources in ARM. */
export const arm = computed(() => {
  const s = session.value;
  const w = workspace.value;
  if (!s || !w) return "";
  return `/subscriptions/${s.subscription}/resourceGroups/${s.resourceGroup}/providers/Microsoft.OperationalInsights/workspaces/${w.name}`;
});

export async function begin(): Promise<void> {
  try {
    const told = (await (await send("/app/session", {})).json()) as Session | { signedIn: false };
    if (!told.signedIn) await lookForWays();
    take(told);
    trouble.value = told.signedIn ? "" : cameBackWith();
  } catch (error) {
    trouble.value = why(error);
    session.value = null;
  }
}

export async function signIn(name: string, password: string): Promise<void> {
  const answer = await send("/app/session", { method: "POST", body: { name, password } });
  take((await answer.json()) as Session);
}

/** Goes to a provider. Where the person wanted to go stays in this tab; it may say in its `#` what they ask the lake. */
export async function signInAt(provider: string): Promise<void> {
  const answer = await send(`/app/session/oidc/${encodeURIComponent(provider)}`, { method: "POST" });
  const told = (await answer.json()) as { location?: string; trouble?: string };
  if (!told.location) throw new Error(TROUBLES[told.trouble ?? ""] ?? TROUBLES.provider);
  // The beginning is where a failed attempt ends: the place before it counts.
  if (place.value.path !== "/") sessionStorage.setItem(WANTED, location.pathname + location.search + location.hash);
  location.assign(told.location);
}

export async function signOut(): Promise<void> {
  leaving = true;
  await lookForWays();
  try {
    const answer = await send("/app/session", { method: "DELETE" });
    elsewhere.value = ((await answer.json()) as { provider?: { title: string; signOut: string } }).provider ?? null;
  } catch {
    elsewhere.value = null;
  }
  session.value = null;
}

async function lookForWays(): Promise<void> {
  try {
    ways.value = (await (await send("/app/session/ways", {})).json()) as Ways;
  } catch {
    // A password may do; what is wrong is told when it doesn't.
  }
}

/** What went wrong at a provider, which the address told until now. */
function cameBackWith(): string {
  const told = place.value.query.get("trouble");
  if (told === null || place.value.path !== "/") return "";
  go("/", { replace: true });
  return TROUBLES[told] ?? "";
}

function goOn(): void {
  const wanted = sessionStorage.getItem(WANTED);
  sessionStorage.removeItem(WANTED);
  if (wanted?.startsWith(`${BASE}/`) && place.value.path === "/") go(wanted.slice(BASE.length), { replace: true });
}

function take(told: Session | { signedIn: false }): void {
  trouble.value = "";
  if (told.signedIn) {
    belongTo(told.proof, () => {
      // What was still asked when somebody signed out is answered afterwards.
      if (leaving) return;
      trouble.value = "Your session has ended. Sign in to go on where you were.";
      void lookForWays().then(() => {
        session.value = null;
      });
    });
    elsewhere.value = null;
    leaving = false;
    goOn();
    session.value = told;
  } else {
    session.value = null;
  }
}
