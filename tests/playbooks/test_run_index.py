"""Lists of very many runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import process_time
from typing import Any

import pytest

from huntlake.core.clock import FixedClock
from huntlake.detection.timeline import Timelines
from huntlake.playbooks.runs.records import PlaybookRun, RunStatus
from huntlake.playbooks.runs.service import Runs, Wanted
from huntlake.playbooks.runs.starting import Start
from huntlake.playbooks.workflows import WORKFLOWS, Workflow, Workflows
from huntlake.state.database import Database
from huntlake.state.documents import Document, Put, Shelf
from huntlake.state.memory import MemoryShelf
from huntlake.state.records import Author, Records
from huntlake.state.sealing import Seal

BEGAN = datetime(2026, 3, 2, 10, tzinfo=UTC)
ME = Author(name="Ada")


def runs_over(shelf: Shelf, home: Path) -> Runs:
    clock = FixedClock(BEGAN)
    workflows = Workflows(shelf, clock)
    definition = {"triggers": {"t": {"type": "Request"}}, "actions": {}}
    for name in ("Many", "other"):
        workflows.put(name, Workflow(definition, "soc"))
    return Runs(shelf, clock, workflows, Seal(home / "key"), Timelines(shelf), lambda name: name)


def start(runs: Runs, minutes: float, status: RunStatus | None = None, workflow: str = "Many") -> str:
    at = BEGAN + timedelta(minutes=minutes)
    run = runs.start(runs.workflows.get(workflow), Start({}, ME, key=f"{workflow}{minutes}", at=at))
    if status is not None:
        assert runs.ended(run, replace(run.value, status=status))
    return run.name


@pytest.fixture(params=["memory", "sqlite"])
def runs(request: Any, tmp_path: Path) -> Iterator[Runs]:
    if request.param == "memory":
        yield runs_over(MemoryShelf(), tmp_path)
        return
    database = Database.open(tmp_path / "state.db")
    yield runs_over(database, tmp_path)
    database.close()


def minutes(found: Any) -> list[float]:
    return [(d.value.started - BEGAN) / timedelta(minutes=1) for d in found]


def test_runs_are_paged_by_status_and_time_the_newest_first(runs: Runs) -> None:
    statuses = [RunStatus.SUCCEEDED, RunStatus.FAILED, None]
    for minute in range(12):
        start(runs, minute, statuses[minute % 3])
    start(runs, 3.5, RunStatus.FAILED, "other")
    assert minutes(runs.walk(Wanted("many"))) == list(range(11, -1, -1))
    failed = Wanted("Many", statuses=frozenset({RunStatus.FAILED}))
    assert minutes(runs.walk(failed)) == [10, 7, 4, 1]
    both = replace(failed, statuses=frozenset({RunStatus.FAILED, RunStatus.RUNNING}))
    assert minutes(runs.walk(both)) == [11, 10, 8, 7, 5, 4, 2, 1]
    first = runs.list(failed, most=3)
    assert minutes(first.runs) == [10, 7, 4]
    assert minutes(runs.list(failed, first.next, 3).runs) == [1]
    within = Wanted("Many", since=BEGAN + timedelta(minutes=4), until=BEGAN + timedelta(minutes=7))
    assert minutes(runs.walk(within)) == [6, 5, 4], "the first counts, and the last doesn't"
    assert minutes(runs.walk(replace(within, statuses=failed.statuses))) == [4]
    everywhere = Wanted(statuses=failed.statuses)
    assert minutes(runs.walk(everywhere)) == [10, 7, 4, 3.5, 1], "those of all workflows, in one order"


def test_a_run_is_found_by_the_beginning_of_its_id(runs: Runs) -> None:
    first, last = start(runs, 1), start(runs, 2)
    assert [d.name for d in runs.beginning(first[:25].lower())] == [first]
    assert [d.name for d in runs.beginning(last)] == [last]
    assert len(runs.beginning(first[:5])) == 2
    assert runs.beginning("") == []


def test_a_run_that_is_forgotten_is_in_no_list(runs: Runs) -> None:
    start(runs, 1, RunStatus.FAILED)
    start(runs, 600, RunStatus.FAILED)
    runs.clock.at = BEGAN + timedelta(minutes=601)  # type: ignore[attr-defined]
    old = next(d for d in runs.walk(Wanted("Many")) if minutes([d]) == [1])
    runs.records.put((*WORKFLOWS, "Many"), old.name, replace(old.value, ended=BEGAN + timedelta(minutes=2)))
    assert runs.expire(timedelta(hours=5)) == 1
    assert minutes(runs.walk(Wanted("Many", statuses=frozenset({RunStatus.FAILED})))) == [600]


def test_runs_that_ended_before_there_were_lists_are_found_by_their_status(runs: Runs) -> None:
    start(runs, 1, RunStatus.FAILED)
    old = runs.list(Wanted("Many")).runs[0]
    runs.index.forget("Many", old.name, RunStatus.FAILED)
    assert minutes(runs.walk(Wanted("Many", statuses=frozenset({RunStatus.FAILED})))) == [1]
    start(runs, 2, RunStatus.FAILED)
    assert minutes(runs.walk(Wanted("Many", statuses=frozenset({RunStatus.FAILED})))) == [2, 1]


def many(runs: Runs, count: int) -> None:
    """Writes runs as they are kept, without all that belongs to one."""
    records: Records[PlaybookRun] = runs.records
    model = runs.get("Many", start(runs, -1, RunStatus.SUCCEEDED))
    writes: list[Any] = []
    for number in range(count):
        value = replace(
            model.value,
            started=BEGAN + timedelta(seconds=number),
            status=RunStatus.FAILED if number % 1000 == 0 else RunStatus.SUCCEEDED,
        )
        from huntlake.playbooks.runs.starting import run_id

        id = run_id(value.started, str(number))
        writes += records.prepared((*WORKFLOWS, "Many"), id, value, ME, None)[1]
        writes.append(runs.index.ended("Many", id, value.status))
        if len(writes) > 5000:
            assert runs.shelf.write(writes)
            writes = []
    assert runs.shelf.write(writes)


def test_pages_of_a_long_list_cost_what_a_page_costs(tmp_path: Path) -> None:
    """With `HUNTLAKE_RUNS=100000` as many as that; milliseconds of processor time."""
    count = int(os.environ.get("HUNTLAKE_RUNS", "3000"))
    database = Database.open(tmp_path / "state.db")
    runs = runs_over(database, tmp_path)
    many(runs, count)
    runs.list(Wanted("Many", statuses=frozenset({RunStatus.FAILED})), most=1)
    middle = BEGAN + timedelta(seconds=count // 2)
    wanted: list[Wanted] = [
        Wanted("Many"),
        Wanted("Many", until=middle),
        Wanted("Many", statuses=frozenset({RunStatus.FAILED})),
        Wanted("Many", statuses=frozenset({RunStatus.FAILED}), until=middle),
    ]
    for one in wanted:
        begun = process_time()
        page = runs.list(one, most=50)
        took = (process_time() - begun) * 1000
        print(f"{took:6.1f} ms for {len(page.runs)} of {count:,}: {one}")
        assert page.runs
        assert took < 100
    database.close()


def test_an_index_writes_nothing_that_is_in_the_way_of_the_run(runs: Runs) -> None:
    put = runs.index.ended("Many", "ABC", RunStatus.FAILED)
    assert isinstance(put, Put)
    assert runs.shelf.write([put, put]), "told twice it is told once"
    document: Document[PlaybookRun] | None = runs.find("ABC")
    assert document is None
