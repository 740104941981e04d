"""The v2 answer: an array of frames.

https://learn.microsoft.com/kusto/api/rest/response-http-v2
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from huntlake.api.errors import Problem
from huntlake.api.kusto.rows import TRUNCATED, Occasion, rows, timestamp, visualization
from huntlake.api.services import ResultTable
from huntlake.kql.types import Column, ScalarType

_PROPERTIES = (
    Column("TableId", ScalarType.INT),
    Column("Key", ScalarType.STRING),
    Column("Value", ScalarType.DYNAMIC),
)
_COMPLETION = (
    Column("Timestamp", ScalarType.DATETIME),
    Column("ClientRequestId", ScalarType.STRING),
    Column("ActivityId", ScalarType.GUID),
    Column("SubActivityId", ScalarType.GUID),
    Column("ParentActivityId", ScalarType.GUID),
    Column("Level", ScalarType.INT),
    Column("LevelName", ScalarType.STRING),
    Column("StatusCode", ScalarType.INT),
    Column("StatusCodeName", ScalarType.STRING),
    Column("EventType", ScalarType.INT),
    Column("EventTypeName", ScalarType.STRING),
    Column("Payload", ScalarType.STRING),
)

_NEVER = "0001-01-01T00:00:00.0000000Z"
"""How Kusto tells the times of nothing."""


def frames(tables: Iterable[ResultTable], occasion: Occasion) -> Iterator[bytes]:
    """The frames of an answer, as chunks of one JSON text. The first chunk has the first rows in it."""
    tables = list(tables)
    between = b",\r\n" if occasion.options.newlines_between_frames else b","
    properties = [[id, "Visualization", visualization(t)] for id, t in enumerate(tables, 1)]
    progressive = occasion.options.progressive
    header = {"FrameType": "DataSetHeader", "IsProgressive": progressive, "Version": "v2.0"}
    before = b"[" + orjson.dumps(header) + between
    before += _frame(0, "QueryProperties", "@ExtendedProperties", _PROPERTIES, properties) + between
    late: Problem | None = None
    for id, table in enumerate(tables, 1):
        name = table.name or "PrimaryResult"
        if progressive:
            fragment = _fragment(id)
            before += _open(id, "PrimaryResult", name, table.columns, "TableHeader") + between + fragment
            problem = yield from rows(table, before, occasion, begun=id > 1, between=b"]}" + between + fragment)
            done = {"FrameType": "TableCompletion", "TableId": id, "RowCount": table.row_count}
            before = b"]}" + between + orjson.dumps(done) + between
        else:
            before += _open(id, "PrimaryResult", name, table.columns) + b',"Rows":['
            problem = yield from rows(table, before, occasion, begun=id > 1)
            before = b"]}" + between
        if problem and not occasion.options.defer_partial_failures:
            errors = [occasion.error(problem)]
            yield before + orjson.dumps({**_end(has_errors=True), "OneApiErrors": errors}) + b"]"
            return
        late = late or problem
    completion = _completion(tables, occasion, late)
    yield before + _frame(len(tables) + 1, "QueryCompletionInformation", None, _COMPLETION, completion) + between
    yield orjson.dumps(_end(has_errors=False)) + b"]"


def _end(*, has_errors: bool) -> dict[str, Any]:
    return {"FrameType": "DataSetCompletion", "HasErrors": has_errors, "Cancelled": False}


def _open(id: int, kind: str, name: str, columns: Iterable[Column], type: str = "DataTable") -> bytes:
    """A table's frame up to its rows: readers that stream want `FrameType` first and `Rows` last."""
    head = {
        "FrameType": type,
        "TableId": id,
        "TableKind": kind,
        "TableName": name,
        "Columns": [{"ColumnName": c.name, "ColumnType": c.type.value} for c in columns],
    }
    return orjson.dumps(head) if type == "TableHeader" else orjson.dumps(head)[:-1]


def _fragment(id: int) -> bytes:
    """The frame of some rows of a table, up to them."""
    head = {"FrameType": "TableFragment", "TableFragmentType": "DataAppend", "TableId": id}
    return orjson.dumps(head)[:-1] + b',"Rows":['


def _frame(id: int, kind: str, name: str | None, columns: Iterable[Column], rows: list[list[Any]]) -> bytes:
    return _open(id, kind, name or kind, columns) + b',"Rows":' + orjson.dumps(rows) + b"}"


def _inputs(tables: Iterable[ResultTable]) -> dict[str, Any]:
    """What was read, in Kusto's words, in which a file is an extent; `bytes` is ours."""
    reads = [t.reads for t in tables if t.reads is not None]
    if not reads:
        return {}
    since = min((r.since for r in reads if r.since), default=None)
    until = max((r.until for r in reads if r.until), default=None)
    return {
        "extents": {
            "total": sum(r.whole.files for r in reads),
            "scanned": sum(r.read.files for r in reads),
            "scanned_min_datetime": timestamp(since) if since else _NEVER,
            "scanned_max_datetime": timestamp(until) if until else _NEVER,
        },
        "rows": {"total": sum(r.whole.rows for r in reads), "scanned": sum(r.read.rows for r in reads)},
        "bytes": {"total": sum(r.whole.bytes for r in reads), "scanned": sum(r.read.bytes for r in reads)},
    }


def _completion(tables: list[ResultTable], occasion: Occasion, problem: Problem | None) -> list[list[Any]]:
    """What became of the query. Every payload is JSON text: clients parse each one."""
    info = {"Count": 1, "Text": "Query completed successfully"}
    statistics = {
        "ExecutionTime": occasion.seconds(),
        "resource_usage": {},
        "input_dataset_statistics": _inputs(tables),
        "dataset_statistics": [{"table_row_count": t.row_count, "table_size": t.byte_count} for t in tables],
    }
    found = []
    if problem:
        # To clients any level below 4 is an error, and 2 one that they raise.
        told = {"Count": 1, "Text": problem.detail}
        name = f"Query result set too large (E_QUERY_RESULT_SET_TOO_LARGE). ({TRUNCATED})"
        if problem.code != "LimitsExceeded":
            name = problem.detail
        found.append([2, "Error", TRUNCATED, name, 1, "QueryLimitsExceeded", told])
    found += [
        [4, "Info", 0, "S_OK (0)", 4, "QueryInfo", info],
        [6, "Stats", 0, "S_OK (0)", 0, "QueryResourceConsumption", statistics],
    ]
    ids = [occasion.now(), occasion.client_request_id, *[occasion.activity_id] * 3]
    return [[*ids, *row[:-1], orjson.dumps(row[-1]).decode()] for row in found]
