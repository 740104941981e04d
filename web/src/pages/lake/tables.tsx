// The tables that have rows: how much, how new, how long they are kept.

import { useMemo } from "preact/hooks";
import * as api from "../../api/lake";
import type { TableState } from "../../api/lake";
import { useSaid } from "../../parts/address";
import { bracketed } from "../../parts/kql";
import { List, type ListColumn } from "../../parts/list";
import { useLoaded } from "../../parts/load";
import { quoted } from "../../parts/sentences";
import { count, size } from "../../parts/values";
import { When } from "../../parts/when";
import { pathTo } from "../query/share";
import { Link } from "../../shell/router";
import { may, workspace } from "../../shell/session";
import { Kept } from "./kept";

export function Tables() {
  const found = useLoaded(api.tables, [workspace.value?.name]);
  const [text, setText] = useSaid("text");
  const shown = useMemo(
    () => (found.value ?? []).filter((t) => t.name.toLowerCase().includes(text.toLowerCase())).sort((a, b) => b.properties.bytes - a.properties.bytes),
    [found.value, text],
  );
  if (found.wrong) return <p class="page-wrong">The tables can't be read: {quoted(found.wrong)}</p>;
  if (!found.value) return <p class="beginning">Reading what the lake holds …</p>;
  if (!found.value.length) {
    return (
      <div class="empty">
        <h2>No rows yet</h2>
        <p>
          {may("write") && (
            <>
              <Link to="/lake?view=import">Import</Link> a file of evidence, or send logs:{" "}
            </>
          )}
          <code>huntlake ingest FILE TABLE</code>{may("write") ? "." : " brings logs."}
        </p>
      </div>
    );
  }
  const total = found.value.reduce((sum, t) => ({ rows: sum.rows + t.properties.rows, bytes: sum.bytes + t.properties.bytes }), { rows: 0, bytes: 0 });
  return (
    <>
      <div class="lake-sum">
        <input type="search" aria-label="Search the tables" placeholder="Search the tables" value={text} onInput={(e) => setText(e.currentTarget.value)} />
        <span class="quiet" role="status">
          {count(shown.length)} tables of {count(found.value.length)} · {count(total.rows)} rows · {size(total.bytes)} in all
        </span>
        <button type="button" onClick={found.again}>
          Refresh
        </button>
      </div>
      <List label="Tables" rows={shown} columns={columns(found.again)} of={(t) => t.name} />
    </>
  );
}

function columns(changed: () => void): ListColumn<TableState>[] {
  return [
    { title: "Table", look: "wide", by: (t) => t.name, cell: (t) => <Called name={t.name} /> },
    { title: "Rows", look: "number", by: (t) => t.properties.rows, down: true, cell: (t) => count(t.properties.rows) },
    { title: "Size", look: "number", by: (t) => t.properties.bytes, down: true, cell: (t) => size(t.properties.bytes) },
    { title: "Index", look: "number", by: (t) => t.properties.indexBytes, down: true, cell: (t) => size(t.properties.indexBytes) },
    {
      title: "Files",
      look: "number",
      by: (t) => t.properties.files,
      down: true,
      cell: ({ properties: p }) => (
        <>
          {count(p.files)} {p.filesToCompact > 0 && <span class="quiet">({count(p.filesToCompact)} small)</span>}
        </>
      ),
    },
    { title: "Oldest event", by: (t) => t.properties.oldestTimeUtc, cell: (t) => <When at={t.properties.oldestTimeUtc} /> },
    { title: "Newest event", by: (t) => t.properties.newestTimeUtc, down: true, cell: (t) => <When at={t.properties.newestTimeUtc} /> },
    // What is kept for ever is kept longest.
    { title: "Kept", by: (t) => t.properties.retentionInDays || Infinity, cell: (t) => <Kept name={t.name} days={t.properties.retentionInDays} changed={changed} /> },
  ];
}

function Called({ name }: { name: string }) {
  const query = pathTo(`${bracketed(name)}\n| top 100 by TimeGenerated`);
  return (
    <>
      <Link to={`/lake/tables/${encodeURIComponent(name)}`}>{name}</Link>{" "}
      <Link to={query} class="lake-ask" title={`Query the newest rows of ${name}`} aria-label={`Query the newest rows of ${name}`}>
        ▶
      </Link>
    </>
  );
}
