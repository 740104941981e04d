"""What a scan of a table reads: the files of a snapshot, or a table kept in memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from huntlake.engines.duckdb.database import kept, quoted
from huntlake.kql.plan import Extraction
from huntlake.kql.types import Column, ScalarType
from huntlake.lake.scanning import Pending, Places, ScanColumn, scan_sql
from huntlake.lake.snapshot import Snapshot

PHYSICAL = {
    ScalarType.BOOL: "BOOLEAN",
    ScalarType.INT: "INTEGER",
    ScalarType.LONG: "BIGINT",
    ScalarType.REAL: "DOUBLE",
    ScalarType.DECIMAL: "DECIMAL(38,18)",
    ScalarType.STRING: "VARCHAR",
    ScalarType.DATETIME: "TIMESTAMP",
    ScalarType.TIMESPAN: "BIGINT",
    ScalarType.GUID: "VARCHAR",
    ScalarType.DYNAMIC: "VARCHAR",
}
"""The SQL type of each Kusto type."""


def snapshot_sql(
    snapshot: Snapshot,
    columns: Sequence[Column],
    labels: Sequence[str],
    since: datetime | None = None,
    until: datetime | None = None,
    pending: Sequence[Pending] = (),
    *,
    newest: bool = False,
    places: Places | None = None,
    extracted: Sequence[Extraction] = (),
) -> str:
    """A SELECT of `columns` from the files of `snapshot` and rows that are `pending`; what they lack is null or `''`.

    Those that `extracted` names are what lies at a path. Here and below `labels` are the SQL identifiers, quoted, by
    which the query knows the columns.
    """
    at_paths = {e.json: (e.path, False) for e in extracted} | {e.text: (e.path, True) for e in extracted}
    wanted = []
    for column, label in zip(columns, map(_unquoted, labels), strict=True):
        if column.name in at_paths:
            path, text = at_paths[column.name]
            wanted.append(ScanColumn(path.column, label, "VARCHAR", _missing(column.type), path.path, text))
        else:
            wanted.append(ScanColumn(column.name, label, PHYSICAL[column.type], _missing(column.type)))
    return scan_sql(snapshot, wanted, since, until, pending, newest=newest, places=places)


def memory_sql(
    table: str, columns: Sequence[Column], labels: Sequence[str], known: Collection[str] | None = None
) -> str:
    """A SELECT of `columns` from a table that the database keeps in memory; where given, it has the `known` only."""
    fields = ", ".join(
        f"{quoted(c.name) if known is None or c.name in known else _nothing(c.type)} as {label}"
        for c, label in zip(columns, labels, strict=True)
    )
    return f"select {fields or 'true as _'} from {kept(table)}"


def empty_sql(columns: Sequence[Column], labels: Sequence[str]) -> str:
    """A SELECT of no row that has `columns`."""
    fields = ", ".join(f"{_nothing(c.type)} as {label}" for c, label in zip(columns, labels, strict=True))
    return f"select {fields or 'true as _'} where false"


def _nothing(type: ScalarType) -> str:
    return f"{_missing(type)}::{PHYSICAL[type]}"


def _missing(type: ScalarType) -> str:
    return "''" if type is ScalarType.STRING else "null"


def _unquoted(identifier: str) -> str:
    return identifier[1:-1].replace('""', '"') if identifier.startswith('"') else identifier
