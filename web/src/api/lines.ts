// Work that takes long: its answer is lines of JSON, how far it is, and last what came of it.

import { ApiError, ask } from "./door";
import type { Asked } from "./door";

interface Line<Progress, Result> {
  progress?: Progress;
  properties?: Result;
  error?: { code: string; message: string };
}

/** What the last line gives; `tell` hears the others. Whoever aborts ends the work on the server. */
export async function worked<Progress, Result>(path: string, asked: Asked, tell: (progress: Progress) => void): Promise<Result> {
  const answer = await ask(path, asked);
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = (await reader?.read()) ?? { value: undefined, done: true };
    rest += value ?? "";
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const told = JSON.parse(line) as Line<Progress, Result>;
      if (told.properties) return told.properties;
      if (told.error) throw new ApiError(400, told.error.code, told.error.message);
      if (told.progress) tell(told.progress);
    }
    if (done) throw new ApiError(0, "Unreachable", "The server ended the work before it was done.");
  }
}
