// The small parts of a rule's form.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Finding } from "../../api/drafts";
import { quoted } from "../../parts/sentences";

/** What is wrong with some fields, or with all, in words. */
export function Faults({ of, findings }: { of?: readonly string[]; findings: readonly Finding[] }) {
  const found = of ? findings.filter((f) => of.includes(f.field ?? "")) : findings;
  if (!found.length) return null;
  return (
    <ul class="faults">
      {found.map((f, i) => (
        <li key={i}>
          <span class={`level ${f.level}`}>{f.level}</span> {quoted(f.message)}
          {f.help && <span class="quiet"> – {quoted(f.help)}</span>}
          {f.queryLine && (
            <span class="quiet">
              {" "}
              (line {f.queryLine}, column {f.queryColumn} of the query)
            </span>
          )}
        </li>
      ))}
    </ul>
  );
}

export function Group({ title, children, hint }: { title: string; children: ComponentChildren; hint?: string }) {
  return (
    <fieldset class="rule-group">
      <legend>{title}</legend>
      {hint && <p class="quiet rule-hint">{hint}</p>}
      {children}
    </fieldset>
  );
}

interface TextProps {
  label: string;
  value: string | undefined;
  change: (value: string) => void;
  hint?: string;
  list?: string;
  wide?: boolean;
}

export function Text({ label, value, change, hint, list, wide }: TextProps) {
  return (
    <label class={wide ? "field wide" : "field"}>
      <span>{label}</span>
      <input value={value ?? ""} list={list} placeholder={hint} onInput={(e) => change(e.currentTarget.value)} />
    </label>
  );
}

interface ChoiceProps<T extends string> {
  label: string;
  value: T | undefined;
  of: readonly (readonly [T, string])[];
  change: (value: T) => void;
  disabled?: boolean;
}

export function Choice<T extends string>({ label, value, of, change, disabled }: ChoiceProps<T>) {
  return (
    <label class="field">
      <span>{label}</span>
      <select aria-label={label} value={value} disabled={disabled} onChange={(e) => change(e.currentTarget.value as T)}>
        {of.map(([name, title]) => (
          <option key={name} value={name}>
            {title}
          </option>
        ))}
      </select>
    </label>
  );
}

export function Check({ label, value, change }: { label: string; value: boolean; change: (value: boolean) => void }) {
  return (
    <label class="check">
      <input type="checkbox" checked={value} onChange={(e) => change(e.currentTarget.checked)} /> {label}
    </label>
  );
}

const UNITS = [
  ["M", "minutes", 1],
  ["H", "hours", 60],
  ["D", "days", 1440],
] as const;

/** `P1DT2H` in minutes; undefined where it isn't whole minutes. */
export function minutes(duration: string | undefined): number | undefined {
  const found = /^P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?$/.exec(duration ?? "");
  if (!found) return undefined;
  const [w, d, h, m] = found.slice(1).map((n) => Number(n ?? 0));
  return (((w ?? 0) * 7 + (d ?? 0)) * 24 + (h ?? 0)) * 60 + (m ?? 0);
}

/** A duration as a number and its unit. */
export function Duration({ label, value, change }: { label: string; value: string | undefined; change: (value: string) => void }) {
  const all = minutes(value);
  const fitting = [...UNITS].reverse().find(([, , length]) => all && all % length === 0) ?? UNITS[0];
  const [chosen, choose] = useState<string | undefined>();
  const unit = UNITS.find(([letter, , length]) => letter === chosen && all !== undefined && all % length === 0) ?? fitting;
  const say = (count: number, letter: string) => {
    choose(letter);
    if (count >= 0) change(letter === "D" ? `P${count}D` : `PT${count}${letter}`);
  };
  return (
    <span class="field" role="group" aria-label={label}>
      <span>{label}</span>
      <span class="duration">
        <input type="number" min={1} max={9999} aria-label={`${label}, how many`} value={all === undefined ? "" : all / unit[2]} onInput={(e) => e.currentTarget.value && say(Math.floor(Number(e.currentTarget.value)), unit[0])} />
        <select aria-label={`${label}, unit`} value={unit[0]} onChange={(e) => say(all === undefined ? 1 : Math.max(1, Math.round(all / unit[2])), e.currentTarget.value)}>
          {UNITS.map(([letter, title]) => (
            <option key={letter} value={letter}>
              {title}
            </option>
          ))}
        </select>
      </span>
    </span>
  );
}
