"""Rows keep their order, and columns of one row stay together, however many threads share the work."""

from __future__ import annotations

from datetime import UTC, datetime

from tests import pages

from huntlake.kql.binding import NoTables
from huntlake.kql.compiler import compile_kql
from huntlake.kql.types import Column, ScalarType

MANY = "range i from 1 to 150000 step 1"
EXPANDED = "range i from 1 to 8000 step 1 | extend d = range(1, 20) | mv-apply d to typeof(long) on "


def test_windows_see_the_rows_in_the_order_of_the_sort() -> None:
    query = f"{MANY} | sort by i desc | extend n = row_number(), p = prev(i), s = row_cumsum(1, i % 1000 == 0)"
    count = "count(), countif(n + i != 150001), countif(p != i + 1), max(s)"
    assert pages.values(f"{query} | summarize {count}") == [[150000, 0, 1, 1000]]


def test_a_list_has_the_order_of_the_sort() -> None:
    lists = f"{MANY} | sort by i desc | summarize l = make_list(i) by g = i % 5"
    ordered = "countif(tostring(l) == tostring(array_sort_desc(l)))"
    assert pages.values(f"{lists} | summarize {ordered}") == [[5]]


def test_elements_of_a_row_keep_their_order_in_lists() -> None:
    wanted = "[2,4,6,8,10,12,14,16,18,20,22,24,26,28,30,32,34,36,38,40]"
    query = f"{EXPANDED} (extend e = d * 2 | summarize l = make_list(e)) | where tostring(l) != '{wanted}' | count"
    assert pages.values(query) == [[0]]


def test_elements_of_a_row_keep_their_order_in_windows() -> None:
    query = (
        f"{EXPANDED} (extend p = prev(d), n = row_number()) | summarize countif(n != d), countif(d > 1 and p != d - 1)"
    )
    assert pages.values(query) == [[0, 0]]


def test_a_sort_of_the_elements_is_the_order_of_their_windows() -> None:
    query = f"{EXPANDED} (sort by d desc | extend p = prev(d)) | where d < 20 and p != d + 1 | count"
    assert pages.values(query) == [[0]]


def test_the_columns_of_an_extreme_come_from_one_row() -> None:
    tied = f"{MANY} | extend t = i / 50000, a = i, b = tostring(i), c = iff(i % 3 == 0, long(null), i)"
    query = f"{tied} | summarize arg_max(t, a, b, c) by g = i % 1000"
    wrong = "countif(tostring(a) != b or (isnull(c) and a % 3 != 0) or (isnotnull(c) and c != a))"
    assert pages.values(f"{query} | summarize {wrong}") == [[0]]


class _Logs(NoTables):
    def table(self, name: str, workspace: str | None = None) -> tuple[Column, ...] | None:
        return (Column("TimeGenerated", ScalarType.DATETIME), Column("x", ScalarType.LONG))

    def table_names(self, workspace: str | None = None) -> list[str]:
        return ["T"]


def test_a_time_after_a_window_bounds_no_scan() -> None:
    now = datetime(2026, 1, 15, tzinfo=UTC)

    def since(query: str) -> datetime | None:
        (table,) = compile_kql(query, _Logs(), now=now).results
        return table.scans[0].since

    assert since("T | where TimeGenerated > ago(1d)") is not None
    assert since("T | extend p = prev(x) | where TimeGenerated > ago(1d)") is None
    assert since("T | where row_number() > 5 | where TimeGenerated > ago(1d)") is None
