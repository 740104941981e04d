"""Where the tables of a query come from: the lake, or memory."""

from __future__ import annotations

import uuid
import weakref
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from huntlake.engines.duckdb.database import Database
from huntlake.engines.duckdb.frames import arrow_table, physical
from huntlake.engines.duckdb.sources import memory_sql, snapshot_sql
from huntlake.kql.plan import Extraction, Needle, Path
from huntlake.kql.types import Column
from huntlake.lake import Lake
from huntlake.lake.index.terms import Clause, clause, prefix_of, terms_of
from huntlake.lake.scanning import Pending
from huntlake.lake.snapshot import NO_SIZE, NOTHING, DataFile, Size, Snapshot
from huntlake.lake.table import LakeTable
from huntlake.workspace.asked_paths import AskedPaths
from huntlake.workspace.ingestion.pending import Part
from huntlake.workspace.ingestion.streaming import Streams
from huntlake.workspace.tables import Tables

if TYPE_CHECKING:
    import pyarrow


class Demand(Protocol):
    """Which rows of a table a query reads: bounds on the time, and on texts."""

    @property
    def table(self) -> str: ...
    @property
    def since(self) -> datetime | None: ...
    @property
    def until(self) -> datetime | None: ...
    @property
    def clauses(self) -> Sequence[Sequence[Needle]]: ...


class Scan(Demand, Protocol):
    """What a compiled query reads of one table: also its columns, and their names in the SQL."""

    @property
    def columns(self) -> Sequence[Column]: ...
    @property
    def sql_names(self) -> Sequence[str]: ...
    @property
    def newest(self) -> bool: ...
    @property
    def asked(self) -> Sequence[Path]: ...
    @property
    def extracted(self) -> Sequence[Extraction]: ...


@dataclass(frozen=True, slots=True)
class LakeScan:
    """A scan of one snapshot of a table, and of the rows that wait for a commit."""

    snapshot: Snapshot
    waiting: tuple[Pending, ...]
    scan: Scan

    def sql(self) -> str:
        """The SELECT that yields its columns."""
        scan = self.scan
        return snapshot_sql(
            self.snapshot,
            scan.columns,
            scan.sql_names,
            scan.since,
            scan.until,
            self.waiting,
            newest=scan.newest,
            extracted=scan.extracted,
        )

    def of(self, files: Sequence[DataFile]) -> LakeScan:
        """The same over other files of the snapshot, or other rows of them."""
        return replace(self, snapshot=replace(self.snapshot, files=tuple(files)))

    @property
    def tells_places(self) -> bool:
        """Whether a row's place in the files can be asked for."""
        # The engine knows the place by these names, unless the files have such columns.
        return not {name.lower() for name, _ in self.snapshot.schema} & {"file_index", "file_row_number"}


@dataclass(frozen=True, slots=True)
class Reading:
    """The SELECT that yields the columns of a scan, and the files that it reads."""

    sql: str
    files: tuple[DataFile, ...] = ()
    held: object = None
    """What has to last as long as the reading: rows in memory go when nobody holds it any more."""
    lake: LakeScan | None = None
    """What it reads of the lake, where that is all."""

    @property
    def whole(self) -> Size:
        """All that the lake has of the table."""
        return self.lake.snapshot.whole if self.lake else NO_SIZE

    def of(self, files: Sequence[DataFile]) -> Reading:
        """The same of the lake, over other files, or other rows of them."""
        assert self.lake is not None
        fewer = self.lake.of(files)
        return replace(self, sql=fewer.sql(), files=tuple(files), lake=fewer)


class Look(Protocol):
    """The rows that a table has for a query at one moment, before it is settled which columns are read."""

    @property
    def columns(self) -> frozenset[str]:
        """The columns that some of the rows have, by lower-case name; none where there is no row."""
        ...

    def held(self, needles: Sequence[Needle]) -> frozenset[Needle] | None:
        """The needles that some of the rows may hold, all others being in none; None where nobody knows."""
        ...

    def read(self, scan: Scan) -> Reading: ...


