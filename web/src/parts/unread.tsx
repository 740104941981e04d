// What stands in the place of a thing that isn't there: not yet, not at all, or not to be read.

import { Link } from "../shell/router";
import type { Loaded } from "./load";
import { quoted } from "./sentences";

interface Props {
  found: Pick<Loaded<unknown>, "wrong" | "missing">;
  /** What it is, such as `rule`. */
  what: string;
  /** Where all of them are. */
  to: string;
  all: string;
}

/** That what is shown was read before, and couldn't be read again. */
export function AsItWas({ found: { wrong } }: { found: Pick<Loaded<unknown>, "wrong"> }) {
  if (!wrong) return null;
  return (
    <p class="page-wrong" role="alert">
      This is as it was: it can't be read again. {quoted(wrong)}
    </p>
  );
}

export function Unread({ found: { wrong, missing }, what, to, all }: Props) {
  if (!wrong) return <p class="beginning">Reading the {what} …</p>;
  return (
    <p class={missing ? "beginning" : "beginning wrong"} role="alert">
      {missing ? `There is no such ${what} here.` : <>The {what} can't be read: {quoted(wrong)}</>} <Link to={to}>{all}</Link>
    </p>
  );
}
