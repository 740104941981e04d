// Where a text is written. It is a plain field until the editor with all its help has been loaded.

import { useEffect, useRef, useState } from "preact/hooks";
import type { Schema } from "../api/kusto";
import { dark } from "../shell/theme";
import { tell } from "../shell/toasts";
import type { EditorHandle, Fault } from "./editing";
import type { KustoEditor } from "./monaco";
import { offsetOf, type Selected } from "./spans";
import "./editor.css";

interface Props {
  id: string;
  /** The texts that may be shown again; what is left of others is forgotten. */
  ids?: readonly string[];
  text: string;
  label?: string;
  language?: "kusto" | "yaml";
  /** Another number says that the text is not what was typed here, and must be shown. */
  turn?: number;
  schema?: Schema | undefined;
  workspace?: string;
  faults: readonly Fault[];
  change: (text: string) => void;
  run?: (selected: Selected | undefined) => void;
  handle?: (handle: EditorHandle) => void;
}

const NARROW = matchMedia("(max-width: 700px)");

export function Editor({ id, ids, text, label = "Query", language = "kusto", turn = 0, schema, workspace = "", faults, change, run, handle }: Props) {
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
        return f ? selectedIn(f) : undefined;
      },
      mend: ({ at, wrong, right }) => {
        const f = field.current;
        if (!f) return false;
        const start = offsetOf(f.value, at.line, at.column);
        if (f.value.slice(start, start + at.length) !== wrong) return false;
        f.setRangeText(right, start, start + at.length, "end");
        now.current.change(f.value);
        return true;
      },
      insert: (piece) => {
        const f = field.current;
        if (!f) return;
        f.setRangeText(piece, f.selectionStart, f.selectionEnd, "end");
        now.current.change(f.value);
        f.focus();
      },
      add: (whole, at, piece) => {
        const f = field.current;
        if (f?.value !== whole) return false;
        f.setRangeText(piece, at, at, "end");
        now.current.change(f.value);
        return true;
      },
      focus: () => field.current?.focus(),
      reveal: (line, column) => {
        const f = field.current;
        if (!f) return;
        const at = offsetOf(f.value, line, column);
        f.focus();
        f.setSelectionRange(at, at);
      },
    };
    handle?.(plain);
    if (NARROW.matches) return;
    let gone = false;
    void import("./monaco").then(({ begin }) => {
      if (gone || !box.current) return;
      editor.current = begin(box.current, {
        text: field.current?.value ?? text,
        label,
        language,
        dark: dark.value,
        change: (t) => now.current.change(t),
        run: run ? (selected) => now.current.run?.(selected) : undefined,
      });
      handle?.(editor.current);
      setReady(true);
    }).catch(() => tell("The editor can't be loaded: the plain field does without.", { wrong: true }));
    return () => {
      gone = true;
      editor.current?.dispose();
    };
  }, []);

  useEffect(() => {
    editor.current?.show(id, text);
    if (ids) editor.current?.only(ids);
  }, [id, ids?.join(), ready]);
  useEffect(() => editor.current?.put(text), [turn]);
  useEffect(() => {
    if (schema) editor.current?.know(schema, workspace);
  }, [schema, ready, workspace]);
  useEffect(() => editor.current?.paint(dark.value), [dark.value, ready]);
  useEffect(() => editor.current?.mark(faults), [faults, id, ready]);

  return (
    <div class="editor" ref={box}>
      {!ready && (
        <textarea
          ref={field}
          aria-label={label}
          spellcheck={false}
          autocapitalize="off"
          value={text}
          onInput={(e) => change(e.currentTarget.value)}
          onKeyDown={(e) => {
            if (run && e.key === "Enter" && e.shiftKey) {
              e.preventDefault();
              const f = e.currentTarget;
              run(selectedIn(f));
            }
          }}
        />
      )}
    </div>
  );
}

function selectedIn(field: HTMLTextAreaElement): Selected | undefined {
  const { value, selectionStart: start, selectionEnd: end } = field;
  return end > start ? { text: value.slice(start, end), start } : undefined;
}