class TableSource(Protocol):
    """Tables that queries can read, by the name of a workspace and their own."""

    def table(self, workspace: str, name: str) -> tuple[Column, ...] | None: ...
    def names(self, workspace: str) -> Iterable[str]: ...
    def names_with_rows(self, workspace: str) -> Iterable[str]: ...
    def known_empty(self, workspace: str, name: str) -> bool: ...
    def hot_paths(self, workspace: str, name: str) -> frozenset[Path]: ...
    def look(self, workspace: str, demand: Demand) -> Look | None:
        """The rows to read; None where that isn't known before they are read."""
        ...

    def read(self, workspace: str, scan: Scan) -> Reading: ...


@dataclass(frozen=True)
class LakeTables:
    """The tables of the lake and of the catalogue; those that nobody has written to are empty."""

    lake: Lake
    tables: Tables
    streams: Streams
    asked: AskedPaths

    def table(self, workspace: str, name: str) -> tuple[Column, ...] | None:
        self.streams.settle(workspace, name)
        return self.tables.table(workspace, name)

    def names(self, workspace: str) -> Iterable[str]:
        return self.tables.names(workspace)

    def names_with_rows(self, workspace: str) -> Iterable[str]:
        return self.tables.with_data(workspace)

    def known_empty(self, workspace: str, name: str) -> bool:
        return not self.tables.exists_on_disk(workspace, name)

    def hot_paths(self, workspace: str, name: str) -> frozenset[Path]:
        if self.known_empty(workspace, name):
            return frozenset()
        return frozenset(Path(p.column.lower(), p.path) for p in self.lake.table(workspace, name).hot_paths())

    def look(self, workspace: str, demand: Demand) -> LakeLook:
        if self.known_empty(workspace, demand.table):
            return LakeLook(NOTHING, (), self.streams.engine, workspace, self.asked, None)
        clauses = [c for c in map(_clause, demand.clauses) if c]
        # What moves into files between these two lines is in the snapshot, which says so; the reverse would lose it.
        parts = tuple(self.streams.pending(workspace, demand.table))
        snapshot = self.lake.snapshot(
            workspace, demand.table, demand.since, demand.until, clauses, dict.fromkeys(p.writer for p in parts)
        )
        index = self.lake.table(workspace, demand.table)
        return LakeLook(snapshot, parts, self.streams.engine, workspace, self.asked, index)

    def read(self, workspace: str, scan: Scan) -> Reading:
        return self.look(workspace, scan).read(scan)


@dataclass(frozen=True)
class LakeLook:
    """The files of one snapshot, and the rows that are in none of them yet."""

    snapshot: Snapshot
    parts: tuple[Part, ...]
    engine: Database
    workspace: str
    asked: AskedPaths
    index: LakeTable | None
    """Who knows what the files hold; None where there are none."""

    @cached_property
    def columns(self) -> frozenset[str]:
        # Files know the same few lists of columns.
        shapes = {f.columns for f in self.snapshot.files}
        waiting = (c.name for p in self.parts for one in p.converted if one.rows.num_rows for c in one.columns)
        return frozenset(n.lower() for names in (*shapes, waiting) for n in names)

    def held(self, needles: Sequence[Needle]) -> frozenset[Needle] | None:
        # Rows that wait for a commit have no index.
        if any(p.rows for p in self.parts):
            return None
        terms = {t: _terms(*t) for t in dict.fromkeys(map(_text, needles))}
        sought = tuple(dict.fromkeys(t for t in terms.values() if t))
        columns = tuple(dict.fromkeys(n.column for n in needles))
        if not sought or not self.snapshot.files or self.index is None:
            return None if self.snapshot.files else frozenset()
        found = self.index.held(self.snapshot.files, Clause(sought, columns))
        return frozenset(n for n in needles if not terms[_text(n)] or terms[_text(n)] in found)

    def read(self, scan: Scan) -> Reading:
        """Rows of the look: `scan` is the demand that it was for."""
        self.asked.count(self.workspace, scan.table, scan.asked)
        waiting = tuple(r for p in self.parts for r in p.relations(self.engine))
        lake = LakeScan(self.snapshot, waiting, scan)
        return Reading(lake.sql(), self.snapshot.files, held=self.parts, lake=lake)


