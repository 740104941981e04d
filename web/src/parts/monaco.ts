// The editor: Monaco with Kusto's language service over the workspace's own schema.

import "monaco-editor/esm/vs/editor/editor.all";
import "monaco-editor/esm/vs/basic-languages/yaml/yaml.contribution";
import * as monaco from "monaco-editor/esm/vs/editor/editor.api";
import EditorWorker from "monaco-editor/esm/vs/editor/editor.worker?worker";
import { getKustoWorker } from "@kusto/monaco-kusto";
import KustoWorker from "@kusto/monaco-kusto/release/esm/kusto.worker?worker";
import type { Schema } from "../api/kusto";
import type { EditorHandle, Fault } from "./editing";
import type { Selected, Span } from "./spans";

(globalThis as { MonacoEnvironment?: unknown }).MonacoEnvironment = {
  getWorker: (_: string, label: string) => (label === "kusto" ? new KustoWorker() : new EditorWorker()),
};

export interface KustoEditor extends EditorHandle {
  show: (id: string, text: string) => void;
  /** Forgets the texts of all others. */
  only: (ids: readonly string[]) => void;
  know: (schema: Schema, workspace: string) => void;
  paint: (dark: boolean) => void;
  mark: (faults: readonly Fault[]) => void;
  /** Puts another text in the place of what is there, as if somebody else had typed it. */
  put: (text: string) => void;
  dispose: () => void;
}

interface Begun {
  text: string;
  label: string;
  language: "kusto" | "yaml";
  dark: boolean;
  change: (text: string) => void;
  run: ((selected: Selected | undefined) => void) | undefined;
}

const OWNER = "huntlake";
const SEVERITIES = { error: monaco.MarkerSeverity.Error, warning: monaco.MarkerSeverity.Warning, note: monaco.MarkerSeverity.Info };

export function begin(place: HTMLElement, { text, label, language, dark, change, run }: Begun): KustoEditor {
  const models = new Map<string, monaco.editor.ITextModel>();
  const editor = monaco.editor.create(place, {
    value: text,
    language,
    theme: dark ? "kusto-dark" : "kusto-light",
    automaticLayout: true,
    minimap: { enabled: false },
    fontSize: 13,
    lineNumbersMinChars: 3,
    scrollBeyondLastLine: false,
    // Dimmed, its number could hardly be read.
    renderFinalNewline: "on",
    fixedOverflowWidgets: true,
    tabSize: 4,
    wordWrap: "on",
    ariaLabel: label,
    padding: { top: 8, bottom: 8 },
  });
  const selection = () => {
    const [selected, model] = [editor.getSelection(), editor.getModel()];
    if (!selected || selected.isEmpty() || !model) return undefined;
    return { text: model.getValueInRange(selected), start: model.getOffsetAt(selected.getStartPosition()) };
  };
  let marked: readonly Fault[] = [];
  const fixing = monaco.languages.registerCodeActionProvider(language, {
    provideCodeActions: (model, range) => {
      const fixes = model === editor.getModel() ? marked.flatMap(({ fix }) => (fix ? [fix] : [])) : [];
      const here = fixes.filter((f) => monaco.Range.areIntersectingOrTouching(rangeOf(f.at), range) && model.getValueInRange(rangeOf(f.at)) === f.wrong);
      const actions = here.map((f) => ({
        title: `Write ${f.right} instead`,
        kind: "quickfix",
        isPreferred: true,
        edit: { edits: [{ resource: model.uri, versionId: model.getVersionId(), textEdit: { range: rangeOf(f.at), text: f.right } }] },
      }));
      return { actions, dispose: () => undefined };
    },
  });
  if (run) {
    editor.addAction({
      id: "huntlake.run",
      label: "Run",
      keybindings: [monaco.KeyMod.Shift | monaco.KeyCode.Enter, monaco.KeyCode.F5],
      run: () => run(selection()),
    });
  }
  let isPutting = false;
  editor.onDidChangeModelContent(() => {
    if (!isPutting) change(editor.getValue());
  });
  const put = (value: string) => {
    const model = editor.getModel();
    if (!model || model.getValue() === value) return;
    isPutting = true;
    model.pushEditOperations([], [{ range: model.getFullModelRange(), text: value }], () => null);
    isPutting = false;
  };
  return {
    selection,
    insert: (piece) => {
      const at = editor.getSelection();
      if (at) editor.executeEdits(OWNER, [{ range: at, text: piece, forceMoveMarkers: true }]);
      editor.focus();
    },
    mend: ({ at, wrong, right }) => {
      if (editor.getModel()?.getValueInRange(rangeOf(at)) !== wrong) return false;
      editor.executeEdits(OWNER, [{ range: rangeOf(at), text: right }]);
      editor.focus();
      return true;
    },
    add: (whole, at, piece) => {
      const model = editor.getModel();
      if (model?.getValue() !== whole) return false;
      editor.executeEdits(OWNER, [{ range: monaco.Range.fromPositions(model.getPositionAt(at)), text: piece }]);
      return true;
    },
    focus: () => editor.focus(),
    reveal: (lineNumber, column) => {
      editor.setPosition({ lineNumber, column });
      editor.revealLineInCenterIfOutsideViewport(lineNumber);
      editor.focus();
    },
    put,
    show: (id, value) => {
      let model = models.get(id);
      if (!model) {
        model = monaco.editor.createModel(value, language);
        models.set(id, model);
      }
      if (editor.getModel() !== model) editor.setModel(model);
      // It may have been changed while another was shown.
      put(value);
    },
    only: (ids) => {
      for (const [id, model] of models) {
        if (ids.includes(id)) continue;
        models.delete(id);
        model.dispose();
      }
    },
    know: (schema, workspace) => {
      const model = editor.getModel();
      if (!model) return;
      void getKustoWorker()
        .then((worker) => worker(model.uri))
        .then((language) => language.setSchemaFromShowSchema(newer(schema.raw) as never, location.origin, nameIn(schema, workspace)));
    },
    paint: (isDark) => monaco.editor.setTheme(isDark ? "kusto-dark" : "kusto-light"),
    mark: (faults) => {
      marked = faults;
      const model = editor.getModel();
      if (!model) return;
      const markers = faults.flatMap(({ place: at, message, help, level }) =>
        at
          ? [
              {
                severity: SEVERITIES[level ?? "error"],
                message: help ? `${message}\n${help}` : message,
                startLineNumber: at.line,
                startColumn: at.column,
                endLineNumber: at.line,
                endColumn: at.column + Math.max(1, at.text.length),
              },
            ]
          : [],
      );
      monaco.editor.setModelMarkers(model, OWNER, markers);
    },
    dispose: () => {
      fixing.dispose();
      editor.dispose();
      for (const model of models.values()) model.dispose();
    },
  };
}

function rangeOf(at: Span): monaco.Range {
  return new monaco.Range(at.line, at.column, at.line, at.column + at.length);
}

let versions = 0;

/** The same schema with a higher version: the language service keeps what it knows of a database until that rises. */
function newer(raw: unknown): unknown {
  const { Databases: databases = {} } = raw as { Databases?: Record<string, object> };
  versions += 1;
  return { ...(raw as object), Databases: Object.fromEntries(Object.entries(databases).map(([name, one]) => [name, { ...one, MajorVersion: versions }])) };
}

/** The name under which the workspace stands in the schema: `name-id`. */
function nameIn(schema: Schema, workspace: string): string {
  const names = Object.keys((schema.raw as { Databases?: object }).Databases ?? {});
  return names.find((n) => n === workspace || n.startsWith(`${workspace}-`)) ?? names[0] ?? workspace;
}
