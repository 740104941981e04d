"""The tables of a test: those that are known and custom ones, which hold the test's own events and nothing else."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from huntlake.engines.duckdb.database import Database
from huntlake.engines.duckdb.sources import memory_sql
from huntlake.kql.plan import Path
from huntlake.kql.types import Column, ScalarType
from huntlake.workspace.catalogue import Catalogue
from huntlake.workspace.query import physical_type
from huntlake.workspace.table_sources import Demand, KeptRows, Reading, Scan


@dataclass(frozen=True)
class Events:
    """The rows of one table, in the physical forms of its columns; what a row doesn't say is missing."""

    columns: tuple[Column, ...]
    rows: tuple[Mapping[str, Any], ...] = ()


class KnownTables(Protocol):
    """The tables that events can be of."""

    def columns(self, table: str) -> tuple[Column, ...] | None: ...
    def is_open(self, table: str) -> bool:
        """Whether rows may have columns that nobody has named."""
        ...

    def names(self) -> Iterable[str]: ...


@dataclass(frozen=True)
class CatalogueTables:
    """The tables of the catalogue."""

    catalogue: Catalogue

    def columns(self, table: str) -> tuple[Column, ...] | None:
        known = self.catalogue.table(table)
        return known.columns if known else None

    def is_open(self, table: str) -> bool:
        return self.catalogue.is_open(table)

    def names(self) -> Iterable[str]:
        return self.catalogue.names()


@dataclass
class TestTables:
    """A source of tables in which each workspace is a test."""

    __test__ = False  # pytest takes it for a test of its own otherwise

    known: KnownTables
    database: Database
    _held: dict[str, Mapping[str, Events]] = field(default_factory=dict)

    def hold(self, workspace: str, tables: Mapping[str, Events]) -> None:
        """From now on the workspace has these tables, and those that are known without rows."""
        self._held[workspace] = tables

    def release(self, workspace: str) -> None:
        """Forget the tables of a workspace."""
        self._held.pop(workspace, None)

    def table(self, workspace: str, name: str) -> tuple[Column, ...] | None:
        if (held := self._held.get(workspace, {}).get(name)) is not None:
            return held.columns
        return self.known.columns(name)

    def names(self, workspace: str) -> Iterable[str]:
        return (*self._held.get(workspace, {}), *self.known.names())

    def names_with_rows(self, workspace: str) -> Iterable[str]:
        return tuple(name for name, held in self._held.get(workspace, {}).items() if held.rows)

    def known_empty(self, workspace: str, name: str) -> bool:
        held = self._held.get(workspace, {}).get(name)
        return held is None or not held.rows

    def hot_paths(self, workspace: str, name: str) -> frozenset[Path]:
        return frozenset()

    def look(self, workspace: str, demand: Demand) -> None:
        return None

    def read(self, workspace: str, scan: Scan) -> Reading:
        import pyarrow as pa

        held = self._held.get(workspace, {}).get(scan.table)
        rows: Sequence[Mapping[str, Any]] = held.rows if held else ()
        arrays = [pa.array([row.get(c.name, _nothing(c)) for row in rows], physical_type(c.type)) for c in scan.columns]
        # A table has at least a column, even for a query that only counts.
        names, arrays = [c.name for c in scan.columns] or ["_"], arrays or [pa.array([True] * len(rows), pa.bool_())]
        kept = KeptRows(self.database, f"test {uuid.uuid4()}", pa.table(arrays, names=names))
        return Reading(memory_sql(kept.name, scan.columns, scan.sql_names), held=kept)


def _nothing(column: Column) -> Any:
    return "" if column.type is ScalarType.STRING else None