@dataclass
class MemoryTables:
    """Tables registered from data frames; every workspace has them."""

    database: Database
    _columns: dict[str, tuple[Column, ...]] = field(default_factory=dict)

    def register(self, name: str, frame: Any) -> tuple[Column, ...]:
        """Keep a copy of `frame` under `name`, in place of what had that name; the columns it has in KQL."""
        columns, table = physical(arrow_table(frame))
        self.database.keep(name, table)
        self._columns[name] = columns
        return columns

    def table(self, workspace: str, name: str) -> tuple[Column, ...] | None:
        return self._columns.get(name)

    def names(self, workspace: str) -> Iterable[str]:
        return tuple(self._columns)

    def names_with_rows(self, workspace: str) -> Iterable[str]:
        return tuple(self._columns)

    def known_empty(self, workspace: str, name: str) -> bool:
        return False

    def look(self, workspace: str, demand: Demand) -> None:
        return None

    def hot_paths(self, workspace: str, name: str) -> frozenset[Path]:
        return frozenset()

    def read(self, workspace: str, scan: Scan) -> Reading:
        return Reading(memory_sql(scan.table, scan.columns, scan.sql_names))


class KeptRows:
    """Rows in memory under a name, given back when nobody holds this object any more."""

    def __init__(self, database: Database, name: str, rows: pyarrow.Table) -> None:
        self.name = name
        database.keep(name, rows)
        weakref.finalize(self, database.forget, name).atexit = False


def held_in_memory(database: Database, names: Sequence[str], rows: Sequence[Sequence[str]], scan: Scan) -> Reading:
    """Texts under the `names` of their columns, kept in memory as long as the reading."""
    import pyarrow as pa

    # KQL tells names apart by case, and the engine doesn't.
    labels = {name: f"c{i}" for i, name in enumerate(names)}
    arrays = [pa.array([row[i] for row in rows], pa.string()) for i in range(len(names))]
    kept = KeptRows(database, f"external {uuid.uuid4()}", pa.table(arrays, names=list(labels.values())))
    columns = [Column(labels[c.name], c.type) for c in scan.columns]
    return Reading(memory_sql(kept.name, columns, scan.sql_names), held=kept)


def held_reading(kept: KeptRows, columns: Sequence[Column], scan: Scan) -> Reading:
    """Kept rows whose columns are called `c0`, `c1`, …, and `columns` in the query: names may differ in case only."""
    labels = {c.name: f"c{i}" for i, c in enumerate(columns)}
    wanted = [Column(labels[c.name], c.type) for c in scan.columns]
    return Reading(memory_sql(kept.name, wanted, scan.sql_names), held=kept)


GIVEN = "Rows"


@dataclass(frozen=True)
class GivenRows:
    """One table named `Rows` that the database keeps under `name` as long as someone works on it.

    With `kept` its columns are called `c0`, `c1`, … there, and it lasts as long as whoever reads it.
    """

    name: str
    columns: tuple[Column, ...]
    kept: KeptRows | None = None

    def table(self, workspace: str, name: str) -> tuple[Column, ...] | None:
        return self.columns if name == GIVEN else None

    def names(self, workspace: str) -> Iterable[str]:
        return (GIVEN,)

    def names_with_rows(self, workspace: str) -> Iterable[str]:
        return (GIVEN,)

    def known_empty(self, workspace: str, name: str) -> bool:
        return False

    def look(self, workspace: str, demand: Demand) -> None:
        return None

    def hot_paths(self, workspace: str, name: str) -> frozenset[Path]:
        return frozenset()

    def read(self, workspace: str, scan: Scan) -> Reading:
        if self.kept is not None:
            return held_reading(self.kept, self.columns, scan)
        return Reading(memory_sql(self.name, scan.columns, scan.sql_names))


def _clause(needles: Sequence[Needle]) -> Clause | None:
    """What an index is asked for the needles of a query; None where it can't say."""
    texts = dict.fromkeys(map(_text, needles))
    terms = [_terms(*text) for text in texts]
    return clause(terms, dict.fromkeys(n.column for n in needles))


def _text(needle: Needle) -> tuple[str, bool, bool, bool]:
    return needle.text, needle.begins, needle.ends, needle.address


def _terms(text: str, begins: bool, ends: bool, address: bool) -> tuple[str, ...]:
    begun = prefix_of(text) if address and not ends else ()
    return begun or terms_of(text, begins=begins, ends=ends)
