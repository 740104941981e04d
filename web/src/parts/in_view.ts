// Of a row that is wider than the screen, the piece that counts.

import type { RefObject } from "preact";
import { useLayoutEffect } from "preact/hooks";

/** Scrolls a row, and nothing around it, so that the piece can be seen. */
export function useInView(row: RefObject<HTMLElement | null>, what: string, on: readonly unknown[]): void {
  useLayoutEffect(() => {
    const box = row.current;
    const found = box?.querySelector<HTMLElement>(what);
    if (!box || !found) return;
    const [piece, room] = [found.getBoundingClientRect(), box.getBoundingClientRect()];
    if (piece.left < room.left) box.scrollLeft += Math.floor(piece.left - room.left);
    else box.scrollLeft += Math.ceil(Math.max(0, piece.right - room.right));
  }, on);
}
