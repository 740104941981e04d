"""What a proof is about: a query and what goes with it, however it is kept."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Protocol

import orjson

from huntlake.detection.rules import EntityMapping


class Limits(Protocol):
    """What a run may take: rows a day, seconds, bytes read, and MiB of memory."""

    @property
    def rows_a_day(self) -> int: ...
    @property
    def seconds(self) -> float: ...
    @property
    def read_bytes(self) -> int: ...
    @property
    def memory_mib(self) -> int: ...


class Schedule(Protocol):
    """Over how long a time before its moment a run looks."""

    @property
    def period(self) -> timedelta: ...


class Content(Protocol):
    """A query, the values of its parameters as KQL literals, its window, its limits, what its columns are, and
    the watchlists whose items may change after somebody has approved it.
    """

    @property
    def query(self) -> str: ...
    @property
    def parameters(self) -> tuple[tuple[str, str], ...]: ...
    @property
    def schedule(self) -> Schedule: ...
    @property
    def limits(self) -> Limits: ...
    @property
    def entities(self) -> tuple[EntityMapping, ...]: ...
    @property
    def live_watchlists(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class Window:
    """The time that one run looks at."""

    period: timedelta = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Caps:
    """Limits where nobody has set others."""

    rows_a_day: int = 50
    seconds: float = 60.0
    read_bytes: int = 2 << 30
    memory_mib: int = 1024


@dataclass(frozen=True, slots=True)
class Question:
    """A query that is no hunt yet."""

    query: str
    parameters: tuple[tuple[str, str], ...] = ()
    schedule: Window = Window()
    limits: Caps = Caps()
    entities: tuple[EntityMapping, ...] = ()
    live_watchlists: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """Another query with what goes with one."""

    query: str
    parameters: tuple[tuple[str, str], ...]
    schedule: Schedule
    limits: Limits
    entities: tuple[EntityMapping, ...]
    live_watchlists: tuple[str, ...]


def seed(content: Content) -> int:
    """A number that is the same for the same query with the same parameters, in every process."""
    said = [content.query, *map(list, content.parameters), [asdict(e) for e in content.entities]]
    return int.from_bytes(hashlib.sha256(orjson.dumps(said)).digest()[:8], "big")
