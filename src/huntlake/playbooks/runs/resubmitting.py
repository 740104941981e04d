"""What a run takes over from the one that it repeats."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from huntlake.core.errors import Conflict, Invalid
from huntlake.playbooks.runs.driving import Taken
from huntlake.playbooks.runs.records import ActionEntry
from huntlake.wdl.definition.workflow import Action, ActionType, Definition
from huntlake.wdl.runner.effects import Answer

_ASKS = frozenset(
    {
        ActionType.API_CONNECTION,
        ActionType.API_CONNECTION_WEBHOOK,
        ActionType.API_MANAGEMENT,
        ActionType.FUNCTION,
        ActionType.HTTP,
        ActionType.HTTP_WEBHOOK,
        ActionType.SEND_TO_BATCH,
        ActionType.WAIT,
        ActionType.WORKFLOW,
    }
)
_CALLED_BACK = frozenset({ActionType.API_CONNECTION_WEBHOOK, ActionType.HTTP_WEBHOOK})


def done_again(definition: Definition, names: Iterable[str]) -> frozenset[str]:
    """The actions, in lower case, that are done again when a run begins anew at those: they, and all behind them."""
    again: set[str] = set()
    wanted = {n.lower(): n for n in names}

    def look(actions: Sequence[Action]) -> bool:
        """Marks what is done again among these and within them; says whether anything is."""
        hit = {a.name for a in actions if a.name.lower() in wanted}
        for action in actions:
            branches = (action.actions, action.otherwise, *(c.actions for c in action.cases))
            # Each branch is looked at, also behind one in which something is found.
            if action.name not in hit and sum(look(branch) for branch in branches):
                again.add(f"within {action.name.lower()}")
        started = {a.name for a in actions if a.name in hit or f"within {a.name.lower()}" in again}
        behind = set(started)
        while more := {a.name for a in actions if a.name not in behind and behind & a.run_after.keys()}:
            behind |= more
        for action in actions:
            # What holds an action that is done again is gone through again, and not done again as a whole.
            if action.name in behind and (action.name in hit or f"within {action.name.lower()}" not in again):
                again.update(a.name.lower() for a in action.all())
        return bool(started)

    look(definition.actions)
    if missing := [n for f, n in wanted.items() if f not in again]:
        raise Invalid(f"the workflow has no action `{missing[0]}`")
    return frozenset(a for a in again if not a.startswith("within "))


def taken_over(entries: Iterable[tuple[int, ActionEntry]], again: frozenset[str]) -> dict[str, Taken]:
    """By their keys, what actions gave that aren't done again. `Conflict` where one of them has secrets."""
    taken: dict[str, Taken] = {}
    types = {t.value: t for t in _ASKS}
    for _, entry in entries:
        type = types.get(entry.type)
        if type is None or entry.name.lower() in again:
            continue
        if entry.status == "TimedOut" and type in _CALLED_BACK:
            taken[entry.key.lower()] = Taken(Answer(), callback=True, late=True)
        if entry.status not in ("Succeeded", "Failed"):
            continue
        if type is ActionType.WAIT:
            taken[entry.key.lower()] = Taken(Answer())
            continue
        if "outputs" in entry.hidden:
            raise Conflict(
                f"what `{entry.name}` gave is secret, and was not kept: the run can only be resubmitted from there, or "
                "from before it"
            )
        outputs: Any = entry.outputs
        if isinstance(outputs, dict) and isinstance(outputs.get("statusCode"), int):
            answer = Answer(outputs["statusCode"], outputs.get("headers") or {}, outputs.get("body"))
        elif entry.code == "NotSupported":
            answer = Answer(refused=entry.error)
        elif entry.status == "Failed" and entry.attempts:
            answer = Answer(lost=entry.error)
        else:
            continue  # it failed before it asked anybody, and will again
        taken[entry.key.lower()] = Taken(answer, type in _CALLED_BACK)
    return taken
