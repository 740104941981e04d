"""What a command answers: a table that is already known in full."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from huntlake.core.errors import LimitExceeded
from huntlake.kql.syntax.literals import timespan_text
from huntlake.kql.types import Column

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

    @property
    def row_count(self) -> int:
        return len(self.rows)

    def json_rows(self) -> Iterator[bytes]:
        """The rows as JSON arrays in the forms of Kusto's answers, in chunks without a comma at either end."""
        for first in range(0, len(self.rows), _CHUNK_ROWS):
            rows = [[_wire(value) for value in row] for row in self.rows[first : first + _CHUNK_ROWS]]
            yield orjson.dumps(rows)[1:-1]


def _wire(value: Any) -> Any:
    match value:
        case datetime():
            return f"{value:%Y-%m-%dT%H:%M:%S.%fZ}"
        case timedelta():
            return timespan_text(round(value.total_seconds() * 10_000_000))
        case _:
            return value
