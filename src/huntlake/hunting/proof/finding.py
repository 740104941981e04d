"""What is found out about a query before a person reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from huntlake.core.diagnostics import Span

FRESH = timedelta(days=7)
"""A dry run that is older says nothing about the rows of today."""
RESTS_ON = "tables"
"""The key of `Proof.details` under which what the query rests on is kept, as JSON: tables, functions, watchlists."""
RUNS = "HP4"
"""How the codes of findings begin that running a query has shown."""


class Level(StrEnum):
    """What a finding means: the query must not go on, costs something, or is only worth knowing."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class ProofFinding:
    """A finding: its rule's id (`HP…`), place and weight; `help` says what to do."""

    code: str
    level: Level
    weight: int
    reason: str
    span: Span | None = None
    help: str = ""

    @property
    def of_run(self) -> bool:
        """Whether it tells what running the query has shown, rather than what its text says."""
        return self.code.startswith(RUNS)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a query would read, by the statistics of files: bytes and rows at most, of which tables."""

    bytes: int
    rows: int
    tables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Volume:
    """Rows a day that a query gives, and the 95 % interval of that, by a deterministic sample."""

    a_day: float
    low: float
    high: float
    sampled: str
    """What was looked at, in words."""


@dataclass(frozen=True, slots=True)
class DryRun:
    """A run over history that changes nothing, and what it gave; `limited` says which of its caps ended it, if one did.

    `daily` counts rows by day (`2026-11-20`); `entities` counts distinct values by type; `sample` are some rows.
    """

    since: datetime
    until: datetime
    at: datetime
    rows: int
    daily: tuple[tuple[str, int], ...] = ()
    entities: tuple[tuple[str, int], ...] = ()
    sample: tuple[Mapping[str, Any], ...] = ()
    seconds: float = 0.0
    read_bytes: int = 0
    limited: str = ""
    failure: str = ""


class Expectation(StrEnum):
    """What recorded data must say of a query."""

    MUST_HIT = "must hit"
    MUST_STAY_QUIET = "must stay quiet"


@dataclass(frozen=True, slots=True)
class Check:
    """A query over recorded data: what was expected of it there, and the rows it gave."""

    recording: str
    expectation: Expectation
    rows: int
    passed: bool


@dataclass(frozen=True, slots=True)
class Proof:
    """Everything found out about one query, at one time, against the tables as `schema` (a hash) had them."""

    at: datetime
    schema: str
    findings: tuple[ProofFinding, ...] = ()
    cost: Cost | None = None
    volume: Volume | None = None
    dry_run: DryRun | None = None
    checks: tuple[Check, ...] = ()
    details: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_valid(self) -> bool:
        """Whether it can be run at all: no finding about its text is an error."""
        return not any(f.level is Level.ERROR and not f.of_run for f in self.findings)

    @property
    def weight(self) -> int:
        """What its findings weigh together; less is better."""
        return sum(finding.weight for finding in self.findings)

    @property
    def ran(self) -> bool:
        """Whether its dry run ended within its caps, no finding about runs is an error, and every check passed."""
        done = self.dry_run is not None and not self.dry_run.failure and not self.dry_run.limited
        wrong = any(f.level is Level.ERROR and f.of_run for f in self.findings)
        return done and not wrong and all(check.passed for check in self.checks)

    def is_fresh(self, now: datetime) -> bool:
        """Whether its dry run, if it had one, is not older than `FRESH`."""
        return self.dry_run is not None and now - self.dry_run.at <= FRESH
