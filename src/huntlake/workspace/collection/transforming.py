"""Records through a transformation: into columns, through the engine, and out as rows that JSON says."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from threading import RLock
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import orjson

from huntlake.engines.duckdb.database import Database
from huntlake.engines.duckdb.sources import memory_sql
from huntlake.kql.syntax.literals import timespan_text
from huntlake.kql.types import Column, ScalarType
from huntlake.lake import Lake
from huntlake.lake.conversion import Batch, Infer, Plan, Target
from huntlake.lake.forms import TIME, StoredColumn
from huntlake.lake.scanning import NUMBER
from huntlake.lake.sources import Reject
from huntlake.lake.staging import Converted, Stage
from huntlake.workspace.collection.records import Records
from huntlake.workspace.tables import FORMS

if TYPE_CHECKING:
    import pyarrow as pa

    from huntlake.kql.compiler import CompiledTable

_TIME = TIME.lower()
_PATIENCE = timedelta(minutes=1)


@dataclass(frozen=True)
class Typed:
    """Records as columns; `KEY` says which record each row is of, counted from 0."""

    rows: pa.Table
    rejects: tuple[Reject, ...]
    """Records with a value that is none of its column's type."""


@dataclass(frozen=True, slots=True)
class _Declared:
    """Takes the fields that a stream declares; others nobody keeps."""

    fixed: Plan

    def plan(self, batch: Batch, infer: Infer) -> Plan:
        return self.fixed

    def knows(self, fields: Iterable[str]) -> bool:
        return {f for t in self.fixed.targets for f in t.fields}.issuperset(fields)


class Transformer:
    """Runs transformations. Threads may share it; what makes columns of records, they wait for."""

    def __init__(self, lake: Lake, engine: Database) -> None:
        self._lake = lake
        self._engine = engine
        self._stage: Stage | None = None
        self._lock = RLock()

    def typed(self, columns: Sequence[Column], records: Records, now: datetime) -> Typed:
        """Records as the columns of their stream."""
        import pyarrow as pa

        numbered = [(i, 1, line) for i, line in enumerate(records.lines)]
        found = self._staged().convert(numbered, _Declared(_plan(columns, now)))
        parts = [_physical(one, columns) for one in found if one.rows.num_rows]
        rejects = [
            Reject(
                None if r.line is None else records.places[r.line], r.reason.replace(f"`{_TIME}`", f"`{TIME}`"), r.text
            )
            for one in found
            for r in one.rejects
        ]
        return Typed(pa.concat_tables(parts) if parts else _physical(None, columns), tuple(rejects))

    def rows(self, statement: CompiledTable, typed: Typed) -> list[tuple[int, dict[str, Any]]]:
        """What a transformation makes of records: which record each row is of, and the row, without what is null.

        :raises DomainError: the engine can't do it
        """
        if not typed.rows.num_rows:
            return []
        name = f"records {uuid4().hex}"
        # KQL tells names apart by case, and the engine doesn't: columns of memory go by their places.
        labels = {c: f"c{i}" for i, c in enumerate(typed.rows.column_names)}
        self._engine.keep(name, typed.rows.rename_columns(list(labels.values())))
        try:
            sources = {
                scan.relation: memory_sql(name, [Column(labels[c.name], c.type) for c in scan.columns], scan.sql_names)
                for scan in statement.scans
            }
            made = self._engine.table(statement.sql(sources), timeout=_PATIENCE)
        finally:
            self._engine.forget(name)
        return _rows(made, statement.columns)

    def close(self) -> None:
        """Give the engine back."""
        with self._lock:
            if self._stage is not None:
                self._stage.close()
                self._stage = None

    def _staged(self) -> Stage:
        with self._lock:
            if self._stage is None:
                self._stage = Stage(self._lake.working_folder)
            return self._stage


def dumped(row: Mapping[str, Any]) -> bytes:
    """A row as JSON text of one line."""
    return orjson.dumps(row, option=orjson.OPT_NAIVE_UTC)


def _plan(columns: Sequence[Column], now: datetime) -> Plan:
    targets = [Target(StoredColumn(_staged(c), FORMS[c.type]), (c.name,), type=str(c.type)) for c in columns]
    return Plan(tuple(targets), now, timed=False)


def _staged(column: Column) -> str:
    """The name of a column on the way: one that is called as a table's time is would be a time, and never null."""
    return _TIME if column.name == TIME else column.name


def _reason(reject: Reject) -> str:
    return reject.reason.replace(f"`{_TIME}`", f"`{TIME}`")


def _physical(found: Converted | None, columns: Sequence[Column]) -> pa.Table:
    """Rows in the forms that queries see."""
    import pyarrow as pa

    from huntlake.kql.transformations import KEY
    from huntlake.workspace.query import physical_type

    arrays = {KEY: found.rows.column(NUMBER) if found else pa.array([], pa.int64())}
    for column in columns:
        type = physical_type(column.type)
        arrays[column.name] = found.rows.column(_staged(column)).cast(type) if found else pa.array([], type)
    return pa.table(arrays)


def _rows(made: pa.Table, columns: Sequence[Column]) -> list[tuple[int, dict[str, Any]]]:
    from huntlake.kql.transformations import KEY

    types = {c.name: c.type for c in columns}
    # Two names may differ in case alone: by their places they are told apart.
    values = {
        column.name: _readable(made.column(i).to_pylist(), types[column.name]) for i, column in enumerate(columns)
    }
    keys = values.pop(KEY)
    names = list(values)
    rows = zip(keys, *values.values(), strict=True)
    return sorted(
        ((key, {n: v for n, v in zip(names, row, strict=True) if v is not None and v != ""}) for key, *row in rows),
        key=lambda one: one[0],
    )


def _readable(values: list[Any], type: ScalarType) -> list[Any]:
    """Values as JSON can say them, and as a table reads them."""
    read = _READABLE.get(type)
    return values if read is None else [None if v is None else read(v) for v in values]


def _number(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)


def _json(text: str) -> orjson.Fragment:
    # It is JSON as the record wrote it, and a line's end between its values would end the row. Inside its strings
    # there is none.
    return orjson.Fragment(text.replace("\n", " ").replace("\r", " ").encode())


def _decimal(value: Decimal) -> str:
    return format(value, "f")


_READABLE: Mapping[ScalarType, Callable[[Any], Any]] = {
    ScalarType.REAL: _number,
    ScalarType.DECIMAL: _decimal,
    ScalarType.TIMESPAN: timespan_text,
    ScalarType.DYNAMIC: _json,
}
