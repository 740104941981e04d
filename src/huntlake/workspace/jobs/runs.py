"""What is remembered of runs: each one's outcome, and of each task how far it is and what is still to be done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, cast
from uuid import UUID, uuid5

from huntlake.core.clock import Clock
from huntlake.core.errors import Conflict, PreconditionFailed
from huntlake.state.documents import Documents, Json, Shelf
from huntlake.state.records import Records

KEPT_RUNS = 200
"""How many ended runs of a task are remembered."""
_SLACK = 50


class RunStatus(StrEnum):
    """How far a run is."""

    NOT_STARTED = "NotStarted"
    RUNNING = "Running"
    WAITING = "Waiting"
    """It failed, and is tried again."""
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELED = "Canceled"

    @property
    def final(self) -> bool:
        """Whether it stays so."""
        return self in (RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELED)


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a task. `window` is the moment it is for, which is what `now()` says in its query."""

    window: datetime
    created: datetime
    manual: bool = False
    status: RunStatus = RunStatus.NOT_STARTED
    attempts: int = 0
    started: datetime | None = None
    """When its first attempt began."""
    ended: datetime | None = None
    seconds: float = 0
    """How long the last attempt took."""
    table: str = ""
    rows: int = 0
    claim: int = 0
    """The number under which its rows land, or have landed, in the table; 0 before they are all there."""
    code: str = ""
    failure: str = ""
    """Why the last attempt failed."""


def run_records(shelf: Shelf, clock: Clock, kind: str) -> Records[Run]:
    """The runs of tasks of one kind, by the workspace's and the task's names."""
    return Records(shelf, clock, kind, Run)


def run_id(task: str, window: datetime, *, manual: bool = False) -> str:
    """The id of the run of a task, by its id, for a window: the same whoever asks."""
    return str(uuid5(UUID(task), f"{'asked for at ' if manual else ''}{window.isoformat()}"))


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a task is: the windows up to `done` have runs, of which those in `open` haven't ended.

    `open` says of each when it may be tried, where that isn't at once.
    """

    done: datetime | None = None
    open: Mapping[str, datetime | None] = field(default_factory=dict)
    skipped: int = 0
    """Windows that were missed, and got no run."""
    failed_in_a_row: int = 0


class ProgressBook:
    """How far each task is, by its id."""

    def __init__(self, shelf: Shelf) -> None:
        self._documents = Documents(shelf, "progress of jobs", _encode, _decode)

    def all(self) -> dict[str, Progress]:
        """What is known of every task."""
        return {d.name: d.value for d in self._documents.list()}

    def get(self, task: str) -> Progress:
        """What is known of one."""
        found = self._documents.find(task)
        return found.value if found else Progress()

    def change(self, task: str, how: Callable[[Progress], Progress]) -> Progress:
        """Replace what is known by `how` of it, which may be called several times."""
        while True:
            found = self._documents.find(task)
            made = how(found.value if found else Progress())
            try:
                if found is None:
                    return self._documents.put(task, made, create_only=True).value
                return self._documents.put(task, made, if_match=found.etag).value
            except (Conflict, PreconditionFailed):
                continue  # someone wrote in between

    def open(self, task: str, run: str, at: datetime | None = None) -> None:
        """Have a run be done, not before a moment."""
        self.change(task, lambda p: replace(p, open={**p.open, run: at}))

    def close(self, task: str, run: str, *, failed: bool | None = None) -> Progress:
        """Nothing is left to do of a run; None neither adds to nor ends a row of failures."""

        def closed(progress: Progress) -> Progress:
            row = progress.failed_in_a_row
            return replace(
                progress,
                open={id: at for id, at in progress.open.items() if id != run},
                failed_in_a_row=row if failed is None else row + 1 if failed else 0,
            )

        return self.change(task, closed)

    def forget(self, task: str) -> None:
        """Know nothing of a task any more."""
        self._documents.delete(task)


def prune(runs: Records[Run], owner: tuple[str, ...]) -> None:
    """Forget the oldest runs that have ended, where there are many."""
    if runs.count(owner) <= KEPT_RUNS + _SLACK:
        return
    ended = sorted((d for d in runs.list(owner) if d.value.status.final), key=lambda d: d.value.created)
    for document in ended[:-KEPT_RUNS]:
        runs.delete(owner, document.name)


def _encode(progress: Progress) -> Json:
    return {
        "done": _text(progress.done),
        "open": {run: _text(at) for run, at in progress.open.items()},
        "skipped": progress.skipped,
        "failed_in_a_row": progress.failed_in_a_row,
    }


def _decode(value: Json) -> Progress:
    said = cast("dict[str, Any]", value)
    open = {run: _moment(at) for run, at in said["open"].items()}
    return Progress(_moment(said["done"]), open, said["skipped"], said["failed_in_a_row"])


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
