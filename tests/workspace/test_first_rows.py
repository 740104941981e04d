"""Queries for the first rows of a table answer as they do when all of it is read, and read less."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.workspace.conftest import NOW, SOC

from huntlake.assembly.analytics import Analytics
from huntlake.core.clock import FixedClock
from huntlake.core.errors import Cancelled
from huntlake.engines.cancellation import Cancellation
from huntlake.engines.duckdb.database import Bounds
from huntlake.engines.geography import Nowhere
from huntlake.workspace import first_rows
from huntlake.workspace.ingestion.streaming import Pace

TABLES = ("Rows_CL", "More_CL")
HOURS: st.SearchStrategy[int | None] = st.integers(0, 60)
"""Hours before now: few of them, so that many rows have the same time."""

FILTERS = (
    "",
    "| where n % 3 == 0",
    "| where s has 'b'",
    "| where TimeGenerated > ago(30h)",
    "| where TimeGenerated between (ago(50h) .. ago(10h)) and s != 'a'",
    "| extend m = n * 2 | where m > 8",
    "| where s in ((datatable(x:string) ['a', 'c']))",
    "| where n == 1000",
)
ORDERS = (
    "| top {count} by TimeGenerated",
    "| top {count} by TimeGenerated asc",
    "| top {count} by TimeGenerated asc nulls last, n asc",
    "| top {count} by TimeGenerated desc nulls first",
    "| sort by TimeGenerated desc, s asc | take {count}",
    "| sort by TimeGenerated asc | project-rename t = TimeGenerated | take {count} | project TimeGenerated = t, n, s",
    "| sort by TimeGenerated | where n > 3 | extend k = s | take {count}",
    "| top {count} by n",
    "| top {count} by s asc, TimeGenerated",
    "| project t = TimeGenerated, n, s | top {count} by t | project-rename TimeGenerated = t",
)
SOURCES = (
    "Rows_CL",
    "union Rows_CL, More_CL",
    "union withsource=n2 Rows_CL, (More_CL | where n < 30)",
    "Rows_CL | union (Rows_CL | where s == 'a')",
)


def opened(home: Path) -> Analytics:
    pace = Pace(every=timedelta(hours=1))
    return Analytics.over(home, Bounds(threads=2), Nowhere(), FixedClock(NOW), pace=pace)


def fill(lake: Analytics, table: str, parts: list[list[tuple[int | None, str]]], n: int = 0) -> None:
    """Parts of rows, hours before now and a text, in turn: files, those of another engine, the log, without a time."""
    for kind, rows in enumerate(parts):
        numbered = [(n + i, None if h is None else NOW - timedelta(hours=h), s) for i, (h, s) in enumerate(rows)]
        n += len(rows)
        columns = {
            "TimeGenerated": pa.array([t for _, t, _ in numbered], pa.timestamp("us", "UTC")),
            "n": pa.array([i for i, _, _ in numbered], pa.int64()),
            "s": pa.array([s for _, _, s in numbered], pa.string()),
        }
        if not rows:
            continue
        if kind == 0 or kind % 4 == 1:
            lines = [{"TimeGenerated": t.isoformat() if t else None, "n": i, "s": s} for i, t, s in numbered]
            file = lake.lake.working_folder / "rows.jsonl"
            file.write_text("\n".join(map(json.dumps, lines)))
            lake.ingestion.ingest(SOC, table, file)
        elif kind % 4 == 2:
            columns["_Day"] = pa.array([t.date() if t else None for _, t, _ in numbered], pa.date32())
            folder = lake.lake.table(SOC.name, table).folder
            write_deltalake(folder, pa.table(columns), mode="append", schema_mode="merge", partition_by=["_Day"])
        elif kind % 4 == 3:
            columns["TimeGenerated"] = pa.nulls(len(rows), pa.timestamp("us", "UTC"))
            lake.ingestion.append_arrow(SOC, table, pa.table(columns))
        else:
            lake.streams.append(
                SOC, table, [{"TimeGenerated": t.isoformat() if t else None, "n": i, "s": s} for i, t, s in numbered]
            )


def rows_of(lake: Analytics, text: str) -> list[dict[str, Any]]:
    (table,) = lake.queries.run(SOC, text).tables
    found: list[dict[str, Any]] = table.arrow().read_all().to_pylist()
    return found


PARTS: st.SearchStrategy[list[list[tuple[int | None, str]]]] = st.lists(
    st.lists(st.tuples(HOURS, st.sampled_from(["a", "b", "c", ""])), min_size=1, max_size=12), min_size=1, max_size=9
)


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_the_first_rows_are_those_of_all_rows(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    lake = opened(tmp_path_factory.mktemp("lake") / "home")
    for number, table in enumerate(TABLES):
        fill(lake, table, data.draw(PARTS), number * 1000)
    for _ in range(6):
        source, where = data.draw(st.sampled_from(SOURCES)), data.draw(st.sampled_from(FILTERS))
        order, count = data.draw(st.sampled_from((*ORDERS, "| take {count}"))), data.draw(st.integers(1, 15))
        text = f"{source} {where} {order.format(count=count)}"
        with pytest.MonkeyPatch.context() as patch:
            every, all_of = rows_of(lake, text), rows_of(lake, f"{source} {where} {order.format(count=9000)}")
            patch.setattr(first_rows, "FEW", 0)
            patch.setattr(first_rows, "STEP", data.draw(st.integers(1, 40)))
            patch.setattr(first_rows, "GAP", data.draw(st.integers(0, 3)))
            patch.setattr(first_rows, "STRETCHES", data.draw(st.integers(1, 3)))
            few = rows_of(lake, text)
        assert len(few) == len(every), text
        assert not Counter(map(repr, few)) - Counter(map(repr, all_of)), text
        if "take" not in order or "sort" in order:
            # Of rows that the order takes for equal, any may be there.
            key = next(k for k in ("by n", "by s", "by") if k in order)
            names = {"by n": ["n"], "by s": ["s", "TimeGenerated"], "by": ["TimeGenerated"]}[key]
            assert [[r[c] for c in names] for r in few] == [[r[c] for c in names] for r in every], text
    lake.close()


# -- how much is read ---------------------------------------------------------------


@pytest.fixture
def days(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Analytics]:
    """A file of 24 rows for each of ten days."""
    monkeypatch.setattr(first_rows, "FEW", 0)
    monkeypatch.setattr(first_rows, "STEP", 1)
    monkeypatch.setattr(first_rows, "GAP", 0)
    lake = opened(tmp_path / "home")
    fill(lake, "Rows_CL", [[(h, "ab"[h % 2]) for h in range(240)]])
    yield lake
    lake.close()


def read_by(lake: Analytics, text: str) -> int:
    """How many rows of files a query reads in the end."""
    (table,) = lake.queries.run(SOC, text).tables
    inside: Any = table
    readings = first_rows.narrowed(inside._table, inside._readings, inside._places)
    return sum(f.read for r in readings.values() for f in r.files)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("Rows_CL | top 3 by TimeGenerated", 3),
        ("Rows_CL | top 3 by TimeGenerated asc", 3),
        ("Rows_CL | top 3 by n", 3),
        ("Rows_CL | where s == 'b' | sort by TimeGenerated desc | extend x = s | where x has 'b' | take 5", 5),
        ("Rows_CL | where n == 77 | take 5", 1),
        ("Rows_CL | where n == 1000 | top 5 by TimeGenerated", 0),
        (
            "Rows_CL | top 3 by TimeGenerated | join (Rows_CL | where s has 'b' | top 1 by n) on s",
            4,
        ),
        ("Rows_CL | summarize count() by s | top 3 by s", 240),
        ("let newest = Rows_CL | top 4 by TimeGenerated; newest | union newest", 4),
        ("Rows_CL | take 3", 240),
    ],
)
def test_only_the_rows_that_are_wanted_are_read(days: Analytics, text: str, rows: int) -> None:
    assert read_by(days, text) == rows


@pytest.mark.parametrize(
    "text",
    [
        "Rows_CL | where rand() < 2 | top 3 by TimeGenerated",
        "Rows_CL | extend g = new_guid() | top 3 by g",
        "Rows_CL | where n in ((Rows_CL | summarize max(n))) | top 3 by TimeGenerated",
        "Rows_CL | serialize i = row_number() | top 3 by TimeGenerated",
        "Rows_CL | sort by n asc | extend before = prev(n) | top 3 by TimeGenerated",
        "Rows_CL | extend t = prev(TimeGenerated) | top 3 by t",
        "Rows_CL | distinct s | top 3 by s",
        "Rows_CL | union (Rows_CL) | top 3 by TimeGenerated",
        "Rows_CL | as All | top 3 by TimeGenerated | extend of = toscalar(All | count)",
        "Rows_CL | top 20000 by TimeGenerated",
    ],
)
def test_where_a_row_depends_on_others_or_on_chance_all_are_read(days: Analytics, text: str) -> None:
    assert read_by(days, text) >= 240


def test_columns_named_as_the_engine_names_places_are_columns(days: Analytics) -> None:
    file = days.lake.working_folder / "rows.jsonl"
    lines = [{"TimeGenerated": (NOW - timedelta(hours=i)).isoformat(), "file_index": 7, "n": i} for i in range(9)]
    file.write_text("\n".join(map(json.dumps, lines)))
    days.ingestion.ingest(SOC, "Own_CL", file)
    assert [r["n"] for r in rows_of(days, "Own_CL | where file_index == 7 | top 2 by TimeGenerated asc")] == [8, 7]


def test_take_begins_with_the_newest_file(days: Analytics) -> None:
    assert [r["n"] for r in rows_of(days, "Rows_CL | project n | take 1")] == [12]


def test_a_cancelled_query_looks_for_nothing(days: Analytics) -> None:
    cancellation = Cancellation()
    (table,) = days.queries.run(SOC, "Rows_CL | top 3 by TimeGenerated", cancellation=cancellation).tables
    cancellation.cancel()
    with pytest.raises(Cancelled):
        list(table.json_rows())
