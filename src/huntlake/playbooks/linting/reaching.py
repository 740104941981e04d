"""Which actions can run, and what runs where one fails."""

from __future__ import annotations

from collections.abc import Mapping

from huntlake.wdl.definition.workflow import Action, ActionType, Status

_LATE = frozenset(
    (
        ActionType.API_CONNECTION,
        ActionType.API_CONNECTION_WEBHOOK,
        ActionType.API_MANAGEMENT,
        ActionType.FOREACH,
        ActionType.FUNCTION,
        ActionType.HTTP,
        ActionType.HTTP_WEBHOOK,
        ActionType.IF,
        ActionType.SCOPE,
        ActionType.SWITCH,
        ActionType.UNTIL,
        ActionType.WORKFLOW,
        ActionType.SEND_TO_BATCH,
        ActionType.WAIT,
    )
)
"""Actions that may take longer than they are allowed to."""


def unreachable(actions: tuple[Action, ...]) -> dict[str, str]:
    """By the name of each action of a branch that never runs, why."""
    ends: dict[str, frozenset[Status]] = {}
    needs: dict[str, dict[str, frozenset[Status]]] = {}
    found: dict[str, str] = {}
    for action in _in_order(actions):
        reason, wanted = _needs(action, ends, needs)
        needs[action.name] = wanted
        if reason:
            found[action.name] = reason
            ends[action.name] = frozenset((Status.SKIPPED,))
            continue
        possible = _ends(action)
        if any(ends[n] - action.run_after[n] for n in action.run_after):
            possible |= {Status.SKIPPED}
        ends[action.name] = possible
    return found


def _needs(
    action: Action, ends: Mapping[str, frozenset[Status]], needs: Mapping[str, dict[str, frozenset[Status]]]
) -> tuple[str, dict[str, frozenset[Status]]]:
    """Why an action can't run, and how all those before it must have ended where it does."""
    wanted: dict[str, frozenset[Status]] = {}
    for name, statuses in action.run_after.items():
        met = statuses & ends[name]
        if not met:
            shown = ", ".join(sorted(statuses))
            if ends[name] <= {Status.FAILED, Status.SKIPPED} and Status.SUCCEEDED in statuses:
                return f"nothing runs after `{name}`, which ends the run or never runs itself", {}
            return f"`{name}` never ends as {shown}", {}
        # Whoever ran before needed things of its own, and these still hold.
        before = needs[name] if Status.SKIPPED not in met else {}
        for other, must in [(name, met), *before.items()]:
            wanted[other] = wanted.get(other, must) & must
            if not wanted[other]:
                return f"`{other}` would have to end in two ways at once", {}
    return "", wanted


def _ends(action: Action) -> frozenset[Status]:
    if _never_succeeds(action):
        return frozenset((Status.FAILED,))
    made = {Status.SUCCEEDED, Status.FAILED}
    if action.type in _LATE:
        made |= {Status.TIMED_OUT}
    return frozenset(made)


def _never_succeeds(action: Action) -> bool:
    """Whether whatever comes behind an action that succeeded is never reached: it ends the run."""
    if action.type is ActionType.TERMINATE:
        return True
    if action.type is ActionType.SCOPE:
        return _always_terminates(action.actions)
    if action.type is ActionType.IF:
        return _always_terminates(action.actions) and _always_terminates(action.otherwise)
    return False


def _always_terminates(actions: tuple[Action, ...]) -> bool:
    return any(_never_succeeds(a) and not a.run_after for a in actions)


def handled(action: Action, siblings: tuple[Action, ...]) -> bool:
    """Whether something in its branch runs where an action fails."""
    after: dict[str, frozenset[Status]] = {action.name: frozenset((Status.FAILED,))}
    for other in _in_order(siblings):
        derived = [n for n in other.run_after if n in after]
        if not derived:
            continue
        if all(after[n] & other.run_after[n] for n in derived):
            return True
        after[other.name] = frozenset((Status.SKIPPED,))
    return False


def _in_order(actions: tuple[Action, ...]) -> list[Action]:
    """The actions, each behind all that it runs after."""
    waiting, made = list(actions), list[Action]()
    done: set[str] = set()
    while waiting:
        free = [a for a in waiting if done >= set(a.run_after)]
        made += free
        done |= {a.name for a in free}
        waiting = [a for a in waiting if a.name not in done]
    return made
