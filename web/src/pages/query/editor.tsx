// Where a query is written. It is a plain field until the editor with all its help has been loaded.

import { useEffect, useRef, useState } from "preact/hooks";
import type { ApiError } from "../../api/door";
import type { Schema } from "../../api/kusto";
import { dark } from "../../shell/theme";
import type { KustoEditor } from "./monaco";

export interface EditorHandle {
  selection: () => string;
  insert: (text: string) => void;
  focus: () => void;
}

interface Props {
  id: string;
  text: string;
  schema: Schema | undefined;
  workspace: string;
  fault: ApiError | undefined;
  change: (text: string) => void;
  run: (selected: string) => void;
  handle: (handle: EditorHandle) => void;
}

const NARROW = matchMedia("(max-width: 700px)");

export function Editor({ id, text, schema, workspace, fault, change, run, handle }: Props) {
  const field = useRef<HTMLTextAreaElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const editor = useRef<KustoEditor | undefined>(undefined);
  const [ready, setReady] = useState(false);
  const now = useRef({ change, run });
  now.current = { change, run };

  useEffect(() => {
    const plain: EditorHandle = {
      selection: () => {
        const f = field.current;
        return f ? f.value.slice(f.selectionStart, f.selectionEnd) : "";
      },
      insert: (piece) => {
        const f = field.current;
        if (!f) return;
        f.setRangeText(piece, f.selectionStart, f.selectionEnd, "end");
        now.current.change(f.value);
        f.focus();
      },
      focus: () => field.current?.focus(),
    };
    handle(plain);
    if (NARROW.matches) return;
    let gone = false;
    void import("./monaco").then(({ begin }) => {
      if (gone || !box.current) return;
      editor.current = begin(box.current, {
        text: field.current?.value ?? text,
        dark: dark.value,
        change: (t) => now.current.change(t),
        run: (selected) => now.current.run(selected),
      });
      handle(editor.current);
      setReady(true);
    });
    return () => {
      gone = true;
      editor.current?.dispose();
    };
  }, []);

  useEffect(() => editor.current?.show(id, text), [id, ready]);
  useEffect(() => {
    if (schema) editor.current?.know(schema, workspace);
  }, [schema, ready, workspace]);
  useEffect(() => editor.current?.paint(dark.value), [dark.value, ready]);
  useEffect(() => editor.current?.mark(fault), [fault, ready]);

  return (
    <div class="editor" ref={box}>
      {!ready && (
        <textarea
          ref={field}
          aria-label="Query"
          spellcheck={false}
          autocapitalize="off"
          value={text}
          onInput={(e) => change(e.currentTarget.value)}
          onKeyDown={(e) => {
            if (e.key === "Enter" && e.shiftKey) {
              e.preventDefault();
              const f = e.currentTarget;
              run(f.value.slice(f.selectionStart, f.selectionEnd));
            }
          }}
        />
      )}
    </div>
  );
}
