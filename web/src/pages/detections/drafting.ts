// A rule that is being written. The form and the YAML are two sides of it: whichever was touched last makes the other, on
// the server, which alone reads and writes YAML.

import { batch, signal } from "@preact/signals";
import { why } from "../../api/door";
import * as api from "../../api/drafts";
import type { Draft, Finding, Properties } from "../../api/drafts";

const PAUSE = 350;

type Side = "form" | "text" | "";

/** What is kept in this browser of changes that nobody has stored. */
interface Kept {
  text: string;
  kind: string;
  rule: Properties;
  name: string;
  side: Side;
  etag?: string;
  at: string;
}

export const NEW: Properties = {
  displayName: "",
  enabled: true,
  severity: "Medium",
  query: "",
  queryFrequency: "PT1H",
  queryPeriod: "PT1H",
  triggerOperator: "GreaterThan",
  triggerThreshold: 0,
  suppressionEnabled: false,
  suppressionDuration: "PT5H",
  eventGroupingSettings: { aggregationKind: "AlertPerResult" },
  incidentConfiguration: {
    createIncident: true,
    groupingConfiguration: { enabled: true, reopenClosedIncident: false, lookbackDuration: "P1D", matchingMethod: "AllEntities" },
  },
};

export class Drafting {
  readonly text = signal("");
  readonly kind = signal("Scheduled");
  readonly rule = signal<Properties>(NEW);
  readonly name = signal("");
  /** Whether the form shows what the YAML says: it doesn't where that can't be read. */
  readonly readable = signal(true);
  readonly columns = signal<string[]>([]);
  readonly findings = signal<Finding[]>([]);
  readonly checking = signal(false);
  /** Why the server could not say what it is. */
  readonly wrong = signal("");
  /** How often a side was made anew out of the other: then its field must show that, and not what was typed. */
  readonly textTurn = signal(0);
  readonly formTurn = signal(0);
  /** When changes were made here that are stored nowhere else; empty where there are none. */
  readonly unsaved = signal("");
  /** Whether they were found in this browser when the page was opened. */
  readonly restored = signal(false);
  /** The version that was opened; undefined of a new rule. */
  etag: string | undefined;

  #side: Side = "";
  #timer = 0;
  #abort = new AbortController();
  #working: Promise<void> = Promise.resolve();

  constructor(private readonly key: string) {}

  /** Begins with what this browser has kept, or else with what `load` gives. */
  async begin(load: () => Promise<{ draft: Draft; etag?: string }>): Promise<void> {
    const kept = this.#kept();
    if (kept) {
      batch(() => {
        this.text.value = kept.text;
        this.kind.value = kept.kind;
        this.rule.value = kept.rule;
        this.name.value = kept.name;
        this.unsaved.value = kept.at;
        this.restored.value = true;
      });
      this.etag = kept.etag;
      this.#side = kept.side || "text";
      this.#work();
      return this.#working;
    }
    const { draft, etag } = await load();
    this.etag = etag;
    this.#show(draft, "both");
  }

  type(text: string): void {
    this.text.value = text;
    this.#later("text");
  }

  change(change: Partial<Properties>): void {
    this.rule.value = { ...this.rule.value, ...change };
    this.#later("form");
  }

  become(kind: string): void {
    this.kind.value = kind;
    this.#later("form");
  }

  /** Waits until both sides say the same. */
  async settled(): Promise<void> {
    if (this.#timer) this.#work();
    await this.#working;
  }

  /** Forgets what this browser has kept. */
  forget(): void {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#abort.abort();
    localStorage.removeItem(this.key);
    this.unsaved.value = "";
    this.restored.value = false;
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#abort.abort();
  }

  #later(side: Side): void {
    this.#side = side;
    // What is under way was asked of what isn't there any more.
    this.#abort.abort();
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => this.#work(), PAUSE);
    this.checking.value = true;
    this.unsaved.value = new Date().toISOString();
    this.#keep();
  }

  #work(): void {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#abort = new AbortController();
    this.checking.value = true;
    this.#working = this.#sync(this.#abort.signal);
  }

  async #sync(signal: AbortSignal): Promise<void> {
    const side = this.#side;
    try {
      const draft =
        side === "form"
          ? await api.written({ text: this.text.value, kind: this.kind.value, rule: this.rule.value, name: this.name.value }, signal)
          : await api.read(this.text.value, signal);
      if (signal.aborted) return;
      this.#show(draft, side === "form" ? "text" : "form");
      this.#side = "";
      if (this.unsaved.value) this.#keep();
    } catch (error) {
      if (signal.aborted) return;
      this.wrong.value = why(error);
      this.checking.value = false;
    }
  }

  #show(draft: Draft, side: "form" | "text" | "both"): void {
    batch(() => {
      if (side !== "form") {
        this.text.value = draft.text;
        this.textTurn.value += 1;
      }
      if (side !== "text" && draft.rule && draft.kind) {
        this.rule.value = draft.rule;
        this.kind.value = draft.kind;
        this.formTurn.value += 1;
      }
      if (draft.name) this.name.value = draft.name;
      this.readable.value = draft.rule !== null;
      this.columns.value = draft.columns;
      this.findings.value = draft.findings;
      this.checking.value = false;
      this.wrong.value = "";
    });
  }

  #kept(): Kept | undefined {
    try {
      const kept = JSON.parse(localStorage.getItem(this.key) ?? "") as Kept;
      return typeof kept.text === "string" && kept.rule ? kept : undefined;
    } catch {
      return undefined;
    }
  }

  #keep(): void {
    const kept: Kept = {
      text: this.text.value,
      kind: this.kind.value,
      rule: this.rule.value,
      name: this.name.value,
      side: this.#side,
      ...(this.etag ? { etag: this.etag } : {}),
      at: this.unsaved.value,
    };
    try {
      localStorage.setItem(this.key, JSON.stringify(kept));
    } catch {
      // The browser keeps nothing: the page still has it.
    }
  }
}
