"""How many runs of a workflow go on at once, and which wait for their turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast
from uuid import uuid4

from huntlake.core.errors import Busy
from huntlake.state.documents import Put, Shelf, Write

_COLLECTION = "turns of playbooks"


@dataclass(frozen=True, slots=True)
class Turn:
    """Whether a run may begin, and what is to be written for it together with the run."""

    waiting: bool
    writes: tuple[Write, ...]


@dataclass(frozen=True, slots=True)
class Passed:
    """The runs whose turn has come because another one has ended, and what is to be written for it."""

    next: tuple[str, ...]
    writes: tuple[Write, ...]


class Turns:
    """The turns of runs of workflows that have a bound. What is written may find that others were faster."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def take(self, workflow: str, run: str, at_once: int | None, most_waiting: int | None) -> Turn:
        """A turn for a run, of `at_once` at a time; `Busy` where more than `most_waiting` would wait."""
        if at_once is None:
            return Turn(False, ())
        running, waiting, etag = self._read(workflow)
        if run in running or run in waiting:
            return Turn(run in waiting, ())
        if len(running) < at_once:
            return Turn(False, (self._put(workflow, [*running, run], waiting, etag),))
        if most_waiting is not None and len(waiting) >= most_waiting:
            raise Busy(f"{len(running)} runs of `{workflow}` go on, and {len(waiting)} wait: no more may")
        return Turn(True, (self._put(workflow, running, [*waiting, run], etag),))

    def passed(self, workflow: str, run: str, bound: Callable[[], int | None]) -> Passed:
        """What is to be done when a run has ended; `bound` says how many runs the workflow now allows at once."""
        running, waiting, etag = self._read(workflow)
        if run not in running and run not in waiting:
            return Passed((), ())
        running, waiting, at_once = [r for r in running if r != run], [r for r in waiting if r != run], bound()
        free = len(waiting) if at_once is None else max(0, at_once - len(running))
        next, waiting = waiting[:free], waiting[free:]
        return Passed(tuple(next), (self._put(workflow, [*running, *next], waiting, etag),))

    def _read(self, workflow: str) -> tuple[list[str], list[str], str]:
        found = self._shelf.read(_COLLECTION, workflow.lower())
        if found is None:
            return [], [], ""
        said = cast("dict[str, Any]", found[0])
        return said["running"], said["waiting"], found[1]

    def _put(self, workflow: str, running: list[str], waiting: list[str], etag: str) -> Put:
        value = cast("Any", {"running": running, "waiting": waiting})
        return Put(_COLLECTION, workflow.lower(), value, uuid4().hex, etag or None, create=not etag)
