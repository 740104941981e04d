"""Small tables to write and to read back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import duckdb

from huntlake.lake.forms import Form, StoredColumn
from huntlake.lake.scanning import ScanColumn, scan_sql
from huntlake.lake.snapshot import Snapshot
from huntlake.lake.table import LakeTable

TIME = StoredColumn("TimeGenerated", Form.INSTANT)
HOST = StoredColumn("Host", Form.TEXT)
COUNT = StoredColumn("Count", Form.BIGINT)


def connection() -> duckdb.DuckDBPyConnection:
    """An engine whose zone isn't UTC, so that whoever forgets the zone is found out."""
    opened = duckdb.connect()
    opened.execute("set TimeZone = 'Asia/Tokyo'")
    return opened


def append(table: LakeTable, rows: str, *columns: StoredColumn) -> int:
    """Append the rows of an SQL SELECT."""
    with connection() as engine:
        engine.execute(f"create temp table rows as {rows}")
        return table.append(engine, "rows", columns)


def hours(start: str, count: int) -> str:
    """A SELECT of one row an hour: TimeGenerated, Host, Count."""
    return (
        f"select '{start}+00'::TIMESTAMPTZ + to_hours(i) as TimeGenerated, 'host' || i % 3 as Host, i::BIGINT as Count "
        f"from range({count}) r(i)"
    )


def read(
    snapshot: Snapshot, columns: Sequence[str], since: datetime | None = None, until: datetime | None = None
) -> list[tuple[Any, ...]]:
    """The rows of a snapshot, in order of all their columns; text that is missing is empty."""
    types = {name.lower(): type for name, type in snapshot.schema}
    wanted = [
        ScanColumn(c, f"c{i}", types.get(c.lower(), "VARCHAR"), "''" if c == "Host" else "null")
        for i, c in enumerate(columns)
    ]
    with connection() as engine:
        found: list[tuple[Any, ...]] = engine.execute(
            f"select * from ({scan_sql(snapshot, wanted, since, until)}) order by all"
        ).fetchall()
        return found
