"""What is remembered of runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from math import isfinite
from typing import Any, cast

from huntlake.state.documents import Documents, Json, Put, Remove, Shelf, Write
from huntlake.state.records import Author
from huntlake.wdl.expressions.values import float_text
from huntlake.wdl.runner.records import HIDDEN, Record

NOBODY = Author()
MOST_INLINE = 16 << 10
"""Characters of inputs or outputs that stand in an action's entry; what is larger is kept beside it."""
MOST_KEPT = 16 << 20
"""Characters of inputs or outputs that are kept at all."""
MOST_ENTRIES = 50_000
"""Entries of a run's history; what its loops do beyond is counted."""


class RunStatus(StrEnum):
    """How far a run is, or what became of it."""

    WAITING = "Waiting"
    """For its turn: so many of the workflow's runs go on already as may."""
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELLED = "Cancelled"
    TIMED_OUT = "TimedOut"

    @property
    def ended(self) -> bool:
        """Whether nothing will become of the run any more."""
        return self not in (RunStatus.WAITING, RunStatus.RUNNING)


@dataclass(frozen=True, slots=True)
class Origin:
    """The run that another one repeats."""

    run: str
    actions: tuple[str, ...] = ()
    """From which actions on it is done again; none: from the beginning."""


@dataclass(frozen=True, slots=True)
class Parent:
    """The run that called another one, and waits for its response."""

    workflow: str
    run: str
    key: str


@dataclass(frozen=True, slots=True)
class PlaybookRun:
    """A run of a workflow."""

    workflow: str
    version: str
    workspace: str
    trigger: str
    """The trigger's name."""
    status: RunStatus
    started: datetime
    tracking_id: str
    """The id under which the caller, or the server, follows it (`x-ms-client-tracking-id`)."""
    started_by: Author = NOBODY
    incident: str = ""
    alert: str = ""
    entity: str = ""
    """What the run is about, if anything."""
    begun: datetime | None = None
    """When its turn came."""
    ended: datetime | None = None
    code: str = ""
    error: str = ""
    response: int = 0
    """The status of the response that it gave; 0: none yet."""
    responds: bool = False
    """Whether the workflow has a Response, for which the caller waits."""
    origin: Origin | None = None
    parent: Parent | None = None
    cancelled_by: Author | None = None
    entries: int = 0
    """How many entries its history has."""
    left_off: int = 0
    """How many it would have more."""
    did: tuple[str, ...] = ()
    """The actions that have changed something outside, in their order; of many the first."""
    secret_trigger: bool = False
    """Whether what set it off must not be shown."""


@dataclass(frozen=True, slots=True)
class ActionEntry:
    """What became of an action at one place of a run."""

    name: str
    type: str
    key: str
    """The action's name, with the rounds of the loops around it: `Each[3]/Look_up`."""
    place: tuple[tuple[str, int], ...]
    """The loops around, the outermost first, and their rounds."""
    status: str
    started: str
    """Times in ISO 8601, in UTC."""
    ended: str = ""
    code: str = ""
    error: str = ""
    tracking_id: str = ""
    attempts: int = 0
    inputs: Any = None
    """What is secret is `HIDDEN`; None also where it is kept apart."""
    outputs: Any = None
    tracked: Mapping[str, Any] = field(default_factory=dict)
    apart: tuple[str, ...] = ()
    """Of `inputs` and `outputs`, what is kept apart, because it is large; see `History.content`."""
    hidden: tuple[str, ...] = ()
    """Of them, what is secret."""


