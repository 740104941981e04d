"""Queries that make way: they go on in another process, and give what they would have given here."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Timer

import pyarrow as pa
import pytest

from huntlake.core.errors import Cancelled, DomainError, TimedOut
from huntlake.engines.cancellation import Cancellation
from huntlake.engines.duckdb.apart import Apart, Settings, part_of
from huntlake.engines.duckdb.crowd import LATELY, REMEMBERED, Crowd
from huntlake.engines.duckdb.database import Bounds, Database, kept
from huntlake.engines.errors import LowMemory, QueryFailed
from huntlake.engines.geography import NetworkTable, Nowhere
from huntlake.engines.workers import owner_of_work, working_for

ENDLESS = "select count(*) as n from range(100000000000) t(i) where md5(i::varchar) = 'x'"
MINUTE = timedelta(minutes=1)
SECOND_LONG = "select count(*) as n from range(6000000) t(i) where md5(i::varchar) > 'a'"


class Watched(Database):
    """A database that tells which queries it ran apart."""

    def __init__(self) -> None:
        super().__init__(bounds=Bounds("400MB", threads=2))
        self.apart: list[str] = []

    def _run_apart(self, sql, timeout, cancellation):  # type: ignore[no-untyped-def]
        self.apart.append(sql)
        return super()._run_apart(sql, timeout, cancellation)


@pytest.fixture(scope="module")
def database() -> Iterator[Watched]:
    opened = Watched()
    yield opened
    opened.close()


@pytest.fixture
def crowded(database: Watched) -> Iterator[Watched]:
    """A database that somebody else has just asked too, and to which `hog` was a burden."""
    database.apart.clear()
    with working_for("somebody"):
        database.table("select 1")
    database._crowd.was_long("hog")
    with working_for("hog"):
        yield database


def test_a_long_query_of_one_who_is_alone_stays_where_it_is(database: Watched) -> None:
    database._crowd = Crowd()
    database.apart.clear()
    with working_for("hog"), pytest.raises(TimedOut):
        database.table(ENDLESS, timeout=timedelta(seconds=0.8))
    assert not database.apart


def test_a_query_that_is_long_while_others_ask_makes_way_and_is_answered(database: Watched) -> None:
    database._crowd = Crowd()
    database.apart.clear()
    with working_for("somebody"):
        database.table("select 1")
    with working_for("hog"):
        long = database.table(SECOND_LONG, timeout=MINUTE)
    assert database.apart == [SECOND_LONG]
    with working_for("somebody"):
        database.table("select 1")
    with working_for("hog"):
        # Whoever was in the way begins the next apart, as long as others ask.
        assert database.table("select 7 as n", timeout=MINUTE).to_pylist() == [{"n": 7}]
        assert len(database.apart) == 2
    with working_for("somebody"):
        assert database.table("select 8 as n", timeout=MINUTE).to_pylist() == [{"n": 8}]
    assert len(database.apart) == 2
    assert 0 < long["n"][0].as_py() < 6_000_000


def test_rows_come_as_they_do_here(crowded: Watched) -> None:
    sql = "select i, i || 'é' as t, [i] as l, make_timestamp(i) as at, null::double as x from range(5000) r(i)"
    apart = crowded.table(sql, timeout=MINUTE)
    assert crowded.apart
    with working_for(""):
        assert apart == crowded.table(sql, timeout=MINUTE)


def test_tables_in_memory_and_functions_come_along(crowded: Watched) -> None:
    name = 'held "so"'
    crowded.keep(name, pa.table({"n": [1, 2]}))
    sql = f"select n, hl_xxhash64(n::varchar) as h from {kept(name)} order by n"
    with working_for(""):
        here = crowded.table(sql)
    assert crowded.table(sql, timeout=MINUTE) == here
    assert crowded.table(sql, timeout=MINUTE) == here
    assert len(crowded.apart) == 2


def test_texts_and_names_that_look_like_a_table_in_memory_are_none(crowded: Watched) -> None:
    sql = """select 'it''s kept."a"' as "kept.""b""c", 'kept."c"' as "a""b" """
    assert crowded.table(sql, timeout=MINUTE).to_pylist() == [{'kept."b"c': 'it\'s kept."a"', 'a"b': 'kept."c"'}]
    assert crowded.apart


def test_an_error_says_there_what_it_says_here(crowded: Watched) -> None:
    with pytest.raises(QueryFailed, match="Could not convert") as apart:
        crowded.table("select 'x'::int", timeout=MINUTE)
    with working_for(""), pytest.raises(QueryFailed) as here:
        crowded.table("select 'x'::int", timeout=MINUTE)
    assert str(apart.value) == str(here.value)


def test_an_error_in_the_middle_of_the_rows_is_told(crowded: Watched) -> None:
    sql = "select case when i < 200000 then i else error('too far')::bigint end as n from range(300000) t(i)"
    with pytest.raises(QueryFailed), crowded.stream(sql, timeout=MINUTE) as rows:
        assert sum(batch.num_rows for batch in rows)


def test_too_much_time_or_memory_ends_it_as_here(crowded: Watched) -> None:
    with pytest.raises(TimedOut):
        crowded.table(ENDLESS, timeout=timedelta(seconds=0.2))
    with pytest.raises(TimedOut):
        crowded.table(ENDLESS, timeout=timedelta(0))
    with pytest.raises(LowMemory):
        crowded.table("select list(i || 'some more text to hold') as l from range(20000000) t(i)", timeout=MINUTE)
    assert crowded.table("select 1 as n", timeout=MINUTE).num_rows == 1


def test_who_goes_away_ends_it(crowded: Watched) -> None:
    cancellation = Cancellation()
    Timer(0.2, cancellation.cancel).start()
    began = time.monotonic()
    with pytest.raises(Cancelled), crowded.stream(ENDLESS, timeout=MINUTE, cancellation=cancellation) as rows:
        list(rows)
    assert time.monotonic() - began < 10


def test_a_process_that_dies_fails_its_queries_and_no_later_one(crowded: Watched) -> None:
    crowded.table("select 1", timeout=MINUTE)
    process = crowded._apart._process
    assert process is not None
    Timer(0.2, os.kill, (process.pid, signal.SIGKILL)).start()
    with pytest.raises(LowMemory):
        crowded.table(ENDLESS, timeout=MINUTE)
    assert crowded.table("select 2 as n", timeout=MINUTE).to_pylist() == [{"n": 2}]


def test_the_process_ends_with_the_database() -> None:
    apart = Apart(Settings((), None, 1, None, "1GB", Nowhere()))
    with apart.run("select 1 as n", {}, MINUTE, None) as rows:
        assert [b.to_pylist() for b in rows] == [[{"n": 1}]]
    process = apart._process
    assert process is not None
    assert process.poll() is None
    apart.end()
    assert process.poll() is not None


def test_it_may_not_read_what_the_engine_may_not(crowded: Watched, tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("a\n1\n")
    with pytest.raises(DomainError):
        crowded.table(f"select * from read_csv('{tmp_path}/secret.csv')", timeout=MINUTE)


def test_settings_reach_the_other_process_whole(tmp_path: Path) -> None:
    settings = Settings((tmp_path,), "1GB", 3, tmp_path / "spill", "2GB", NetworkTable(tmp_path / "n.csv"))
    text = settings.text()
    assert text is not None
    assert Settings.of(text) == settings


@pytest.mark.parametrize(
    ("memory", "part"), [("3GB", "1.000GB"), ("300", "100.000B"), ("900 MiB", "300.000MiB"), (None, None)]
)
def test_it_gets_a_part_of_the_memory(memory: str | None, part: str | None) -> None:
    assert part_of(memory) == part


def test_nobody_makes_way_for_one_who_asked_long_ago() -> None:
    now = [0.0]
    crowd = Crowd(lambda: now[0])
    crowd.asks("small")
    crowd.asks("hog")
    crowd.was_long("hog")
    assert crowd.others_ask("hog")
    assert crowd.makes_way("hog")
    assert not crowd.makes_way("small")
    now[0] = LATELY + 1
    assert not crowd.others_ask("hog")
    assert not crowd.makes_way("hog")
    now[0] = REMEMBERED + 1
    crowd.asks("small")
    assert crowd.others_ask("hog")
    assert not crowd.makes_way("hog")


def test_the_names_of_those_who_asked_do_not_pile_up() -> None:
    crowd = Crowd()
    for number in range(5000):
        crowd.asks(f"one {number}")
    assert len(crowd._asked) < 2000


def test_work_for_one_ends_with_its_block() -> None:
    with working_for("a"):
        with working_for("b"):
            assert owner_of_work() == "b"
        assert owner_of_work() == "a"
    assert not owner_of_work()
