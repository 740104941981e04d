// What was asked lately, to be opened again.

import { useMemo } from "preact/hooks";
import { quoted } from "../../parts/sentences";
import { counted } from "../../parts/values";
import { forget, history } from "./history";
import { open } from "./tabs";

export function AskedLately({ place }: { place: string }) {
  const recent = useMemo(() => history.value.filter((h) => h.workspace === place), [history.value, place]);
  return (
    <div class="history">
      {!recent.length && <p class="schema-note">Nothing was asked yet. What you run stays here, in this browser.</p>}
      <ul>
        {recent.map((h) => (
          <li key={h.at + h.text}>
            <button type="button" class="plain" onClick={() => open(h.text, "From history")}>
              <code>{h.text.slice(0, 160)}</code>
              <small class={h.wrong ? "wrong" : "quiet"}>
                {h.at.slice(0, 16).replace("T", " ")} UTC · {h.wrong ? quoted(h.wrong) : counted(h.rows ?? 0, "row")}
              </small>
            </button>
          </li>
        ))}
      </ul>
      {recent.length > 0 && (
        <button type="button" class="plain" onClick={forget}>
          Forget all
        </button>
      )}
    </div>
  );
}
