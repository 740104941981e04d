// Who has written a version of a hunt, or answers for it.

import type { Version } from "../../api/hunting";
import { isMe } from "../../shell/session";

type Noted = Pick<Version["properties"], "maker" | "author" | "responsible">;

/** Whether who is signed in wrote one of these, or answers for it. */
export function areByMe(noted: readonly Noted[]): boolean {
  return noted.some(({ maker, author, responsible }) => {
    // Somebody may be called as the house is, which has no id.
    const isHouse = maker !== "person" && !author?.objectId;
    return isMe(author?.objectId, isHouse ? undefined : author?.name, responsible);
  });
}

/** The versions of the same content, each with who has written it. */
export function alike(versions: readonly Version[], contentHash: string | undefined): Version["properties"][] {
  return versions.map((v) => v.properties).filter((v) => v.contentHash === contentHash);
}
