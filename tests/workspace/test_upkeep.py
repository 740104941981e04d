"""Upkeep: what is due, of every table, again and again."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep

import pytest
from tests.workspace.conftest import NOW, OTHER, SOC, Ask

from huntlake.assembly.analytics import Analytics
from huntlake.core.clock import FixedClock
from huntlake.core.errors import Invalid
from huntlake.lake.maintenance.lock import alone
from huntlake.state.memory import MemoryShelf
from huntlake.workspace.upkeep import Retention, Upkeep

COUNT = "SigninLogs | count"


@pytest.fixture
def upkeep(hunting: Analytics, tmp_path: Path) -> Upkeep:
    """The tables of two workspaces, of which `soc` has two more files, all of them written some hours ago."""
    for _ in range(2):
        file = tmp_path / "more.jsonl"
        file.write_text(json.dumps({"TimeGenerated": NOW.isoformat(), "UserPrincipalName": "cyd"}))
        hunting.ingestion.ingest(SOC, "SigninLogs", file)
    for path in hunting.lake.root.rglob("*"):
        os.utime(path, (0, 0))
    tomorrow = FixedClock(NOW + timedelta(days=1))
    return Upkeep(hunting.lake, Retention(MemoryShelf()), tomorrow, timedelta(hours=24), hunting.hot_paths)


def test_what_is_due_is_done_in_every_workspace(upkeep: Upkeep, ask: Ask) -> None:
    assert len(upkeep.lake.snapshot(SOC.name, "SigninLogs").files) == 3
    upkeep.all([SOC.name, OTHER.name])
    assert len(upkeep.lake.snapshot(SOC.name, "SigninLogs").files) == 1
    assert (ask(COUNT), ask(COUNT, OTHER)) == ([[5]], [[3]])


def test_a_table_that_another_server_is_at_waits(upkeep: Upkeep) -> None:
    with alone(upkeep.lake.table(SOC.name, "SigninLogs").folder):
        upkeep.all([SOC.name])
    assert len(upkeep.lake.snapshot(SOC.name, "SigninLogs").files) == 3


def test_one_table_that_fails_stops_no_other(upkeep: Upkeep, ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    log = upkeep.lake.root / OTHER.name / "Broken_CL" / "_delta_log"
    log.mkdir(parents=True)
    (log / f"{0:020d}.json").write_text("nonsense")
    upkeep.all([OTHER.name, SOC.name])
    assert "Broken_CL" in caplog.text
    assert len(upkeep.lake.snapshot(SOC.name, "SigninLogs").files) == 1


def test_who_fails_to_forget_stops_nothing(upkeep: Upkeep, caplog: pytest.LogCaptureFixture) -> None:
    def failing(workspace: str) -> int:
        raise OSError(f"the database of {workspace} is away")

    heard: list[str] = []

    def forgetting(workspace: str) -> int:
        heard.append(workspace)
        return 1

    upkeep.expiries = (failing, forgetting)
    upkeep.all([SOC.name])
    assert "the database of soc is away" in caplog.text
    assert heard == [SOC.name]
    assert len(upkeep.lake.snapshot(SOC.name, "SigninLogs").files) == 1


def test_rows_are_kept_as_long_as_was_said(upkeep: Upkeep, ask: Ask) -> None:
    upkeep.clock = FixedClock(NOW + timedelta(days=10))
    upkeep.retention.set(SOC.name, "SigninLogs", 5)
    upkeep.all([SOC.name, OTHER.name])
    assert (ask(COUNT), ask(COUNT, OTHER)) == ([[0]], [[3]])


def test_days_are_counted_from_the_end_of_the_day(upkeep: Upkeep, ask: Ask) -> None:
    upkeep.retention.set(SOC.name, "SigninLogs", 1)
    upkeep.clock = FixedClock(datetime(2026, 11, 22, 23, 59, tzinfo=UTC))
    upkeep.all([SOC.name])
    assert ask(COUNT) == [[5]]


def test_what_is_said_of_a_table_counts_before_the_setting() -> None:
    retention = Retention(MemoryShelf(), 90)
    retention.set("soc", "T", 0)
    assert (retention.days("soc", "T"), retention.days("soc", "U")) == (0, 90)
    retention.set("soc", "T", None)
    assert retention.days("soc", "T") == 90
    with pytest.raises(Invalid):
        retention.set("soc", "T", -1)


def test_it_runs_by_itself_and_ends_with_the_block(upkeep: Upkeep) -> None:
    from threading import Event

    asked = Event()

    def workspaces() -> list[str]:
        asked.set()
        return [SOC.name]

    with upkeep.running(timedelta(milliseconds=1), workspaces):
        assert asked.wait(30)
    assert upkeep.lake.snapshot(SOC.name, "SigninLogs").rows == 5


def test_a_failure_that_nobody_foresaw_does_not_end_it(upkeep: Upkeep) -> None:
    asked = 0

    def workspaces() -> list[str]:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise RuntimeError("the state is locked")
        return [SOC.name]

    def expiry(workspace: str) -> int:
        raise RuntimeError("the state is locked")

    upkeep.expiries = (expiry,)
    with upkeep.running(timedelta(milliseconds=1), workspaces):
        until = monotonic() + 10
        while len(upkeep.lake.snapshot(SOC.name, "SigninLogs").files) > 1 and monotonic() < until:
            sleep(0.01)
    assert len(upkeep.lake.snapshot(SOC.name, "SigninLogs").files) == 1
