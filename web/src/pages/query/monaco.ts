// The editor: Monaco with Kusto's language service over the workspace's own schema.

import "monaco-editor/esm/vs/editor/editor.all";
import * as monaco from "monaco-editor/esm/vs/editor/editor.api";
import EditorWorker from "monaco-editor/esm/vs/editor/editor.worker?worker";
import { getKustoWorker } from "@kusto/monaco-kusto";
import KustoWorker from "@kusto/monaco-kusto/release/esm/kusto.worker?worker";
import type { ApiError } from "../../api/door";
import type { Schema } from "../../api/kusto";
import type { EditorHandle } from "./editor";

(globalThis as { MonacoEnvironment?: unknown }).MonacoEnvironment = {
  getWorker: (_: string, label: string) => (label === "kusto" ? new KustoWorker() : new EditorWorker()),
};

export interface KustoEditor extends EditorHandle {
  show: (id: string, text: string) => void;
  know: (schema: Schema, workspace: string) => void;
  paint: (dark: boolean) => void;
  mark: (fault: ApiError | undefined) => void;
  dispose: () => void;
}

interface Begun {
  text: string;
  dark: boolean;
  change: (text: string) => void;
  run: (selected: string) => void;
}

const OWNER = "huntlake";

export function begin(place: HTMLElement, { text, dark, change, run }: Begun): KustoEditor {
  const models = new Map<string, monaco.editor.ITextModel>();
  const editor = monaco.editor.create(place, {
    value: text,
    language: "kusto",
    theme: dark ? "kusto-dark" : "kusto-light",
    automaticLayout: true,
    minimap: { enabled: false },
    fontSize: 13,
    lineNumbersMinChars: 3,
    scrollBeyondLastLine: false,
    fixedOverflowWidgets: true,
    tabSize: 4,
    wordWrap: "on",
    ariaLabel: "Query",
    padding: { top: 8, bottom: 8 },
  });
  const selection = () => {
    const selected = editor.getSelection();
    return selected && !selected.isEmpty() ? (editor.getModel()?.getValueInRange(selected) ?? "") : "";
  };
  editor.addAction({
    id: "huntlake.run",
    label: "Run",
    keybindings: [monaco.KeyMod.Shift | monaco.KeyCode.Enter, monaco.KeyCode.F5],
    run: () => run(selection()),
  });
  // Tab leaves the editor for those who say so (Ctrl+M), as everywhere else.
  editor.onDidChangeModelContent(() => change(editor.getValue()));
  return {
    selection,
    insert: (piece) => {
      const at = editor.getSelection();
      if (at) editor.executeEdits(OWNER, [{ range: at, text: piece, forceMoveMarkers: true }]);
      editor.focus();
    },
    focus: () => editor.focus(),
    show: (id, value) => {
      let model = models.get(id);
      if (!model) {
        model = monaco.editor.createModel(value, "kusto");
        models.set(id, model);
      }
      if (editor.getModel() !== model) editor.setModel(model);
    },
    know: (schema, workspace) => {
      const model = editor.getModel();
      if (!model) return;
      void getKustoWorker()
        .then((worker) => worker(model.uri))
        .then((language) => language.setSchemaFromShowSchema(schema.raw as never, location.origin, nameIn(schema, workspace)));
    },
    paint: (isDark) => monaco.editor.setTheme(isDark ? "kusto-dark" : "kusto-light"),
    mark: (fault) => {
      const model = editor.getModel();
      if (!model) return;
      const { place: at } = fault ?? {};
      if (!fault || !at) {
        monaco.editor.setModelMarkers(model, OWNER, []);
        return;
      }
      const marker = {
        severity: monaco.MarkerSeverity.Error,
        message: fault.help ? `${fault.message}\n${fault.help}` : fault.message,
        startLineNumber: at.line,
        startColumn: at.column,
        endLineNumber: at.line,
        endColumn: at.column + Math.max(1, at.text.length),
      };
      monaco.editor.setModelMarkers(model, OWNER, [marker]);
    },
    dispose: () => {
      editor.dispose();
      for (const model of models.values()) model.dispose();
    },
  };
}

/** The name under which the workspace stands in the schema: `name-id`. */
function nameIn(schema: Schema, workspace: string): string {
  const names = Object.keys((schema.raw as { Databases?: object }).Databases ?? {});
  return names.find((n) => n === workspace || n.startsWith(`${workspace}-`)) ?? names[0] ?? workspace;
}
