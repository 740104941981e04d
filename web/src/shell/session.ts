// Who is signed in, and in which workspace they work.

import { computed, signal } from "@preact/signals";
import { belongTo, send } from "../api/door";

export interface Workspace {
  name: string;
  id: string;
  role: string;
}

export interface Session {
  signedIn: true;
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
const chosen = signal(localStorage.getItem("workspace") ?? "");

export const workspace = computed<Workspace | undefined>(() => {
  const all = session.value?.workspaces ?? [];
  return all.find((w) => w.name === chosen.value) ?? all[0];
});

export function choose(name: string): void {
  chosen.value = name;
  localStorage.setItem("workspace", name);
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
    take((await (await send("/app/session", {})).json()) as Session | { signedIn: false });
  } catch (error) {
    trouble.value = error instanceof Error ? error.message : String(error);
    session.value = null;
  }
}

export async function signIn(name: string, password: string): Promise<void> {
  const answer = await send("/app/session", { method: "POST", body: { name, password } });
  take((await answer.json()) as Session);
}

export async function signOut(): Promise<void> {
  await send("/app/session", { method: "DELETE" }).catch(() => undefined);
  session.value = null;
}

function take(told: Session | { signedIn: false }): void {
  trouble.value = "";
  if (told.signedIn) {
    belongTo(told.proof, () => {
      trouble.value = "Your session has ended. Sign in to go on where you were.";
      session.value = null;
    });
    session.value = told;
  } else {
    session.value = null;
  }
}
