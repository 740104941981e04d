import { close, current, open, rename, tabs } from "./tabs";

/** The open queries. */
export function TabBar() {
  return (
    <div class="query-tabs" role="group" aria-label="Open queries">
      {tabs.value.map((t) => (
        <div key={t.id} class={`query-tab${t.id === current.value ? " on" : ""}`}>
          <button
            type="button"
            aria-pressed={t.id === current.value}
            onClick={() => (current.value = t.id)}
            onDblClick={() => {
              const title = prompt("Name of this query", t.title);
              if (title) rename(t.id, title);
            }}
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
