"""Signals kept in memory, with a little of ATT&CK made for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from huntlake.core.clock import FixedClock
from huntlake.hunting.extraction.attack import Attack
from huntlake.hunting.extraction.knowledge import Actor, Analytic, AnalyticSource, Knowledge, Procedure, Technique
from huntlake.hunting.signals.intake import Intake, SignalPlace
from huntlake.hunting.signals.store import Signals
from huntlake.hunting.signals.vulnerabilities import Vulnerabilities, Vulnerability
from huntlake.state.audit import AuditTrail
from huntlake.state.memory import MemoryShelf
from huntlake.state.records import Records
from huntlake.workspace.workspaces import Workspace

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
WORKSPACE = Workspace("soc", "11111111-1111-1111-1111-111111111111")
OWNER = (WORKSPACE.name,)


def _technique(id: str, name: str, *users: str) -> Technique:
    said = tuple(Procedure(user, "intrusion-set", f"{user} has used {name.lower()} of a kind.") for user in users)
    source = AnalyticSource("WinEventLog:Security", "EventCode=4688", "Process Creation")
    return Technique(
        id,
        name,
        f"Adversaries may use {name.lower()}.",
        (),
        ("Windows",),
        said,
        (Analytic(f"AN{id}", name, (), (source,)),),
    )


KNOWLEDGE = Knowledge(
    "ATT&CK made for tests",
    (
        _technique("T1003.001", "LSASS Memory", "Grey Heron", "Sandpiper", "Knot"),
        _technique("T1053.005", "Scheduled Task", "Grey Heron", "Sandpiper"),
        _technique("T1566.001", "Spearphishing Attachment", "Grey Heron", "Avocet"),
        _technique("T1059.001", "PowerShell", "Avocet", "Plover", "Grey Heron", "Sandpiper"),
        _technique("T1021.001", "Remote Desktop Protocol", "Plover", "Knot"),
    ),
    {"T1086": "T1059.001"},
    (
        Actor("G9001", "Grey Heron", "intrusion-set", ("Grey Heron", "TA-9001")),
        Actor("S9001", "Royal", "malware", ("Royal",)),
        Actor("S9002", "MudSkipper", "malware", ("MudSkipper", "mud.skip")),
        Actor("S9003", "Net", "tool", ("Net",)),
    ),
)


@pytest.fixture
def shelf() -> MemoryShelf:
    return MemoryShelf()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def audit(shelf: MemoryShelf, clock: FixedClock) -> AuditTrail:
    return AuditTrail(shelf, clock)


@pytest.fixture
def signals(shelf: MemoryShelf, clock: FixedClock, audit: AuditTrail) -> Signals:
    return Signals(shelf, clock, audit, timedelta(days=30))


@pytest.fixture
def attack(tmp_path: Path) -> Attack:
    """ATT&CK as somebody has brought it."""
    found = Attack(tmp_path / "attack")
    found.install(KNOWLEDGE, "a test", NOW)
    return found


@pytest.fixture
def vulnerabilities(shelf: MemoryShelf, clock: FixedClock) -> Vulnerabilities:
    return Vulnerabilities(Records(shelf, clock, "vulnerabilities", Vulnerability), Nothing())  # type: ignore[arg-type]


class Nothing:
    """A lake without rows."""

    def has(self, workspace: Workspace, table: str) -> bool:
        return False

    def rows(self, workspace: Workspace, query: str) -> tuple[()]:
        return ()


@pytest.fixture
def intake(
    signals: Signals, attack: Attack, clock: FixedClock, tmp_path: Path, vulnerabilities: Vulnerabilities
) -> Intake:
    return Intake(signals, attack, SignalPlace(tmp_path), clock, vulnerabilities)
