import { useRef } from "preact/hooks";
import { useInView } from "../../parts/in_view";
import { close, current, open, rename, tabs } from "./tabs";

/** The open queries. */
export function TabBar() {
  const row = useRef<HTMLDivElement>(null);
  useInView(row, ".on", [current.value, tabs.value.length]);
  return (
    <div class="query-tabs" role="group" aria-label="Open queries" ref={row}>
      {tabs.value.map((t) => (
        <div key={t.id} class={`query-tab${t.id === current.value ? " on" : ""}`}>
          <button
            type="button"
            aria-pressed={t.id === current.value}
            title="F2 or a double click names it"
            onClick={() => (current.value = t.id)}
            onDblClick={() => rename(t.id)}
            onKeyDown={(e) => e.key === "F2" && rename(t.id)}
          >
            {t.title}
            {t.saved && t.saved.properties.query !== t.text && <span title="Changed since it was saved"> •</span>}
          </button>
          <button type="button" class="plain" aria-label={`Close ${t.title}`} onClick={() => close(t.id)}>
            ✕
          </button>
        </div>
      ))}
      <button type="button" class="plain" aria-label="New query" onClick={() => open()}>
        +
      </button>
    </div>
  );
}
