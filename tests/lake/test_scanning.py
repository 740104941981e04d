from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from tests.lake.rows import COUNT, HOST, TIME, append, connection, hours, read

from huntlake.lake import Lake
from huntlake.lake.scanning import ScanColumn, scan_sql
from huntlake.lake.snapshot import NOTHING
from huntlake.lake.table import LakeTable


@pytest.fixture
def table(tmp_path: Path) -> LakeTable:
    made = Lake(tmp_path / "odd [name]* it's" / "lake").table("soc", "Things_CL")
    append(made, hours("2026-11-01 00:00:00", 24), TIME, HOST, COUNT)
    return made


def test_no_file_gives_no_row_but_columns() -> None:
    with connection() as engine:
        sql = scan_sql(NOTHING, [ScanColumn("Host", "h", "VARCHAR", "''"), ScanColumn("n", "n", "BIGINT")])
        found = engine.execute(f"describe {sql}").fetchall()
    assert [(name, type) for name, type, *_ in found] == [("h", "VARCHAR"), ("n", "BIGINT")]


def test_folders_with_patterns_and_quotes_in_their_names_are_read(table: LakeTable) -> None:
    assert len(read(table.snapshot(), ["Count"])) == 24


def test_a_query_that_needs_no_column_still_counts_rows(table: LakeTable) -> None:
    with connection() as engine:
        assert engine.execute(f"select count(*) from ({scan_sql(table.snapshot(), [])})").fetchall() == [(24,)]


def test_times_have_no_zone_and_are_utc(table: LakeTable) -> None:
    with connection() as engine:
        sql = scan_sql(table.snapshot(), [ScanColumn("TimeGenerated", "t", "TIMESTAMP")])
        assert engine.execute(f"select min(t), typeof(min(t)) from ({sql})").fetchall() == [
            (datetime(2026, 11, 1), "TIMESTAMP")
        ]


def test_rows_outside_the_bounds_are_not_read(table: LakeTable) -> None:
    rows = read(table.snapshot(), ["Count"], datetime(2026, 11, 1, 3), datetime(2026, 11, 1, 4))
    assert rows == [(3,), (4,)]


def test_an_index_may_name_rows_of_a_file(table: LakeTable) -> None:
    snapshot = table.snapshot()
    some = replace(snapshot, files=tuple(replace(f, ranges=((5, 6), (8, 8))) for f in snapshot.files))
    assert read(some, ["Count"]) == [(5,), (6,), (8,)]


def test_a_column_of_another_type_is_cast(table: LakeTable) -> None:
    with connection() as engine:
        sql = scan_sql(table.snapshot(), [ScanColumn("Count", "n", "VARCHAR")])
        assert engine.execute(f"select max(n) from ({sql})").fetchall() == [("9",)]
