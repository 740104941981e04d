// One account, host, address, file, URL or domain: what is known of it, what it did, what it goes with.

import { useEffect, useMemo, useState } from "preact/hooks";
import { type Answer, objects } from "../../api/kusto";
import { useAnswer } from "../../parts/answer";
import type { Loaded } from "../../parts/load";
import { offer } from "../../shell/commands";
import { Link, go, place } from "../../shell/router";
import { may } from "../../shell/session";
import { useTitle } from "../../shell/title";
import { pathTo } from "../query/share";
import { Activity } from "./activity";
import { Alerts } from "./alerts";
import { BeginHunt } from "./hunt";
import { type Named, TITLES, pathOf, word } from "./kinds";
import { Known, Marked } from "./known";
import { DAYS, PATIENCE, activity, known } from "./queries";
import { Related } from "./related";

/** The names that rows of the directory say belong to one account. */
interface Identity {
  AccountUPN?: string;
  AccountName?: string;
  SAMAccountName?: string;
}

export function EntityPage({ it }: { it: Named }) {
  const asked = Number(place.value.query.get("days"));
  const days = DAYS.find((d) => d === asked) ?? 14;
  const facts = useAnswer(known(it), PATIENCE);
  const { words, names } = useMemo(() => said(it, facts), [it.kind, it.name, facts.value, facts.wrong]);
  useTitle(it.name);
  const [hunting, setHunting] = useState(false);
  useEffect(
    () =>
      offer([
        ...(may("hunt") ? [{ title: `Begin a hunt for ${it.name}`, run: () => setHunting(true) }] : []),
        { title: `Ask the lake for ${it.name}`, run: () => go(pathTo(activity([word(it)], days))) },
      ]),
    [it.kind, it.name, days],
  );
  return (
    <article class="entity">
      <header class="object-head">
        <p class="object-way">
          <Link to="/entities">Entities</Link> / {TITLES[it.kind]}
        </p>
        <h1>{it.name}</h1>
        <div class="object-work">
          <fieldset class="choices">
            <legend class="visually-hidden">Over what time</legend>
            {DAYS.map((d) => (
              <button key={d} type="button" aria-pressed={d === days} onClick={() => go(`${pathOf(it)}?days=${d}`, { replace: true })}>
                {d === 1 ? "1 day" : `${d} days`}
              </button>
            ))}
          </fieldset>
          {may("hunt") && (
            <button type="button" onClick={() => setHunting(true)}>
              Begin a hunt …
            </button>
          )}
          {words && (
            <span class="quiet">
              Rows that hold{" "}
              {words.map((w, i) => (
                <>
                  {i > 0 && " or "}
                  <code key={w}>{w}</code>
                </>
              ))}
            </span>
          )}
        </div>
      </header>
      <div class="object-body">
        <div class="entity-main">
          <Activity it={it} words={words} days={days} />
          <Alerts it={it} words={words} />
          <Related it={it} words={words} names={names} days={days} />
        </div>
        <aside class="object-facts" aria-label="What is known">
          <Known it={it} facts={facts} />
          <Marked it={it} words={words} />
        </aside>
      </div>
      {hunting && <BeginHunt entities={[{ it, words: words ?? [word(it)] }]} close={() => setHunting(false)} />}
    </article>
  );
}

/** By which words and full names rows tell of it: undefined while the directory is asked for an account's others. */
function said(it: Named, facts: Loaded<Answer>): { words: string[] | undefined; names: string[] } {
  const own = word(it);
  if (it.kind !== "account") return { words: [own], names: [it.name] };
  if (!facts.value && !facts.wrong) return { words: undefined, names: [it.name] };
  const found = objects<Identity>(facts.value?.tables[0]);
  const shorts = found.flatMap((i) => [i.AccountName, i.SAMAccountName, i.AccountUPN && word({ kind: "account", name: i.AccountUPN })]);
  const upns = found.map((i) => i.AccountUPN);
  return { words: different([own, ...shorts]), names: different([it.name, ...upns]) };
}

function different(texts: (string | undefined)[]): string[] {
  const kept = new Map<string, string>();
  for (const t of texts) if (t && !kept.has(t.toLowerCase())) kept.set(t.toLowerCase(), t);
  return [...kept.values()];
}
