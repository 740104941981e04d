// Light or dark: as the system has it, until a person says otherwise.

import { computed, effect, signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";

const wished = matchMedia("(prefers-color-scheme: dark)");
const system = signal(wished.matches);
wished.addEventListener("change", () => {
  system.value = wished.matches;
});

export const theme = signal<Theme>((localStorage.getItem("theme") as Theme | null) ?? "system");
export const dark = computed(() => (theme.value === "system" ? system.value : theme.value === "dark"));

effect(() => {
  document.documentElement.dataset["theme"] = dark.value ? "dark" : "light";
});

export function setTheme(to: Theme): void {
  theme.value = to;
  localStorage.setItem("theme", to);
}
