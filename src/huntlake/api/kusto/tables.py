"""The v1 answer: an object with tables, the last of which says what the others are.

https://learn.microsoft.com/kusto/api/rest/response-http
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from huntlake.api.errors import Problem
from huntlake.api.kusto.rows import TRUNCATED, Occasion, rows, visualization
from huntlake.api.services import ResultTable
from huntlake.kql.types import Column, ScalarType
from huntlake.workspace.clr_types import DATA_TYPES

_STATUS = (
    Column("Timestamp", ScalarType.DATETIME),
    Column("Severity", ScalarType.INT),
    Column("SeverityName", ScalarType.STRING),
    Column("StatusCode", ScalarType.INT),
    Column("StatusDescription", ScalarType.STRING),
    Column("Count", ScalarType.INT),
    Column("RequestId", ScalarType.GUID),
    Column("ActivityId", ScalarType.GUID),
    Column("SubActivityId", ScalarType.GUID),
    Column("ClientActivityId", ScalarType.STRING),
)
_CONTENTS = (
    Column("Ordinal", ScalarType.LONG),
    Column("Kind", ScalarType.STRING),
    Column("Name", ScalarType.STRING),
    Column("Id", ScalarType.STRING),
    Column("PrettyName", ScalarType.STRING),
)


def command_tables(table: ResultTable, occasion: Occasion) -> Iterator[bytes]:
    """The answer to a command: exactly one table."""
    yield from rows(table, b'{"Tables":[' + _open(0, table.columns), occasion, begun=False)
    yield b"]}]}"


def query_tables(tables: Iterable[ResultTable], occasion: Occasion) -> Iterator[bytes]:
    """The answer to a query: its tables, properties, status, and the table of contents."""
    tables = list(tables)
    contents: list[list[Any]] = []
    before = b'{"Tables":['
    problem: Problem | None = None
    for number, table in enumerate(tables):
        before += _open(number, table.columns)
        problem = yield from rows(table, before, occasion, begun=number > 0)
        contents.append([number, "QueryResult", table.name or "PrimaryResult", str(uuid.uuid4()), ""])
        before = b"]},"
        if problem and not occasion.options.defer_partial_failures:
            break
    ordinal = len(contents)
    contents.append([ordinal, "QueryProperties", "@ExtendedProperties", str(uuid.uuid4()), ""])
    contents.append([ordinal + 1, "QueryStatus", "QueryStatus", str(uuid.UUID(int=0)), ""])
    properties = [[visualization(t)] for t in tables[:ordinal]]
    yield before + b",".join(
        (
            _table(ordinal, (Column("Value", ScalarType.STRING),), properties),
            _table(ordinal + 1, _STATUS, [_status(occasion, problem)]),
            _table(ordinal + 2, _CONTENTS, contents),
        )
    )
    yield b"]}"


def _status(occasion: Occasion, problem: Problem | None) -> list[Any]:
    ids = [occasion.activity_id] * 3
    told = [2, "Error", TRUNCATED, problem.detail] if problem else [4, "Info", 0, "Query completed successfully"]
    return [occasion.now(), *told, 1, *ids, occasion.client_request_id]


def _open(number: int, columns: Iterable[Column]) -> bytes:
    # Without ColumnType, clients take every column for text.
    wire = [{"ColumnName": c.name, "DataType": DATA_TYPES[c.type], "ColumnType": c.type.value} for c in columns]
    return orjson.dumps({"TableName": f"Table_{number}", "Columns": wire})[:-1] + b',"Rows":['


def _table(number: int, columns: Iterable[Column], rows: list[list[Any]]) -> bytes:
    return _open(number, columns) + orjson.dumps(rows)[1:] + b"}"
