// What an editor is asked for, and what it marks.

import type { Fix, Selected } from "./spans";

export interface EditorHandle {
  /** What is selected; undefined where nothing is. */
  selection: () => Selected | undefined;
  /** Writes what a fix says; false where what is wrong isn't there any more. */
  mend: (fix: Fix) => boolean;
  insert: (text: string) => void;
  /** Writes a piece at a place of the text; false where the text isn't `whole` any more. */
  add: (whole: string, at: number, piece: string) => boolean;
  focus: () => void;
  /** Puts the cursor at a line and column, from 1. */
  reveal: (line: number, column: number) => void;
}

/** Something that is wrong with the text; what has no place isn't underlined. */
export interface Fault {
  message: string;
  help?: string;
  level?: "error" | "warning" | "note";
  place?: { line: number; column: number; text: string } | undefined;
  fix?: Fix | undefined;
}
