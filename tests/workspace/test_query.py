"""Queries over workspaces: what a caller sees, and where an answer ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from huntlake.assembly.analytics import Analytics
from huntlake.core.clock import FixedClock
from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import Cancelled, Invalid, TimedOut
from huntlake.engines.cancellation import Cancellation
from huntlake.engines.duckdb.database import Bounds
from huntlake.engines.errors import QueryFailed
from huntlake.engines.geography import Nowhere
from huntlake.workspace.query import CHUNK, QueryOptions, bounded
from huntlake.workspace.workspaces import Workspace

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SOC = Workspace("soc", "11111111-2222-3333-4444-555555555555")
OTHER = Workspace("other", "99999999-2222-3333-4444-555555555555")
ENDLESS = "range i from 1 to 100000000000 step 1 | where tolower(tostring(i)) == 'x' | count"


@pytest.fixture(scope="module")
def analytics(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Analytics]:
    home = tmp_path_factory.mktemp("home")
    made = Analytics.over(home, Bounds(threads=2), Nowhere(), FixedClock(NOW))
    for workspace, user, days in ((SOC, "ann", 3), (OTHER, "bob", 1)):
        file = home / f"{workspace.name}.jsonl"
        rows = [
            {"TimeGenerated": (NOW - timedelta(days=d)).isoformat(), "UserPrincipalName": user, "ResultType": str(d)}
            for d in range(days)
        ]
        file.write_text("\n".join(map(json.dumps, rows)))
        made.ingestion.ingest(workspace, "SigninLogs", file)
    yield made
    made.engine.close()


def rows(analytics: Analytics, text: str, options: QueryOptions = QueryOptions()) -> list[list[object]]:
    (table,) = analytics.queries.run(SOC, text, options).tables
    found: list[list[object]] = json.loads(b"[" + b",".join(table.json_rows()) + b"]")
    assert table.row_count == len(found)
    return found


def test_rows_of_the_lake_come_in_kustos_form(analytics: Analytics) -> None:
    text = "SigninLogs | sort by TimeGenerated asc | project TimeGenerated, UserPrincipalName"
    assert rows(analytics, text)[0] == ["2026-11-19T12:00:00Z", "ann"]


def test_what_the_query_says_itself_is_answered_to_the_last_digit(analytics: Analytics) -> None:
    # The engine's times end with the microsecond, and its decimals with the eighteenth place.
    time, number = "datetime(2024-02-29T12:34:56.7891234Z)", "decimal(1.2345678901234567891)"
    said = f"dt={time}, d={number}"
    exact = ["2024-02-29T12:34:56.7891234Z", "1.2345678901234567891"]
    assert rows(analytics, f"print {said}") == [exact]
    assert rows(analytics, f"datatable(dt:datetime, d:decimal)[{time}, {number}]") == [exact]
    carried = f"range x from 1 to 2 step 1 | extend {said} | where x > 0 | sort by x desc | project t = dt, x, d"
    assert rows(analytics, carried) == [[exact[0], 2, exact[1]], [exact[0], 1, exact[1]]]
    (table,) = analytics.queries.run(SOC, f"print x = 1, {said}").tables
    assert [*table.json_objects()] == [b'{"x":1,"dt":"%b","d":"%b"}' % tuple(e.encode() for e in exact)]
    assert rows(analytics, f"print tostring({time} + 1s)") == [["2024-02-29T12:34:57.7891234Z"]]


def test_an_answer_may_have_no_column(analytics: Analytics) -> None:
    assert rows(analytics, "print x = 1 | project-away x") == []


def test_a_catalogued_table_without_data_is_empty(analytics: Analytics) -> None:
    assert rows(analytics, "AuditLogs | project TimeGenerated, OperationName") == []


def test_an_unknown_table_is_an_error_with_a_place(analytics: Analytics) -> None:
    with pytest.raises(SourceError, match=r"SigninLog\b[^`]*`[\s\S]*\^"):
        analytics.queries.run(SOC, "SigninLog | take 1")


def test_now_is_the_clocks_unless_the_caller_says_otherwise(analytics: Analytics) -> None:
    assert rows(analytics, "print now()") == [["2026-11-21T12:00:00Z"]]
    earlier = QueryOptions(now=datetime(2020, 1, 1, tzinfo=UTC))
    assert rows(analytics, "print now()", earlier) == [["2020-01-01T00:00:00Z"]]


def test_another_workspace_is_there_only_for_who_may_read_it(analytics: Analytics) -> None:
    text = "workspace('other').SigninLogs | project UserPrincipalName"
    with pytest.raises(SourceError):
        analytics.queries.run(SOC, text)
    with pytest.raises(SourceError):
        analytics.queries.run(SOC, text, workspaces=lambda name: None)
    granted = analytics.queries.run(SOC, text, workspaces=lambda name: OTHER if name == "other" else None)
    assert [b"".join(t.json_rows()) for t in granted.tables] == [b'["bob"]']


def test_a_query_never_shows_rows_of_a_workspace_it_does_not_name(analytics: Analytics) -> None:
    assert rows(analytics, "SigninLogs | distinct UserPrincipalName") == [["ann"]]


def test_each_statement_has_a_table(analytics: Analytics) -> None:
    answer = analytics.queries.run(SOC, "print a = 1; SigninLogs | count")
    assert [b"".join(t.json_rows()) for t in answer.tables] == [b"[1]", b"[3]"]


def test_parameters_reach_the_query(analytics: Analytics) -> None:
    text = "declare query_parameters(n:long = 1); print n"
    assert rows(analytics, text, QueryOptions(parameters={"n": 41})) == [[41]]


@pytest.mark.parametrize(("limit", "kept", "cut"), [(5000, 5000, True), (9999, 9999, True), (10_000, 10_000, False)])
def test_rows_end_at_the_limit_and_say_so(analytics: Analytics, limit: int, kept: int, cut: bool) -> None:
    (table,) = analytics.queries.run(
        SOC, "range i from 1 to 10000 step 1", QueryOptions(max_rows=limit, max_bytes=None)
    ).tables
    found = json.loads(b"[" + b",".join(table.json_rows()) + b"]")
    assert found == [[i + 1] for i in range(kept)]
    assert (table.truncated_by is not None) is cut
    if cut:
        assert "E_QUERY_RESULT_SET_TOO_LARGE" in str(table.truncated_by)


def test_bytes_end_at_the_limit_on_a_whole_row(analytics: Analytics) -> None:
    text = "range i from 1 to 100000 step 1 | extend s = strcat('ä', tostring(i))"
    for limit in (1, 100, 65_537, 1_000_000):
        (table,) = analytics.queries.run(SOC, text, QueryOptions(max_bytes=limit)).tables
        found = json.loads(b"[" + b",".join(table.json_rows()) + b"]")
        assert found == [[i + 1, f"ä{i + 1}"] for i in range(len(found))]
        assert table.truncated_by is not None
        assert limit - 30 < table.byte_count <= limit or (limit == 1 and table.byte_count == 0)


@pytest.mark.parametrize("limit", [2048, 4096, 1])
def test_no_chunk_is_without_rows_where_the_limit_lies_between_two_batches(analytics: Analytics, limit: int) -> None:
    # So long that each of the engine's batches is a chunk of its own.
    text = "range i from 1 to 9000 step 1 | extend s = strrep('x', 500)"
    (table,) = analytics.queries.run(SOC, text, QueryOptions(max_rows=limit, max_bytes=None)).tables
    chunks = [*table.json_rows()]
    assert all(chunks)
    assert len(json.loads(b"[" + b",".join(chunks) + b"]")) == limit
    assert table.truncated_by is not None


def test_where_not_even_one_row_fits_there_is_no_chunk(analytics: Analytics) -> None:
    (table,) = analytics.queries.run(SOC, "print s = strrep('x', 500)", QueryOptions(max_bytes=100)).tables
    assert [*table.json_rows()] == []
    assert table.truncated_by is not None


def test_chunks_are_neither_tiny_nor_the_whole(analytics: Analytics) -> None:
    (table,) = analytics.queries.run(SOC, "range i from 1 to 400000 step 1").tables
    sizes = [len(chunk) for chunk in table.json_rows()]
    assert len(sizes) > 5
    assert min(sizes[:-1]) >= CHUNK - 1
    assert max(sizes) < 4 * CHUNK


def test_take_ends_rows_without_an_error(analytics: Analytics) -> None:
    (table,) = analytics.queries.run(SOC, "set query_take_max_records = 2; range i from 1 to 9 step 1").tables
    assert b"".join(table.json_rows()) == b"[1],[2]"
    assert table.truncated_by is None


def test_of_two_limits_the_lower_holds() -> None:
    options = QueryOptions(max_rows=100, max_bytes=1000)
    assert bounded(options, {"truncationmaxrecords": 50}).max_rows == 50
    assert bounded(options, {"truncationmaxrecords": 500}).max_rows == 100
    assert bounded(options, {"notruncation": True}).max_rows is None
    both = bounded(options, {"notruncation": True, "truncationmaxrecords": 50})
    assert (both.max_rows, both.max_bytes) == (50, 1000)
    with pytest.raises(Invalid, match="truncationmaxrecords"):
        bounded(options, {"truncationmaxrecords": "many"})


def test_a_slow_query_times_out_and_a_cancelled_one_ends(analytics: Analytics) -> None:
    (slow,) = analytics.queries.run(SOC, ENDLESS, QueryOptions(timeout=timedelta(milliseconds=150))).tables
    with pytest.raises(TimedOut):
        list(slow.json_rows())
    cancellation = Cancellation()
    (table,) = analytics.queries.run(SOC, ENDLESS, cancellation=cancellation).tables
    cancellation.cancel()
    with pytest.raises(Cancelled):
        list(table.json_rows())


def test_time_left_counts_from_the_start(analytics: Analytics) -> None:
    (table,) = analytics.queries.run(SOC, "print 1", QueryOptions(timeout=timedelta())).tables
    with pytest.raises(TimedOut):
        list(table.json_rows())


def test_rows_that_cannot_be_computed_are_a_domain_error(analytics: Analytics) -> None:
    (table,) = analytics.queries.run(SOC, "print x = 'a(b' | where x matches regex x").tables
    with pytest.raises(QueryFailed):
        list(table.json_rows())


def test_arrow_has_the_physical_forms(analytics: Analytics) -> None:
    text = "print l = 1, d = datetime(2026-01-01), t = 1s, b = dynamic({'a':1}), s = '', m = decimal(1.5)"
    (table,) = analytics.queries.run(SOC, text).tables
    arrow = table.arrow().read_all()
    assert arrow.schema.names == ["l", "d", "t", "b", "s", "m"]
    assert [str(type) for type in arrow.schema.types] == [
        *("int64", "timestamp[us]", "int64", "string", "string", "decimal128(38, 18)")
    ]
    assert arrow["t"].to_pylist() == [10_000_000]


def test_columns_that_only_the_data_knows_are_asked_for(analytics: Analytics) -> None:
    text = "SigninLogs | project bag = bag_pack(strcat('k', ResultType), 1) | evaluate bag_unpack(bag)"
    (table,) = analytics.queries.run(SOC, text).tables
    assert sorted(c.name for c in table.columns) == ["k0", "k1", "k2"]


def test_an_explanation_names_the_files_of_the_days_asked_for(analytics: Analytics) -> None:
    (whole,) = analytics.queries.explain(SOC, "SigninLogs | count")
    (last,) = analytics.queries.explain(SOC, "SigninLogs | where TimeGenerated > ago(1h) | count")
    assert [len(e.scans[0].files) for e in (whole, last)] == [3, 1]
    assert "TimeGenerated" in last.scans[0].columns
    assert "read_parquet" in last.sql
    assert last.plan


def test_a_table_in_memory_comes_before_one_of_the_lake(tmp_path: Path) -> None:
    made = Analytics.over(tmp_path, Bounds(), Nowhere(), FixedClock(NOW))
    made.memory.register("SigninLogs", {"x": [1, 2]})
    assert rows(made, "SigninLogs") == [[1], [2]]
    made.memory.register("SigninLogs", {"y": ["a"]})
    assert rows(made, "SigninLogs") == [["a"]]
    made.engine.close()
