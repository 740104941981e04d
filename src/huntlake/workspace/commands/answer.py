"""What a command answers: a table that is already known in full."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from huntlake.core.errors import LimitExceeded
from huntlake.kql.syntax.literals import timespan, timespan_text
from huntlake.kql.types import Column, ScalarType
from huntlake.workspace.query import physical_type

if TYPE_CHECKING:
    import pyarrow

_CHUNK_ROWS = 2000


@dataclass(frozen=True)
class CommandTable:
    """The rows of an answer; their values are as JSON takes them, or times and spans of Python's."""

    columns: tuple[Column, ...]
    rows: Sequence[Sequence[Any]]
    name: str = "PrimaryResult"
    visualization: Mapping[str, object] | None = None
    truncated_by: LimitExceeded | None = None
    byte_count: int = 0
    reads: None = None

    @property
    def row_count(self) -> int:
        return len(self.rows)

    def arrow(self) -> pyarrow.Table:
        """The rows in the physical forms of their types, so that a query can go over them."""
        import pyarrow as pa

        columns = [*zip(*self.rows, strict=True)] or [()] * len(self.columns)
        arrays = [
            pa.array([_physical(v, c.type) for v in values], physical_type(c.type))
            for values, c in zip(columns, self.columns, strict=True)
        ]
        return pa.Table.from_arrays(arrays, names=[c.name for c in self.columns])

    def json_rows(self) -> Iterator[bytes]:
        """The rows as JSON arrays in the forms of Kusto's answers, in chunks without a comma at either end."""
        for first in range(0, len(self.rows), _CHUNK_ROWS):
            rows = [[_wire(value) for value in row] for row in self.rows[first : first + _CHUNK_ROWS]]
            yield orjson.dumps(rows)[1:-1]


def _physical(value: Any, type: ScalarType) -> Any:
    match type, value:
        case _, None:
            return "" if type is ScalarType.STRING else None
        case ScalarType.DATETIME, str():
            return _physical(datetime.fromisoformat(value), type)
        case ScalarType.DATETIME, datetime():
            return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
        case ScalarType.TIMESPAN, str():
            return timespan(value)
        case ScalarType.TIMESPAN, timedelta():
            return value // timedelta(microseconds=1) * 10
        case ScalarType.DYNAMIC, dict() | list():
            return orjson.dumps(value).decode()
    return value


def _wire(value: Any) -> Any:
    match value:
        case datetime():
            return f"{value:%Y-%m-%dT%H:%M:%S.%fZ}"
        case timedelta():
            return timespan_text(round(value.total_seconds() * 10_000_000))
        case _:
            return value
