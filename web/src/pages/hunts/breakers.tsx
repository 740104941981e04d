// What has held a hunt back by itself.

import * as api from "../../api/hunting";
import { useLoaded } from "../../parts/load";
import { quoted } from "../../parts/sentences";
import { When } from "../../parts/when";

export function Breakers({ name }: { name: string }) {
  const found = useLoaded(() => api.breakers(name), [name]);
  if (found.wrong) return <p class="page-wrong">The breakers can't be read: {quoted(found.wrong)}</p>;
  if (!found.value) return <p class="quiet">Reading the breakers …</p>;
  if (!found.value.length) return <p class="empty">No breaker of this hunt has opened.</p>;
  return (
    <ul class="entries">
      {found.value.map(({ name: id, properties: b }) => (
        <li key={id}>
          <strong>{b.kind}</strong> <When at={b.openedTimeUtc} /> {b.closedTimeUtc ? <span class="tag">closed</span> : <span class="level error">open</span>}
          <p>{b.reason}</p>
        </li>
      ))}
    </ul>
  );
}
