"""What a file of tests says: which playbook, what sets it off, who answers, and what must come of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from huntlake.playbooks.testing.matching import Wanted
from huntlake.playbooks.testing.mocks import Approval, Mock, Reply, Which


@dataclass(frozen=True)
class ExpectedAction:
    """What must become of an action; None, or an empty text, may be anything."""

    line: int
    name: str
    """The action's name, or the key of one of its rounds, such as `For_each[0]/Add_comment`."""
    status: str = ""
    code: str = ""
    times: int | None = None
    """In how many rounds it ended like that; at least once where this isn't said."""
    attempts: int | None = None
    inputs: Wanted | None = None
    outputs: Wanted | None = None


@dataclass(frozen=True)
class ExpectedEffect:
    """A call that must be made, and be answered well."""

    which: Which
    body: Wanted | None = None
    queries: Wanted | None = None
    headers: Wanted | None = None
    times: int | None = None


@dataclass(frozen=True)
class ExpectedResponse:
    """What whoever started the run must be answered."""

    line: int
    status: int | None = None
    body: Wanted | None = None
    headers: Wanted | None = None


@dataclass(frozen=True)
class Expectation:
    """What must come of a test; what isn't said may be anything."""

    line: int
    status: str = ""
    code: str = ""
    actions: tuple[ExpectedAction, ...] = ()
    effects: tuple[ExpectedEffect, ...] = ()
    no_effects: tuple[Which, ...] = ()
    """Calls that must not even be tried."""
    response: ExpectedResponse | None = None
    no_response: bool = False
    outputs: Wanted | None = None
    within: timedelta | None = None
    """How much simulated time may pass at most."""


@dataclass(frozen=True)
class Case:
    """One test."""

    name: str
    line: int
    clock: datetime
    outputs: Mapping[str, Any]
    """Those of the trigger."""
    expected: Expectation
    trigger: str = ""
    """The name of the trigger; empty for the first."""
    mocks: tuple[Mock, ...] = ()
    approvals: tuple[Approval, ...] = ()
    replies: tuple[Reply, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0


@dataclass(frozen=True)
class Suite:
    """A file of tests."""

    path: Path
    playbook: Path
    cases: tuple[Case, ...]
    workflow: str = ""
    """The name of the workflow, of a file that holds several."""
    template_parameters: Mapping[str, Any] = field(default_factory=dict)
