// How long the rows of a table are kept, and changing it.

import { useState } from "preact/hooks";
import * as api from "../../api/lake";
import { attempt } from "../../parts/attempt";
import { focused, useReturn } from "../../parts/focus";
import { quoted } from "../../parts/sentences";
import { count, counted } from "../../parts/values";
import { may } from "../../shell/session";

/** What the server takes at most. */
const MOST = 36_500;

interface Props {
  name: string;
  days: number | undefined;
  changed: () => void;
}

export function Kept(props: Props) {
  return may("manage") ? <Keeping {...props} /> : <>{told(props.days)}</>;
}

function told(days: number | undefined): string {
  return days ? counted(days, "day") : "for ever";
}

function Keeping({ name, days, changed }: Props) {
  const [editing, setEditing] = useState(false);
  const opener = useReturn<HTMLButtonElement>(editing);
  const [text, setText] = useState("");
  const [wrong, setWrong] = useState("");
  const open = () => {
    setText(String(days ?? ""));
    setWrong("");
    setEditing(true);
  };
  const save = async (event: Event) => {
    event.preventDefault();
    const given = text.trim();
    const isDefault = !given || given === "-1";
    const wanted = Number(given);
    if (!isDefault && !(/^\d+$/.test(given) && wanted >= 1 && wanted <= MOST)) {
      setWrong(`A whole number of days from 1 to ${count(MOST)}; empty or -1 keeps them as the server says.`);
      return;
    }
    const done = await attempt(async () => {
      await api.keep(name, isDefault ? null : wanted);
      return wanted > 0 ? `${name}: rows are kept for ${counted(wanted, "day")}` : `${name}: rows are kept as the server says`;
    });
    if (!done) return;
    setEditing(false);
    changed();
  };
  if (!editing) {
    return (
      <button type="button" class="plain" ref={opener} title={`How long the rows of ${name} are kept`} onClick={open}>
        {told(days)}
      </button>
    );
  }
  return (
    <form class="lake-keep" onSubmit={(e) => void save(e)}>
      <input aria-label={`Days that rows of ${name} are kept`} inputMode="numeric" size={5} value={text} aria-invalid={!!wrong} ref={focused} onInput={(e) => setText(e.currentTarget.value)} />
      <button type="submit" class="main">
        Keep
      </button>
      <button type="button" onClick={() => setEditing(false)}>
        Leave it
      </button>
      {wrong && (
        <p class="wrong" role="alert">
          {quoted(wrong)}
        </p>
      )}
    </form>
  );
}
