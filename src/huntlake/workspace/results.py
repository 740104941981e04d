"""An answer for Python: values, data frames, and pictures of a table."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from huntlake.core.errors import Invalid
from huntlake.kql.types import Column, ScalarType
from huntlake.workspace.query import ResultTable

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

SHOWN_ROWS = 20
SHOWN_WIDTH = 48


@dataclass(frozen=True, eq=False)
class Result:
    """The rows of a query, in memory. Iterating gives tuples, of these Python types:

    bool, int (`int` and `long`), float, `Decimal`, str (`string`, and `guid` in lower case), `datetime` in UTC,
    `timedelta` (to the microsecond; KQL's timespans count tenths), and for `dynamic` what its JSON holds.
    A null is None; a string is never null.
    """

    schema: tuple[Column, ...]
    """The columns, with their KQL types."""
    table: pyarrow.Table
    """The rows in the physical forms of the engine."""
    visualization: Mapping[str, object] | None = None
    """What the query's `render` asks for."""

    @classmethod
    def of(cls, table: ResultTable) -> Result:
        """Read all rows of one table of an answer."""
        return cls(table.columns, table.arrow().read_all(), table.visualization)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(c.name for c in self.schema)

    @property
    def types(self) -> tuple[str, ...]:
        """The KQL types of the columns, such as `long`."""
        return tuple(c.type.value for c in self.schema)

    @cached_property
    def rows(self) -> list[tuple[Any, ...]]:
        """All rows, as tuples of Python values."""
        return self._first(len(self))

    def to_dicts(self) -> list[dict[str, Any]]:
        """All rows, as dictionaries by column name."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def to_arrow(self) -> pyarrow.Table:
        """An Arrow table: times in UTC, timespans as durations to the microsecond, `dynamic` as JSON text."""
        import pyarrow as pa
        import pyarrow.compute as pc

        arrays = []
        for column, values in zip(self.schema, self.table.columns, strict=True):
            match column.type:
                case ScalarType.DATETIME:
                    arrays.append(values.cast(pa.timestamp("us", "UTC")))
                case ScalarType.TIMESPAN:
                    arrays.append(pc.divide(values, 10).cast(pa.duration("us")))
                case _:
                    arrays.append(values)
        return pa.table(arrays, names=list(self.columns))

    def to_pandas(self) -> pandas.DataFrame:
        """A pandas data frame; `dynamic` as the Python values that its JSON holds. Needs pandas."""
        try:
            import pandas as pd
        except ImportError as error:
            raise Invalid("`to_pandas` needs pandas: install `huntlake[pandas]`") from error
        frame: pandas.DataFrame = self.to_arrow().to_pandas()
        for column in self.schema:
            if column.type is ScalarType.DYNAMIC:
                values = [_parsed(text) for text in self.table[column.name].to_pylist()]
                frame[column.name] = pd.Series(values, dtype=object, index=frame.index)
        return frame

    def to_polars(self) -> polars.DataFrame:
        """A polars data frame; `dynamic` as JSON text. Needs polars."""
        try:
            import polars as pl
        except ImportError as error:
            raise Invalid("`to_polars` needs polars: install `huntlake[polars]`") from error
        frame: polars.DataFrame = pl.DataFrame(self.to_arrow())
        return frame

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self.rows)

    def __repr__(self) -> str:
        head = [[_shown(v) for v in row] for row in self._first(SHOWN_ROWS)]
        widths = [max(map(len, cells)) for cells in zip(self.columns, *head, strict=True)]
        lines = [self.columns, ["-" * w for w in widths], *head]
        table = "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines)
        return f"{table}\n({self._count()})"

    def _repr_html_(self) -> str:
        # What a log says is data: in a notebook too, no cell may become markup.
        def cells(tag: str, texts: Iterator[str]) -> str:
            return "<tr>" + "".join(f"<{tag}>{html.escape(text)}</{tag}>" for text in texts) + "</tr>"

        head = cells("th", (f"{c.name} ({c.type})" for c in self.schema))
        body = "".join(cells("td", map(_shown, row)) for row in self._first(SHOWN_ROWS))
        return f"<table><thead>{head}</thead><tbody>{body}</tbody></table><p>{html.escape(self._count())}</p>"

    def _first(self, rows: int) -> list[tuple[Any, ...]]:
        values = [
            list(map(PYTHON.get(column.type, _as_is), cells.to_pylist()))
            for column, cells in zip(self.schema, self.table.slice(0, rows).columns, strict=True)
        ]
        return list(zip(*values, strict=True))

    def _count(self) -> str:
        count = f"{len(self):,} row{'' if len(self) == 1 else 's'}"
        return count if len(self) <= SHOWN_ROWS else f"the first {SHOWN_ROWS} of {count}"


def _as_is(value: Any) -> Any:
    return value


def _time(value: datetime | None) -> datetime | None:
    return None if value is None else value.replace(tzinfo=UTC)


def _span(ticks: int | None) -> timedelta | None:
    return None if ticks is None else timedelta(microseconds=ticks // 10)


def _decimal(value: Decimal | None) -> Decimal | None:
    if value is None:
        return None
    # Stored with 18 decimals, of which most are padding.
    short = value.normalize()
    return short.quantize(Decimal(1)) if short == short.to_integral_value() else short


def _parsed(text: str | None) -> Any:
    if text is None:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


PYTHON: Mapping[ScalarType, Callable[[Any], Any]] = {
    ScalarType.DATETIME: _time,
    ScalarType.TIMESPAN: _span,
    ScalarType.DECIMAL: _decimal,
    ScalarType.DYNAMIC: _parsed,
}
"""For the types whose Python value isn't the physical one: how it is made."""


def _shown(value: Any) -> str:
    match value:
        case None:
            return ""
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case dict() | list():
            text = json.dumps(value, ensure_ascii=False)
        case bool():
            return str(value).lower()
        case _:
            text = str(value)
    # A log may hold what a terminal obeys.
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[: SHOWN_WIDTH + 1])
    return text if len(text) <= SHOWN_WIDTH else text[: SHOWN_WIDTH - 1] + "…"
