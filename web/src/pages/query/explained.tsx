// A query before it runs: what it does, what it would read, how it is computed.

import type { Finding, Plan, Scan, Step, Words } from "../../api/explanations";
import { count, size, time } from "../../parts/values";
import { quoted, sentence } from "../../parts/sentences";

export function Explained({ plans, words }: { plans: Plan[]; words: Words }) {
  const scans = plans.flatMap((p) => p.scans);
  return (
    <div class="results explained" role="region" aria-label="Explanation">
      <p class="explained-sum">
        <strong>Nothing has run.</strong> {scans.length ? sum(scans) : "The query reads no table."}
      </p>
      <div class="explained-parts">
        <section>
          <h2>What it does</h2>
          <Steps steps={words.explanation} />
          <h2>What makes it dear</h2>
          <Findings findings={words.findings} none="Nothing stands out." />
        </section>
        <section>
          <h2>What it reads</h2>
          {scans.length ? <Scans scans={scans} /> : <p class="quiet">No table.</p>}
          {plans.map((plan, i) => (
            <div key={i}>
              <h2>{plans.length > 1 ? `Result ${i + 1}: ${plan.columns.length} columns` : `The answer has ${plan.columns.length} columns`}</h2>
              <p class="explained-columns">
                {plan.columns.map((c) => (
                  <span key={c.name}>
                    {c.name} <small>{c.type}</small>
                  </span>
                ))}
              </p>
              <details>
                <summary>Plan of the engine</summary>
                <pre tabIndex={0}>{plan.plan}</pre>
              </details>
              <details>
                <summary>SQL</summary>
                <pre tabIndex={0}>{plan.sql}</pre>
              </details>
            </div>
          ))}
        </section>
      </div>
    </div>
  );
}

export function Steps({ steps }: { steps: Step[] }) {
  return (
    <ol class="steps">
      {steps.map((step, i) => (
        <li key={i}>{quoted(step.text)}</li>
      ))}
    </ol>
  );
}

export function Findings({ findings, none }: { findings: Finding[]; none: string }) {
  if (!findings.length) return <p class="quiet">{none}</p>;
  return (
    <ul class="findings">
      {findings.map((f, i) => (
        <li key={i} class={f.level}>
          <strong>{f.title}</strong> {quoted(sentence(f.reason))}
          {f.line ? ` Line ${f.line}.` : ""} {f.help && <span class="quiet">{quoted(sentence(f.help))}</span>}
        </li>
      ))}
    </ul>
  );
}

function Scans({ scans }: { scans: Scan[] }) {
  return (
    <table class="scans">
      <thead>
        <tr>
          <th scope="col">Table</th>
          <th scope="col">Period</th>
          <th scope="col" class="number">Files</th>
          <th scope="col" class="number">Rows</th>
          <th scope="col" class="number">Bytes</th>
          <th scope="col" class="number">Columns</th>
        </tr>
      </thead>
      <tbody>
        {scans.map((s, i) => (
          <tr key={i}>
            <td>{s.Table}</td>
            <td>{period(s)}</td>
            <td class="number">
              {count(s.Extents.scanned)} <small>of {count(s.Extents.total)}</small>
            </td>
            <td class="number">
              {count(s.Rows.scanned)} <small>of {count(s.Rows.total)}</small>
            </td>
            <td class="number">
              {size(s.Bytes.scanned)} <small>of {size(s.Bytes.total)}</small>
            </td>
            <td class="number" title={s.Columns.join(", ")}>
              {s.Columns.length}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function sum(scans: Scan[]): string {
  const of = (part: (scan: Scan) => number) => scans.reduce((n, scan) => n + part(scan), 0);
  const files = `${count(of((s) => s.Extents.scanned))} of ${count(of((s) => s.Extents.total))} files`;
  const rows = `${count(of((s) => s.Rows.scanned))} of ${count(of((s) => s.Rows.total))} rows`;
  return `It would read at most ${files}, ${rows}, ${size(of((s) => s.Bytes.scanned))}.`;
}

function period(scan: Scan): string {
  const short = (iso: string) => time(iso).slice(0, 16);
  if (!scan.Since && !scan.Until) return "all times";
  if (!scan.Until) return `from ${short(scan.Since ?? "")}`;
  return scan.Since ? `${short(scan.Since)} to ${short(scan.Until)}` : `to ${short(scan.Until)}`;
}

