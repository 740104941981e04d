"""The one way from a state to another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from huntlake.core.errors import Conflict, Refused
from huntlake.hunting.lifecycle.guards import GUARDS, Situation
from huntlake.hunting.lifecycle.hunt import GovernedHunt, Taken
from huntlake.hunting.lifecycle.states import MOVES, By, HuntState, Move

_WHO = {
    By.SYSTEM: "this house",
    By.AUTHOR: "who may write hunts",
    By.APPROVER: "a person who may approve hunts",
    By.PERSON: "a person who may write hunts",
    By.SCHEDULER: "the scheduler",
    By.BREAKER: "a breaker",
}


def move(at: Situation, after: HuntState, action: str, details: Mapping[str, str] | None = None) -> GovernedHunt:
    """The hunt with that version in another state, and the step among what was done.

    `Conflict` where there is no such step from where it is, or a guard of it doesn't hold; `Refused` for who may not.
    """
    number, before = at.version.number, at.hunt.state_of(at.version.number)
    if before is None:
        raise Conflict(f"version {number} isn't worked on and doesn't run: a later one took its place")
    chosen = _chosen(at, before, after)
    holds(at, chosen.guards, _told(after))
    moved = _with_state(at.hunt, number, after)
    content = at.version.content.hash
    if after is HuntState.SUSPENDED or (before is HuntState.SUSPENDED and after is HuntState.SCHEDULED):
        others = tuple(one for one in moved.suspended if one[0] != content)
        moved = replace(moved, suspended=(*others, (content, at.now)) if after is HuntState.SUSPENDED else others)
    if after is HuntState.IN_REVIEW:
        moved = replace(moved, submitted=at.now)
    return replace(noted(moved, at, action, before, after, details), reason=at.comment.strip())


def holds(at: Situation, guards: Iterable[str], what: str) -> None:
    """`Conflict` or `Refused` where one of those guards doesn't hold; `what` is what can't be done then."""
    for name in guards:
        guard = GUARDS[name]
        if why := guard.check(at):
            raise guard.error(f"it can't be {what}: {why}; {guard.help} (guard `{name}`)")


def noted(
    hunt: GovernedHunt,
    at: Situation,
    action: str,
    before: HuntState | str = "",
    after: HuntState | str = "",
    details: Mapping[str, str] | None = None,
) -> GovernedHunt:
    """The hunt with something that was done among what the audit will tell."""
    taken = Taken(
        action,
        at.version.number,
        at.acting.actor,
        str(before),
        str(after),
        at.comment.strip(),
        at.acting.request,
        dict(details or {}),
    )
    return replace(hunt, last=(*hunt.last, taken))


def _chosen(at: Situation, before: HuntState, after: HuntState) -> Move:
    there = [m for m in MOVES if m.before is before and m.after is after]
    if not there:
        if before is after:
            raise Conflict(f"version {at.version.number} is {before} already")
        ways = sorted({m.after.value for m in MOVES if m.before is before})
        can = f"from there it can become {', '.join(ways)}" if ways else "that is its end"
        raise Conflict(f"version {at.version.number} is {before}, and can't be {_told(after)}: {can}")
    for one in there:
        if one.by & at.acting.parts:
            return one
    may = sorted({_WHO[by] for one in there for by in one.by})
    raise Refused(f"it can't be {_told(after)} by {at.acting.actor.role or 'you'}: that is for {' or '.join(may)}")


def _with_state(hunt: GovernedHunt, number: int, after: HuntState) -> GovernedHunt:
    if after is HuntState.RETIRED:
        return replace(hunt, state=after, runnable=0, runnable_state=None, run="")
    if number == hunt.current:
        changed = replace(hunt, state=after)
        if after is HuntState.SCHEDULED:
            return replace(changed, runnable=number, runnable_state=None)
        if after in (HuntState.EXPIRED, HuntState.PROMOTED) and number == hunt.runnable:
            return replace(changed, runnable=0)
        return changed
    if after is HuntState.EXPIRED:
        return replace(hunt, runnable=0, runnable_state=None)
    return replace(hunt, runnable_state=after)


def _told(state: HuntState) -> str:
    return {
        HuntState.IN_REVIEW: "submitted",
        HuntState.RUNNING: "run",
        HuntState.CHANGES_REQUESTED: "sent back",
    }.get(state, state.value.replace("_", " "))
