// What people decided and said of a hunt.

import type { Hunt } from "../../api/hunting";
import { When } from "../../parts/when";

export function Reviews({ hunt: { properties: p } }: { hunt: Hunt }) {
  const said = [
    ...(p.reviews ?? []).map((r) => ({ at: r.timeUtc, by: r.by?.name ?? "", what: r.decision.replaceAll("_", " "), text: r.comment, version: r.version, more: r.automatic ?? "" })),
    ...(p.comments ?? []).map((c) => ({ at: c.timeUtc, by: c.by?.name ?? "", what: "comment", text: c.text, version: c.version, more: "" })),
  ].sort((a, b) => b.at.localeCompare(a.at));
  if (!said.length) return <p class="empty">Nobody has said anything about it yet.</p>;
  return (
    <ul class="entries">
      {said.map((s, i) => (
        <li key={i}>
          <When at={s.at} /> <strong>{s.what}</strong> {s.by} · version {s.version} {s.more && <span class="tag">{s.more}</span>}
          <p class="said">{s.text}</p>
        </li>
      ))}
    </ul>
  );
}
