"""A run of a hunt, the clusters of what it found, and what people say of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from huntlake.state.records import Author

FINDINGS = "HuntlakeFindings"
"""The table of what hunts found: a row for each cluster of a run, and one for each verdict."""


class RunStatus(StrEnum):
    """How a run stands."""

    RUNNING = "running"
    FINDINGS = "findings"
    NO_FINDINGS = "no_findings"
    FAILED = "failed"
    STOPPED = "stopped"
    """By a breaker, with the first rows kept."""
    BLIND = "blind"
    """Nothing was found, and nothing could be: tables are silent."""


class Verdict(StrEnum):
    """What a person says of a cluster."""

    TRUE_POSITIVE = "true positive"
    BENIGN_POSITIVE = "benign positive"
    FALSE_POSITIVE = "false positive"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Cluster:
    """Rows of a run that are alike: what they have in common, how many, the best of them, and their score.

    `signature` is the same for the same thing in another run. `parts` are those of the score, from 0 to 1.
    """

    signature: str
    title: str
    rows: int
    first: datetime | None
    last: datetime | None
    entities: tuple[tuple[str, str], ...]
    sample: tuple[Mapping[str, Any], ...]
    score: float
    parts: tuple[tuple[str, float], ...] = ()
    known_good: str = ""
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A verdict on a cluster, with a reason's code, and what was made of it: a bookmark or an incident."""

    signature: str
    verdict: Verdict
    reason: str
    by: Author
    at: datetime
    comment: str = ""
    made: str = ""


@dataclass(frozen=True, slots=True)
class HuntRun:
    """A run: of one version over one window, which is its identity. Times are UTC."""

    hunt: str
    version: int
    since: datetime
    until: datetime
    status: RunStatus
    started: datetime
    ended: datetime | None = None
    rows: int = 0
    clusters: tuple[Cluster, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    failure: str = ""
    seconds: float = 0.0
    read_bytes: int = 0
    asked_by: Author | None = None
    remarks: tuple[str, ...] = ()
    details: Mapping[str, str] = field(default_factory=dict)
