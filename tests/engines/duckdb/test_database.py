"""The engine: what it runs, what it refuses, and how a query ends."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Thread

import pyarrow as pa
import pytest

from huntlake.core.errors import Cancelled, Invalid, LimitExceeded, TimedOut
from huntlake.engines.cancellation import Cancellation
from huntlake.engines.duckdb.database import Bounds, Database, kept
from huntlake.engines.duckdb.execution import Execution
from huntlake.engines.errors import EngineDefect, LowMemory, QueryFailed

ENDLESS = "select count(*) as n from range(100000000000) t(i) where md5(i::varchar) = 'x'"
LONG_STREAM = "select i, repeat('x', 100) as x from range(100000000000) t(i)"


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    opened = Database(bounds=Bounds(threads=2))
    yield opened
    opened.close()


@pytest.mark.parametrize(
    "sql",
    [
        "create table t as select 1",
        "copy (select 1) to 'stolen.csv'",
        "select 1; select 2",
        "set threads = 1",
        "attach 'other.db'",
        "install httpfs",
        "pragma version",
        "call pragma_version()",
        "with w as (insert into kept.held values (2) returning n) select * from w",
        "with w as (select 2) insert into kept.held select * from w",
        "with w as (select 2) delete from kept.held",
        "select e'\\''; delete from kept.held; select '1'",
        "select 1 -- '\n; delete from kept.held --'",
        "select 1 /* ' */; delete from kept.held; select ' /* */ '",
        "select $$'$$; delete from kept.held; select $$'$$",
        'select 1 as "a"; delete from kept.held',
        "",
    ],
)
def test_nothing_runs_but_one_select(database: Database, sql: str) -> None:
    database.keep("held", pa.table({"n": [1]}))
    with pytest.raises(EngineDefect):
        database.table(sql)
    assert database.table(f"select * from {kept('held')}").to_pylist() == [{"n": 1}]


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("select ';' as v", ";"),
        ("select ' -- ;QQ' as v".replace("QQ", "'" * 2), " -- ;'"),
        ('with "a;""b" as (select \'/*\' as v) select v from "a;""b"', "/*"),
        (r"select e'\'' as v", "'"),
        ("select 'update' as v", "update"),
        ("select (7 - -1)::VARCHAR as v", "8"),
    ],
)
def test_what_only_looks_like_several_statements_is_one(database: Database, sql: str, value: str) -> None:
    assert database.table(sql).to_pylist() == [{"v": value}]


def test_a_file_outside_the_lake_is_not_read(tmp_path: Path) -> None:
    inside, outside = tmp_path / "lake", tmp_path / "other"
    for folder in (inside, outside):
        folder.mkdir()
        (folder / "text").write_text("hello")
    database = Database([inside])
    assert database.table(f"select content from read_text('{inside}/text')").to_pylist() == [{"content": "hello"}]
    for path in (f"{outside}/text", f"{inside}/../other/text", "/etc/hostname"):
        with pytest.raises(EngineDefect):
            database.table(f"select content from read_text('{path}')")
    database.close()


def test_a_python_variable_is_not_a_table(database: Database) -> None:
    secret = pa.table({"n": [1]})
    with pytest.raises(EngineDefect):
        database.table("select * from secret")
    assert secret.num_rows == 1


def test_an_error_shows_no_sql(database: Database) -> None:
    with pytest.raises(EngineDefect) as caught:
        database.table("select missing_column from (select 1 as n)")
    assert "missing_column" not in str(caught.value)


def test_an_error_in_the_data_says_what_it_is(database: Database) -> None:
    with pytest.raises(QueryFailed, match="Overflow"):
        database.table("select sum(n) from (select (9223372036854775807 - i)::bigint + i * 2 as n from range(9) t(i))")


def test_an_error_in_the_middle_of_a_stream_is_a_domain_error(database: Database) -> None:
    overflow = "select i + 9223372036854275807 from range(10000000) t(i)"
    with pytest.raises(QueryFailed), database.stream(overflow) as rows:
        for _ in rows:
            pass


def test_a_query_that_takes_too_long_is_ended(database: Database) -> None:
    with pytest.raises(TimedOut):
        database.table(ENDLESS, timeout=timedelta(milliseconds=100))


def test_a_stream_that_takes_too_long_is_ended(database: Database) -> None:
    with pytest.raises(TimedOut), database.stream(LONG_STREAM, timeout=timedelta(milliseconds=100)) as rows:
        for _ in rows:
            pass


def test_another_thread_can_cancel(database: Database) -> None:
    cancellation = Cancellation()
    failures: list[BaseException] = []

    def run() -> None:
        try:
            with database.stream(ENDLESS, cancellation=cancellation):
                pass
        except Cancelled as error:
            failures.append(error)

    thread = Thread(target=run)
    thread.start()
    cancellation.cancel()
    thread.join(timeout=10)
    assert len(failures) == 1


def test_a_stream_between_two_batches_can_be_cancelled(database: Database) -> None:
    cancellation = Cancellation()
    with database.stream(LONG_STREAM, cancellation=cancellation) as rows:
        batches = iter(rows)
        next(batches)
        cancellation.cancel()
        with pytest.raises(Cancelled):
            list(batches)


def test_a_query_after_a_timed_out_one_runs(database: Database) -> None:
    with pytest.raises(TimedOut):
        database.table(ENDLESS, timeout=timedelta(milliseconds=50))
    assert database.table("select 1 as n").to_pylist() == [{"n": 1}]


class Crowded(Database):
    """An engine in which the first tries find no memory."""

    def __init__(self, times: int) -> None:
        super().__init__(bounds=Bounds(threads=1))
        self.times = times

    def _stream(
        self,
        sql: str,
        timeout: timedelta | None,
        cancellation: Cancellation | None,
        in_the_way: Callable[[], bool] | None = None,
    ) -> Execution:
        if sql == WAITING and self.times:
            self.times -= 1
            raise LowMemory
        return super()._stream(sql, timeout, cancellation, in_the_way)


WAITING = "select 7 as n"


def test_a_query_that_others_leave_no_memory_waits_for_it() -> None:
    crowded = Crowded(1)
    with crowded.stream("select * from range(1000000)", timeout=timedelta(minutes=1)):
        assert crowded.table(WAITING, timeout=timedelta(minutes=1)).column("n").to_pylist() == [7]
    assert not crowded.times


def test_without_others_it_lacks_the_memory_itself() -> None:
    crowded = Crowded(1)
    with pytest.raises(LimitExceeded, match="memory"):
        crowded.table(WAITING, timeout=timedelta(minutes=1))


def test_it_waits_no_longer_than_its_time() -> None:
    crowded = Crowded(9)
    with crowded.stream("select * from range(1000000)", timeout=timedelta(minutes=1)), pytest.raises(TimedOut):
        crowded.table(WAITING, timeout=timedelta(seconds=0.2))


def test_too_little_memory_is_a_limit_and_the_process_survives() -> None:
    small = Database(bounds=Bounds(memory="50MB", threads=2))
    with pytest.raises(LimitExceeded, match="memory"):
        small.table("select list(i || 'some more text to hold') as l from range(20000000) t(i)")
    assert small.table("select 1 as n").num_rows == 1
    small.close()


def test_a_query_may_spill_where_a_folder_is_given(tmp_path: Path) -> None:
    bounds = Bounds(memory="100MB", threads=2, spill=tmp_path)
    database = Database(bounds=bounds)
    sql = "select i, md5(i::varchar) as h from range(2000000) t(i) order by h"
    with database.stream(sql) as rows:
        assert sum(batch.num_rows for batch in rows) == 2_000_000
    database.close()


def test_a_size_that_is_none_is_named() -> None:
    with pytest.raises(Invalid, match="memory_limit = 'much'"):
        Database(bounds=Bounds(memory="much")).table("select 1 as n")


def test_an_unread_stream_gives_its_cursor_back(database: Database) -> None:
    for _ in range(50):
        with database.stream(LONG_STREAM) as rows:
            next(iter(rows))
    assert database.table("select 1 as n").num_rows == 1


def test_many_threads_open_register_and_read_at_once() -> None:
    database = Database(bounds=Bounds(threads=2))
    sql = "select hl_format_timespan(i * 10000000, 'ss') as s, hl_toguid(i::varchar) as g from range(3000) t(i)"
    with ThreadPoolExecutor(8) as pool:
        tables = list(pool.map(lambda _: database.table(sql), range(32)))
    assert {table.num_rows for table in tables} == {3000}
    database.close()


def test_a_closed_database_opens_anew() -> None:
    database = Database()
    database.close()
    assert database.table("select 1 as n").num_rows == 1
    database.close()
    database.close()
    assert database.table("select hl_format_timespan(0, 'hh') as n").to_pylist() == [{"n": "00"}]


def test_a_program_that_ends_without_closing_is_silent() -> None:
    program = (
        "from huntlake.engines.duckdb.database import Database; d = Database(); "
        "d.table(\"select hl_format_timespan(0, 'hh')\")"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_the_plan_is_shown_and_nothing_runs(database: Database) -> None:
    assert database.plan("select n + 1 as m from range(9) t(n) where n > 3").splitlines() == [
        "Projection  ~1 rows",
        "    Projections: m",
        "  Filter  ~1 rows",
        "      Expression: (n > 3)",
        "    Range  ~9 rows",
    ]
    with pytest.raises(EngineDefect):
        database.plan("select missing from nowhere")
