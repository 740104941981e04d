// What is wrong with a query, each with its place and, where there is one, what to write instead.

import type { Fix } from "../../parts/spans";
import type { Marked } from "./fixes";
import { quoted, sentence } from "../../parts/sentences";

interface Props {
  message: string;
  code: string;
  faults: Marked[];
  mend: (fix: Fix) => void;
  go: (fault: Marked) => void;
}

export function Faults({ message, code, faults, mend, go }: Props) {
  if (!faults.length) {
    return (
      <div class="results failed" role="alert">
        <h2>
          {quoted(sentence(message))} <small>{code}</small>
        </h2>
      </div>
    );
  }
  return (
    <div class="results failed" role="alert">
      {faults.map((fault, i) => (
        <section key={i}>
          <h2>
            {quoted(sentence(fault.message))} <small>{fault.code}</small>
          </h2>
          <p>
            {fault.at && (
              <button type="button" class="plain" onClick={() => go(fault)}>
                Line {fault.at.line}, column {fault.at.column}
              </button>
            )}
            {fault.help && quoted(sentence(fault.help))}
          </p>
          {fault.fix && (
            <button type="button" onClick={() => fault.fix && mend(fault.fix)}>
              Write <code>{fault.fix.right}</code> instead
            </button>
          )}
        </section>
      ))}
    </div>
  );
}
