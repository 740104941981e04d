// A page of several views, of which the address tells one.

import type { ComponentChildren } from "preact";
import { go, place } from "../shell/router";

export interface View {
  name: string;
  title: string;
  show: () => ComponentChildren;
  /** How many things wait there for a person. */
  waiting?: number;
}

interface Props {
  path: string;
  title: string;
  views: readonly [View, ...View[]];
  children?: ComponentChildren;
}

/** The page's head with a button for each view, and the view that is chosen. */
export function Views({ path, title, views, children }: Props) {
  const view = views.find((v) => v.name === place.value.query.get("view")) ?? views[0];
  return (
    <>
      <header class="page-head">
        <h1>{title}</h1>
        <fieldset class="choices">
          <legend class="visually-hidden">View</legend>
          {views.map((v) => (
            <button key={v.name} type="button" aria-pressed={v === view} onClick={() => go(`${path}?view=${v.name}`, { replace: true })}>
              {v.title} {!!v.waiting && <strong class="waiting">{v.waiting}</strong>}
            </button>
          ))}
        </fieldset>
        {children}
      </header>
      {view.show()}
    </>
  );
}
