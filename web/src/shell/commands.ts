// What the page that is shown can do, for the palette.

import { signal } from "@preact/signals";

export interface Command {
  title: string;
  hint?: string;
  run: () => void;
}

export const own = signal<Command[]>([]);

/** The commands of the page that is shown; the function that it gives takes them away again. */
export function offer(commands: Command[]): () => void {
  own.value = [...own.value, ...commands];
  return () => {
    own.value = own.value.filter((c) => !commands.includes(c));
  };
}
