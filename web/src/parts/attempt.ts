// Something a person asks for, and what they are told of it.

import { ApiError, why } from "../api/door";
import { tell } from "../shell/toasts";

/** What is written with the version that was read: `again` reads it anew where somebody else was faster. */
interface Versioned {
  thing: string;
  again: () => void;
}

/** Does it and tells the sentence that it gives, or what went wrong. True where it was done. */
export async function attempt(doing: () => Promise<string>, versioned?: Versioned): Promise<boolean> {
  try {
    tell(await doing());
    return true;
  } catch (error) {
    if (versioned && error instanceof ApiError && error.status === 412) {
      tell(`Somebody else has changed the ${versioned.thing} meanwhile. It is shown as it is now.`, { wrong: true });
      versioned.again();
    } else tell(why(error), { wrong: true });
    return false;
  }
}

export function copy(text: string, told: string): Promise<boolean> {
  return attempt(async () => {
    await navigator.clipboard.writeText(text);
    return told;
  });
}