@dataclass(frozen=True)
class History:
    """What the actions of runs did. Entries are numbered in the order in which the actions began."""

    shelf: Shelf

    def entries(self, run: str, after: int = -1) -> Iterator[tuple[int, ActionEntry]]:
        """The entries of a run, by number, from the one behind `after` on."""
        for name, value in self.shelf.read_after(_actions(run), f"{after:08}" if after >= 0 else ""):
            yield int(name), _entry(cast("dict[str, Any]", value))

    def entry(self, run: str, number: int) -> ActionEntry | None:
        """One entry of a run, or None."""
        found = self.shelf.read(_actions(run), f"{number:08}")
        return None if found is None else _entry(cast("dict[str, Any]", found[0]))

    def content(self, run: str, name: str) -> Any:
        """Something of a run that is kept apart: `trigger`, `response`, or `<number>/inputs` and `<number>/outputs`."""
        found = self.shelf.read(_contents(run), name)
        return None if found is None else cast("dict[str, Any]", found[0]).get("value")

    def whole(self, run: str, number: int, entry: ActionEntry) -> ActionEntry:
        """An entry with what is kept apart of it."""
        return replace(entry, apart=(), **{part: self.content(run, f"{number}/{part}") for part in entry.apart})

    def keep(self, run: str, name: str, value: Any) -> Put:
        """What keeps something of a run apart."""
        return Put(_contents(run), name, {"value": json_of(value)}, "")

    def write(self, run: str, number: int, record: Record) -> list[Write]:
        """What keeps the entry of an action; nothing that is secret is in it."""
        shown, said, writes, apart = record.shown(), dict[str, Any](), list[Write](), list[str]()
        for part in ("inputs", "outputs"):
            if part not in shown:
                continue
            value = json_of(shown[part])
            size = _size(value)
            if size > MOST_KEPT:
                value = f"({size:,} characters, of which a history keeps at most {MOST_KEPT:,})"
            elif size > MOST_INLINE:
                writes.append(self.keep(run, f"{number}/{part}", value))
                apart.append(part)
                continue
            said[part] = value
        entry: dict[str, Any] = {
            "name": record.action.name,
            "type": record.action.type.value,
            "key": record.key,
            "status": record.status.value,
            "started": record.started.isoformat(),
            "tracking_id": record.tracking_id,
            **said,
        }
        optional = {
            "place": [[r.loop, r.index] for r in record.place],
            "ended": record.ended.isoformat() if record.ended else "",
            "code": json_of(record.code),
            "error": json_of(record.shown_error["message"]),
            "attempts": record.attempts,
            "tracked": json_of(shown.get("trackedProperties")),
            "apart": apart,
            "hidden": sorted(p for p in record.hidden if p in shown),
        }
        entry |= {name: value for name, value in optional.items() if value}
        writes.append(Put(_actions(run), f"{number:08}", entry, ""))
        return writes

    def forget(self, run: str) -> None:
        """Forget all that a run did."""
        for collection in (_actions(run), _contents(run)):
            names = sorted(self.shelf.read_names(collection))
            for start in range(0, len(names), 500):
                self.shelf.write([Remove(collection, name) for name in names[start : start + 500]])


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run that has not ended: what a server must know of it at once."""

    workflow: str
    waiting: bool
    """Whether its turn has not come."""
    executor: str = ""
    """The server that has taken it; empty where none has."""


def open_runs(shelf: Shelf) -> Documents[OpenRun]:
    """The runs that have not ended, by id."""

    def encoded(run: OpenRun) -> Json:
        return {"workflow": run.workflow, "waiting": run.waiting, "executor": run.executor}

    def decoded(value: Json) -> OpenRun:
        return OpenRun(**cast("dict[str, Any]", value))

    return Documents(shelf, "open runs of playbooks", encoded, decoded)


def json_of(value: Any) -> Any:
    """A value of a run as a database can keep it: texts without halves of characters, integers of any size as texts."""
    match value:
        case str():
            return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case bool() | None:
            return value
        case float():
            return value if isfinite(value) else float_text(value)
        case Decimal():
            return float(value)
        case int():
            return value if -(1 << 63) <= value < 1 << 63 else str(value)
        case Mapping():
            return {json_of(str(k)): json_of(v) for k, v in value.items()}
        case list() | tuple():
            return [json_of(v) for v in value]
    return str(value)


def _size(value: Any) -> int:
    """About how many characters a value has as JSON; counting ends where it is more than a history keeps."""
    total, rest = 0, [value]
    while rest and total <= MOST_KEPT:
        one = rest.pop()
        if isinstance(one, str):
            total += len(one) + 2
        elif isinstance(one, Mapping):
            total += 4 * len(one) + sum(map(len, one))
            rest += one.values()
        elif isinstance(one, list):
            total += len(one) + 2
            rest += one
        else:
            total += 5
    return total


def _entry(said: dict[str, Any]) -> ActionEntry:
    place = tuple((loop, index) for loop, index in said.pop("place", ()))
    apart, hidden = (tuple(said.pop(name, ())) for name in ("apart", "hidden"))
    return ActionEntry(place=place, apart=apart, hidden=hidden, **said)


def _actions(run: str) -> str:
    return f"run actions of playbooks/{run.lower()}"


def _contents(run: str) -> str:
    return f"run contents of playbooks/{run.lower()}"


__all__ = ["HIDDEN", "ActionEntry", "History", "OpenRun", "Origin", "Parent", "PlaybookRun", "RunStatus", "open_runs"]
