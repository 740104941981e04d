// Evidence by drag and drop: each file with how far it has come and what came of it.

import { useRef, useState } from "preact/hooks";
import { why } from "../../api/door";
import * as api from "../../api/lake";
import type { Import } from "../../api/lake";
import { bracketed } from "../../parts/kql";
import { useLoaded, useMeanwhile } from "../../parts/load";
import { quoted } from "../../parts/sentences";
import { count, counted, size } from "../../parts/values";
import { When } from "../../parts/when";
import { pathTo } from "../query/share";
import { Link } from "../../shell/router";
import { may, session, workspace } from "../../shell/session";
import { tell } from "../../shell/toasts";

interface Sending {
  id: string;
  name: string;
  total: number;
  done: number;
}

export function Imports() {
  const found = useLoaded(api.imports, [workspace.value?.name]);
  const [sending, setSending] = useState<Sending[]>([]);
  const [over, setOver] = useState(false);
  const [zone, setZone] = useState("UTC");
  const input = useRef<HTMLInputElement>(null);
  // What is being sent from here stands above already, with how much of it is there.
  const known = (found.value ?? []).filter((i) => !sending.some((s) => s.id === i.clientRequestId));
  const busy = sending.length > 0 || known.some((i) => i.state !== "done" && i.state !== "failed");
  useMeanwhile(busy, found.again);

  const send = async (files: Iterable<File>) => {
    for (const file of files) {
      const id = crypto.randomUUID();
      const told = (done: number) => setSending((all) => all.map((s) => (s.id === id ? { ...s, done } : s)));
      setSending((all) => [...all, { id, name: file.name, total: file.size, done: 0 }]);
      try {
        await api.send(id, file, zone, told, session.value?.proof ?? "");
      } catch (error) {
        tell(`${file.name}: ${why(error)}`, { wrong: true });
      }
      setSending((all) => all.filter((s) => s.id !== id));
      found.again();
    }
  };
  const dropped = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    void send([...(event.dataTransfer?.files ?? [])]);
  };
  return (
    <section class="imports">
      {may("write") ? (
        <div
          class={over ? "drop over" : "drop"}
          onDragOver={(e) => {
            e.preventDefault();
            setOver(true);
          }}
          onDragLeave={() => setOver(false)}
          onDrop={dropped}
        >
          <p>
            <strong>Drop files of evidence here</strong>, or{" "}
            <button type="button" class="main" onClick={() => input.current?.click()}>
              choose them
            </button>
          </p>
          <input
            ref={input}
            type="file"
            multiple
            class="visually-hidden"
            aria-label="Files of evidence"
            onChange={(e) => {
              void send([...(e.currentTarget.files ?? [])]);
              e.currentTarget.value = "";
            }}
          />
          <p class="quiet">
            EVTX, Windows events as JSON, Entra and Microsoft 365 exports, Defender timelines, CloudTrail, Zeek, Suricata, syslog, CEF, Velociraptor, KAPE, CSV, JSON;
            also in ZIP or gzip. What each is, is found by what is in it.
          </p>
          <label>
            Stamps without a zone are of{" "}
            <input size={18} value={zone} list="zones" onInput={(e) => setZone(e.currentTarget.value)} />
          </label>
          <datalist id="zones">
            {["UTC", "Europe/Berlin", "Europe/London", "America/New_York", "America/Los_Angeles", "Asia/Tokyo"].map((z) => (
              <option key={z} value={z} />
            ))}
          </datalist>
        </div>
      ) : (
        <p class="quiet">A person with the right to write imports files of evidence here. Those of the last day are listed.</p>
      )}
      {found.wrong && <p class="page-wrong">The imports can't be read: {quoted(found.wrong)}</p>}
      <ul class="entries" aria-live="polite">
        {sending.map((s) => (
          <li key={s.id}>
            <strong>{s.name}</strong> <progress aria-label={`${s.name} is being sent`} max={s.total} value={s.done} /> sent {size(s.done)} of {size(s.total)}
          </li>
        ))}
        {known.map((i) => (
          <Entry key={i.id} one={i} />
        ))}
      </ul>
      {found.value && !known.length && !sending.length && <p class="empty">Nothing was sent in the last day.</p>}
    </section>
  );
}

function Entry({ one }: { one: Import }) {
  const tables = Object.entries(one.tables ?? {});
  return (
    <li>
      <strong>{one.name}</strong> <span class="tag">{one.state}</span> <When at={one.startedTimeUtc} /> by {one.by}
      {one.state === "reading" && <progress aria-label={`${one.name} is being read`} max={one.totalBytes || 1} {...(one.doneBytes ? { value: one.doneBytes } : {})} />}
      {one.failure && <p class="wrong">{one.failure}</p>}
      {tables.length > 0 && (
        <p>
          {tables.map(([table, n], i) => (
            <span key={table}>
              {i > 0 && ", "}
              <Link to={pathTo(`${bracketed(table)}\n| top 100 by TimeGenerated`)}>
                {counted(n, "row")} in {table}
              </Link>
            </span>
          ))}
          {one.rowsRefused ? (
            <>
              {" · "}
              <Link to="/lake?view=letters">{count(one.rowsRefused)} refused</Link>
            </>
          ) : null}
        </p>
      )}
      {(one.skipped ?? []).map((s) => (
        <p key={s} class="quiet">
          {s}
        </p>
      ))}
      {(one.files ?? [])
        .filter((f) => f.reason)
        .map((f) => (
          <p key={f.name} class="quiet">
            {f.name}: {f.status}, {f.reason}
          </p>
        ))}
    </li>
  );
}
