"""Queries that nobody waits for."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from huntlake.assembly.analytics import Analytics
from huntlake.core.clock import FixedClock
from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import Busy, Conflict, NotFound, Refused
from huntlake.state.documents import Documents
from huntlake.state.memory import MemoryShelf
from huntlake.workspace import async_queries
from huntlake.workspace.async_queries import KEPT, AsyncQueries, AsyncQuery, Status
from huntlake.workspace.workspaces import Workspace

from .conftest import NOW, OTHER, SOC

SLOW = "range a from 1 to 400000000 step 1 | summarize dcount(hash_sha256(tostring(a)))"


def readable(owner: str, database: str) -> Workspace | None:
    return {"soc": SOC, SOC.database: SOC}.get(database) if owner == "ann" else None


@pytest.fixture
def made(hunting: Analytics, tmp_path: Path) -> Iterator[Callable[..., AsyncQueries]]:
    """Makes the service of one process after another, over the same documents and files."""
    shelf, services = MemoryShelf(), []

    def make(clock: FixedClock | None = None) -> AsyncQueries:
        one = AsyncQueries(shelf, tmp_path / "results", hunting.queries, readable, clock or FixedClock(NOW))
        services.append(one)
        return one

    yield make
    for one in services:
        one.close()


def ended(service: AsyncQueries, query: AsyncQuery) -> AsyncQuery:
    end = time.monotonic() + 60
    while not (now := service.get(query.owner, query.id)).status.final:
        assert time.monotonic() < end
        time.sleep(0.01)
    return now


def rows(service: AsyncQueries, query: AsyncQuery) -> list[list[list[object]]]:
    tables = service.results(query.owner, query.id)
    return [json.loads(b"[" + b",".join(t.json_rows()) + b"]") for t in tables]


def test_a_result_can_be_read_as_often_as_one_likes(made: Callable[..., AsyncQueries]) -> None:
    service = made()
    query = service.submit("ann", "soc", "SigninLogs | count; print x = 'a', y = 1 | render piechart")
    assert ended(service, query).status is Status.SUCCEEDED
    assert rows(service, query) == [[[3]], [["a", 1]]] == rows(service, query)
    table = service.results("ann", query.id)[1]
    assert ([c.name for c in table.columns], table.row_count, table.truncated_by) == (["x", "y"], 1, None)
    assert table.visualization is not None


def test_a_result_outlives_the_process(made: Callable[..., AsyncQueries]) -> None:
    query = (first := made()).submit("ann", "soc", "SigninLogs | count")
    ended(first, query)
    first.close()
    assert rows(made(), query) == [[[3]]]


def test_parameters_and_limits_of_time_go_with_the_query(made: Callable[..., AsyncQueries]) -> None:
    service = made()
    query = service.submit("ann", "soc", "declare query_parameters(u:string); print u", parameters={"u": 'x"y'})
    ended(service, query)
    assert rows(service, query) == [[['x"y']]]
    slow = service.submit("ann", "soc", SLOW, timeout=timedelta(seconds=0.1))
    failed = ended(service, slow)
    assert (failed.status, failed.code) == (Status.FAILED, "TimedOut")


def test_a_wrong_query_is_told_at_once(made: Callable[..., AsyncQueries]) -> None:
    service = made()
    with pytest.raises(SourceError):
        service.submit("ann", "soc", "SigninLogs | whree x")
    assert service.list("ann") == []


def test_no_result_is_given_before_there_is_one(made: Callable[..., AsyncQueries]) -> None:
    service = made()
    query = service.submit("ann", "soc", SLOW)
    with pytest.raises(Conflict):
        service.results("ann", query.id)
    service.delete("ann", query.id)


@pytest.mark.parametrize(("owner", "database"), [("bob", "soc"), ("ann", "other"), ("ann", OTHER.database)])
def test_what_the_owner_may_not_read_is_refused(made: Callable[..., AsyncQueries], owner: str, database: str) -> None:
    with pytest.raises(Refused):
        made().submit(owner, database, "SigninLogs")


def test_one_owner_sees_nothing_of_another(made: Callable[..., AsyncQueries]) -> None:
    service = made()
    query = service.submit("ann", "soc", "print 1")
    for ask in (service.get, service.results, service.delete):
        with pytest.raises(NotFound):
            ask("bob", query.id)
    assert service.list("bob") == []


def test_a_right_that_was_taken_away_closes_the_result(
    made: Callable[..., AsyncQueries], hunting: Analytics, tmp_path: Path
) -> None:
    allowed = [SOC]
    service = AsyncQueries(
        MemoryShelf(), tmp_path / "r", hunting.queries, lambda _o, _d: allowed[0] if allowed else None, FixedClock(NOW)
    )
    query = service.submit("ann", "soc", "print 1")
    ended(service, query)
    allowed.clear()
    with pytest.raises(Refused):
        service.results("ann", query.id)
    service.close()


def test_a_query_can_be_cancelled_and_forgotten(made: Callable[..., AsyncQueries]) -> None:
    service = made()
    query = service.submit("ann", "soc", SLOW)
    service.delete("ann", query.id)
    assert ended(service, query).status is Status.CANCELED
    with pytest.raises(Conflict):
        service.results("ann", query.id)
    service.delete("ann", query.id)
    with pytest.raises(NotFound):
        service.get("ann", query.id)


def test_what_had_not_ended_runs_again_and_once(made: Callable[..., AsyncQueries]) -> None:
    first = made()
    query = first.submit("ann", "soc", SLOW, timeout=timedelta(seconds=30))
    while first.get("ann", query.id).status is Status.NOT_STARTED:
        time.sleep(0.01)
    assert made().open() == 0  # another process runs it
    first.close()
    assert first.get("ann", query.id).status is Status.RUNNING
    second = made()
    # The query is made a quick one behind everyone's back, so that the test is.
    second._documents.put(query.id, replace(query, text="print 7"))
    assert second.open() == 1
    assert ended(second, query).status is Status.SUCCEEDED
    assert rows(second, query) == [[[7]]]
    assert second.open() == 0


def test_a_day_later_it_is_gone(made: Callable[..., AsyncQueries], tmp_path: Path) -> None:
    clock = FixedClock(NOW)
    service = made(clock)
    query = service.submit("ann", "soc", "print 1")
    ended(service, query)
    clock.at = NOW + KEPT
    with pytest.raises(NotFound):
        service.get("ann", query.id)
    service.sweep()
    assert not (tmp_path / "results" / query.id).exists()


def test_a_folder_that_nobody_speaks_of_is_taken_away(made: Callable[..., AsyncQueries], tmp_path: Path) -> None:
    orphan = tmp_path / "results" / "orphan"
    orphan.mkdir(parents=True)
    made().open()
    assert not orphan.exists()


def test_too_many_are_refused(made: Callable[..., AsyncQueries], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(async_queries, "WAITING", 0)
    service = made()
    taken = [service.submit("ann", "soc", SLOW) for _ in range(async_queries.AT_ONCE)]
    with pytest.raises(Busy):
        service.submit("ann", "soc", "print 1")
    for query in taken:
        service.delete("ann", query.id)


def test_a_query_that_can_not_be_kept_takes_no_place(
    made: Callable[..., AsyncQueries], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(async_queries, "WAITING", 1 - async_queries.AT_ONCE)
    service = made()
    with monkeypatch.context() as broken:
        broken.setattr(MemoryShelf, "insert", lambda *_: False)
        with pytest.raises(Conflict):
            service.submit("ann", "soc", "print 1")
    assert ended(service, service.submit("ann", "soc", "print 1")).status is Status.SUCCEEDED


def test_one_owners_many_queries_do_not_hold_up_another_owners_one(
    made: Callable[..., AsyncQueries], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(async_queries, "WAITING", 10)
    service = made()
    monkeypatch.setattr(service, "_readable", lambda owner, database: SOC)
    many = [service.submit("ann", "soc", SLOW) for _ in range(8)]
    one = service.submit("bob", "soc", "print 1")
    assert ended(service, one).status is Status.SUCCEEDED
    # The places to wait are shared, too.
    service.submit("bob", "soc", SLOW)
    with pytest.raises(Busy):
        service.submit("ann", "soc", "print 1")
    for query in many:
        service.delete("ann", query.id)


def test_the_queries_of_one_owner_begin_in_the_order_in_which_they_came(
    made: Callable[..., AsyncQueries], monkeypatch: pytest.MonkeyPatch
) -> None:
    began: list[str] = []
    service = made()
    monkeypatch.setattr(async_queries, "AT_ONCE", 1)
    run = service._run

    def noted(id: str) -> None:
        began.append(id)
        run(id)

    monkeypatch.setattr(service, "_run", noted)
    taken = [service.submit("ann", "soc", "print 1") for _ in range(6)]
    for query in taken:
        ended(service, query)
    assert began == [q.id for q in taken]


def test_what_another_process_answers_while_orphans_are_looked_for_is_none(
    made: Callable[..., AsyncQueries], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = made(), made()
    names, asked = Documents.names, list[AsyncQuery]()

    def slow(self: Documents[AsyncQuery]) -> frozenset[str]:
        found = names(self)
        if not asked:
            asked.append(one.submit("ann", "soc", "SigninLogs | count"))
            ended(one, asked[0])
            one.close()
        return found

    monkeypatch.setattr(Documents, "names", slow)
    two.open()
    assert rows(two, asked[0]) == [[[3]]]
