"""What a file of tests says: which rule, which events, and what is expected of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from huntlake.detection.entities import Entity
from huntlake.detection.incidents import IncidentStatus
from huntlake.detection.severity import Severity, Tactic
from huntlake.detection.testing.tables import Events


@dataclass(frozen=True, slots=True)
class ExpectedAlert:
    """An alert that must be raised; what is None may be anything."""

    line: int
    title: str | None = None
    description: str | None = None
    severity: Severity | None = None
    tactics: frozenset[Tactic] | None = None
    techniques: frozenset[str] | None = None
    entities: tuple[Entity, ...] = ()
    exactly: bool = False
    """Whether it has no other entities."""
    details: Mapping[str, tuple[str, ...]] | None = None
    """Custom details, and the values that each holds."""


@dataclass(frozen=True, slots=True)
class ExpectedIncident:
    """An incident that must stand at the end; what is None may be anything."""

    line: int
    title: str | None = None
    severity: Severity | None = None
    status: IncidentStatus | None = None
    alerts: int | None = None
    entities: tuple[Entity, ...] = ()


@dataclass(frozen=True, slots=True)
class Expectation:
    """What must come of a test: how many alerts and incidents, or which. What is None may be anything."""

    line: int
    alerts: int | tuple[ExpectedAlert, ...] | None = None
    incidents: int | tuple[ExpectedIncident, ...] | None = None
    entities: tuple[Entity, ...] = ()
    """Entities that some alert has."""

    @property
    def is_quiet(self) -> bool:
        """Whether nothing must happen."""
        return self.alerts == 0 or self.alerts == ()


@dataclass(frozen=True)
class WatchlistGiven:
    """A watchlist that the rule's query reads."""

    alias: str
    search_key: str
    rows: tuple[Mapping[str, str], ...]


@dataclass(frozen=True)
class Case:
    """One test: events, the ends of the windows that the rule is run for, and what must come of it."""

    name: str
    line: int
    runs: tuple[datetime, ...]
    events: Mapping[str, Events]
    expected: Expectation
    watchlists: tuple[WatchlistGiven, ...] = ()


@dataclass(frozen=True)
class Suite:
    """A file of tests. `rule` is the rule's file, and `functions` the files of functions that its query calls."""

    path: Path
    rule: Path
    cases: tuple[Case, ...]
    functions: tuple[Path, ...] = ()
