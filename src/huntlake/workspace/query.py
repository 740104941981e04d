"""Queries over the tables of a workspace: KQL in, rows out."""

from __future__ import annotations

import re
import struct
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from huntlake.core.clock import Clock, SystemClock
from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import Invalid, LimitExceeded, TimedOut
from huntlake.engines.cancellation import Cancellation
from huntlake.engines.duckdb import wire
from huntlake.engines.duckdb.database import Confined, Database
from huntlake.engines.duckdb.execution import TOO_LONG
from huntlake.kql.binding.settings import Period
from huntlake.kql.syntax.literals import TICKS_PER_SECOND, ticks_of
from huntlake.kql.types import Column, ScalarType
from huntlake.lake.snapshot import NO_SIZE, DataFile, Size
from huntlake.workspace.first_rows import narrowed
from huntlake.workspace.remote.asking import Asked, Given
from huntlake.workspace.table_sources import GIVEN, GivenRows, KeptRows, Reading, TableSource
from huntlake.workspace.together import Together
from huntlake.workspace.visible import Borders, CallSource, FunctionSource, Visible, WorkspaceNamed
from huntlake.workspace.workspaces import Workspace

if TYPE_CHECKING:
    import pyarrow

    from huntlake.core.diagnostics import Source
    from huntlake.kql.compiler import Compiled, CompiledTable, Read
    from huntlake.kql.syntax import nodes
    from huntlake.workspace.remote.service import RemoteWorkspaces

MAX_ROWS = 500_000
MAX_BYTES = 64 * 2**20
CHUNK = 256 * 1024
"""Rows leave in chunks of at least this many bytes, but for the last."""


@dataclass(frozen=True)
class QueryOptions:
    """Bounds of one query; None is without bound. `max_bytes` counts the rows as JSON text."""

    timeout: timedelta = timedelta(minutes=4)
    max_rows: int | None = MAX_ROWS
    max_bytes: int | None = MAX_BYTES
    take: int | None = None
    """At most so many rows, and no error where there are more."""
    parameters: Mapping[str, object] = field(default_factory=dict)
    now: datetime | None = None
    """What `now()` says; None is the time of the query."""
    time_column: str = ""
    """The column by which `since` and `until`, both inclusive, bound the rows that are read; `` is none."""
    since: datetime | None = None
    until: datetime | None = None
    late: timedelta | None = None
    """Where a table knows when rows came, those count that came from `since` to `until`, their time so much before."""
    opens: Callable[[str], bool] = lambda table: False
    """Whether whoever asks may read that table, which is closed to others."""
    dynamic_as_text: bool = False
    """Values of `dynamic` leave as texts of JSON, which is how Log Analytics has them."""


DEFAULT = QueryOptions()

_PLACE = re.compile(r"\b(?:workspace|database|cluster|adx|app|resource)\s*\(")
_NOWHERE = Workspace("nowhere", "00000000-0000-0000-0000-000000000000")
"""Rows that are of no workspace here."""


class Queries:
    """Compiles queries and runs them on the engine. Of two sources that know a name, the first counts."""

    def __init__(
        self,
        engine: Database,
        sources: Sequence[TableSource],
        clock: Clock | None = None,
        functions: Sequence[FunctionSource] = (),
        calls: Sequence[CallSource] = (),
        borders: Borders = Borders(),
        is_open: Callable[[str], bool] | None = None,
        remote: RemoteWorkspaces | None = None,
        is_closed: Callable[[str], bool] = lambda table: False,
    ) -> None:
        self._engine = engine
        self._sources = tuple(sources)
        self._functions = tuple(functions)
        self._calls = tuple(calls)
        self._borders = borders
        self._is_open = is_open
        self._is_closed = is_closed
        self._remote = remote
        self._clock = clock or SystemClock()

    def run(
        self,
        workspace: Workspace,
        text: str,
        options: QueryOptions = DEFAULT,
        cancellation: Cancellation | None = None,
        *,
        workspaces: WorkspaceNamed | None = None,
        also: Sequence[Workspace] = (),
        within: Confined | None = None,
    ) -> Answer:
        """The answer to `text`; each of its tables is computed when its rows are asked for.

        `workspaces` finds the other workspaces that the caller may read; without it there are none.
        With `also` a table is the rows of all tables of its name there too. `within` is the process that computes it.
        Raises `SourceError` for a text that can't be understood. The time limit begins here.
        """
        deadline = monotonic() + options.timeout.total_seconds()
        if within is not None:
            workspace.here("running a query in a process of its own")
        if workspace.remote and self._remote is not None and not also:
            asked = _asked(text, options, options.timeout, cancellation)
            return self._given(self._remote.ask(workspace.name, asked), options, deadline, cancellation)
        tables = self.visible(workspace, workspaces, also, options, cancellation)
        compiled = self._compile(text, tables, options, deadline, cancellation, within)
        bounds = bounded(options, compiled.options)
        return Answer(
            tuple(
                ResultTable(
                    within or self._engine,
                    table,
                    tables.readings(table, self._engine, timedelta(seconds=max(deadline - monotonic(), 0))),
                    bounds,
                    deadline,
                    cancellation,
                )
                for table in compiled.results
            ),
            compiled.options,
            tables.texts,
        )

    @property
    def engine(self) -> Database:
        """What runs them."""
        return self._engine

    def instead(self, source: TableSource) -> Queries:
        """Queries over other tables, with the same functions and watchlists, and nothing beyond the workspace."""
        own = {id(call) for call in self._calls}
        calls = (s for s in self._sources if id(s) in own)
        return Queries(self._engine, (source, *calls), self._clock, self._functions, self._calls, is_open=self._is_open)

    def isolated(self, sources: Sequence[TableSource], calls: Sequence[CallSource], clock: Clock) -> Queries:
        """Queries over these tables and watchlists alone, by that clock, with the same functions."""
        return Queries(self._engine, sources, clock, self._functions, calls, is_open=self._is_open)

    def confined(self, memory: int, cpu: int) -> Confined:
        """A process in which queries run with at most so many bytes, and seconds of processors; end it with `with`."""
        return self._engine.confined(memory, cpu)

    def check(self, workspace: Workspace, text: str) -> None:
        """Raise `SourceError` for a query that the workspace doesn't understand."""
        if workspace.remote and self._remote is not None:
            self._remote.columns(workspace.name, text)
            return
        deadline = monotonic() + DEFAULT.timeout.total_seconds()
        self._compile(text, self.visible(workspace, fetch=False), DEFAULT, deadline)

    def worth_asking(
        self,
        workspace: Workspace,
        text: str,
        moments: Sequence[datetime],
        period: timedelta,
        cancellation: Cancellation | None = None,
    ) -> list[bool]:
        """For each moment whether the query, over the rows of the `period` before it, can have an answer.

        True where nobody knows. Rows may have come or gone since: only what holds of them all may rest on this.
        """
        from huntlake.kql.compiler import compile_occasions
        from huntlake.workspace.occasions import minutes_of, worth

        if not moments or workspace.remote:
            return [True] * len(moments)
        tables = self.visible(workspace)
        try:
            occasions = compile_occasions(text, tables, period, min(moments), max(moments))
        except SourceError:
            # What it means is told by the data of each moment, or it means nothing, as whoever asks it will hear.
            return [True] * len(moments)
        minutes = []
        for one in occasions.sightings:
            readings = tables.readings(one.table, self._engine)
            sql = one.table.sql(_selects(readings))
            rows = self._engine.table(sql, timeout=DEFAULT.timeout, cancellation=cancellation)
            minutes.append(minutes_of(rows.column(0)))
        return worth(occasions, minutes, moments)

    @contextmanager
    def over(
        self,
        workspace: Workspace,
        rows: pyarrow.Table,
        text: str,
        columns: tuple[Column, ...] | None = None,
        options: QueryOptions | None = None,
    ) -> Iterator[Answer]:
        """The answer to `text` where `Rows` is the only table; good within the block.

        Without `columns` its columns are texts; without `options` nothing bounds the answer.
        """
        named = tuple(Column(n, ScalarType.STRING) for n in rows.column_names) if columns is None else columns
        given = GivenRows(f"given {uuid4()}", named)
        self._engine.keep(given.name, rows)
        try:
            bounds = options or QueryOptions(max_rows=None, max_bytes=None)
            yield Queries(self._engine, [given], self._clock).run(workspace, text, bounds)
        finally:
            self._engine.forget(given.name)

    def explain(
        self,
        workspace: Workspace,
        text: str,
        options: QueryOptions = DEFAULT,
        cancellation: Cancellation | None = None,
        *,
        workspaces: WorkspaceNamed | None = None,
    ) -> tuple[Explanation, ...]:
        """How each table of the answer would be computed. Only what the compiler must ask the data is run."""
        workspace.here("explaining a query")
        deadline = monotonic() + options.timeout.total_seconds()
        tables = self.visible(workspace, workspaces, options=options, fetch=False)
        explained = []
        for table in self._compile(text, tables, options, deadline, cancellation).results:
            readings = tables.readings(table, self._engine, run=False)
            sql = table.sql(_selects(readings))
            scans = tuple(
                ScanExplanation(
                    scan.workspace or workspace.name,
                    scan.table,
                    tuple(c.name for c in scan.columns),
                    scan.since,
                    scan.until,
                    readings[scan.relation].files,
                    readings[scan.relation].whole,
                )
                for scan in table.scans
            )
            explained.append(Explanation(table.name, tuple(table.columns), sql, self._engine.plan(sql), scans))
        return tuple(explained)

    def visible(
        self,
        workspace: Workspace,
        workspaces: WorkspaceNamed | None = None,
        also: Sequence[Workspace] = (),
        options: QueryOptions = DEFAULT,
        cancellation: Cancellation | None = None,
        *,
        fetch: bool = True,
    ) -> Visible:
        """What a query of `workspace` can see: its tables, functions and watchlists; of those in `also` the tables.

        Rows of remote workspaces are asked for as `options` say; without `fetch` these have none.
        """
        sources: Sequence[TableSource] = self._sources
        elsewhere = None
        if self._remote is not None:
            from huntlake.workspace.remote.tables import RemoteTables

            deadline = monotonic() + options.timeout.total_seconds()
            asked = _asked("", options, options.timeout, cancellation)
            elsewhere = RemoteTables(self._remote, self._engine, asked, deadline, fetch)
            if workspace.remote and not also:
                sources = (elsewhere,)
        if also:
            sources = (Together(workspace.name, tuple(w.name for w in also), sources, elsewhere),)
        return Visible(
            workspace,
            workspaces,
            sources,
            self._functions,
            self._calls,
            self._borders,
            self._is_open,
            elsewhere,
            lambda table: self._is_closed(table) and not options.opens(table),
        )

    def _given(
        self,
        given: Sequence[Given],
        options: QueryOptions,
        deadline: float,
        cancellation: Cancellation | None,
    ) -> Answer:
        """Tables that somebody else has made, as an answer of ours."""
        from huntlake.kql.compiler import compile_kql

        tables = []
        for one in given:
            kept = KeptRows(self._engine, f"remote {uuid4()}", one.rows)
            rows = Visible(_NOWHERE, None, (GivenRows(kept.name, one.columns, kept),))
            (compiled,) = compile_kql(GIVEN, rows).results
            table = replace(compiled, name=one.name, visualization=one.visualization)
            readings = rows.readings(table, self._engine)
            tables.append(ResultTable(self._engine, table, readings, options, deadline, cancellation, one.cut))
        return Answer(tuple(tables))

    def _compile(
        self,
        text: str,
        tables: Visible,
        options: QueryOptions,
        deadline: float,
        cancellation: Cancellation | None = None,
        within: Confined | None = None,
    ) -> Compiled:
        from huntlake.kql.compiler import compile_kql

        def probe(table: CompiledTable) -> Sequence[tuple[object, ...]]:
            # Rows in memory last as long as their readings.
            readings = tables.readings(table, self._engine, _left(deadline))
            sql = table.sql(_selects(readings))
            engine = within or self._engine
            with engine.stream(sql, timeout=_left(deadline), cancellation=cancellation) as rows:
                return [tuple(row.values()) for batch in rows for row in batch.to_pylist()]

        now = options.now or self._clock.now()
        since, until = (None if t is None else ticks_of(t) for t in (options.since, options.until))
        late = None if options.late is None else round(options.late.total_seconds() * TICKS_PER_SECOND)
        period = Period(options.time_column, since, until, late)
        return compile_kql(
            text,
            tables,
            parameters=options.parameters,
            now=now,
            probe=probe,
            period=period,
            contents=tables,
            read=self._reader(tables, options, now),
        )

    def _reader(self, tables: Visible, options: QueryOptions, now: datetime) -> Read | None:
        """Sends the parts of a query that a remote workspace can answer whole there."""
        if tables.elsewhere is None:
            return None

        def read(source: Source, query: nodes.Query) -> nodes.Query:
            # Most queries name no other place, and needn't wait for this.
            if not _PLACE.search(source.text):
                return query
            from huntlake.workspace.remote.subqueries import parted
            from huntlake.workspace.remote.tables import RemoteTables

            assert isinstance(tables.elsewhere, RemoteTables)
            bounded = options.since is not None or options.until is not None
            query, parts = parted(source, query, tables.remote, whole=not bounded)
            tables.elsewhere.add(source, parts, now)
            return query

        return read


@dataclass(frozen=True)
class ScanExplanation:
    """One table that a query reads: which columns, between which times, from which files."""

    workspace: str
    table: str
    columns: tuple[str, ...]
    since: datetime | None
    until: datetime | None
    files: tuple[DataFile, ...]
    whole: Size = NO_SIZE
    """All files of the table, of which those are left that may hold an answer."""

    @property
    def read(self) -> Size:
        """What is read of the files, at most."""
        return size_of(self.files)


@dataclass(frozen=True)
class Reads:
    """What a query read of the tables that it names, at most, and all that they have.

    A table that it names twice counts twice. The times are those of the files that were read.
    """

    read: Size
    whole: Size
    since: datetime | None
    until: datetime | None


@dataclass(frozen=True)
class Explanation:
    """How one table of an answer is computed."""

    name: str
    columns: tuple[Column, ...]
    sql: str
    plan: str
    scans: tuple[ScanExplanation, ...]


@dataclass(frozen=True)
class Answer:
    """The tables that a query answers with, one for each of its tabular statements."""

    tables: tuple[ResultTable, ...]
    settings: Mapping[str, object] = field(default_factory=dict)
    """What the text itself sets by `set`, by lower-case name."""
    functions: Mapping[str, str] = field(default_factory=dict)
    """The texts of the functions of its workspace that it was read with."""


class ResultTable:
    """One table of an answer. Its rows are computed each time they are asked for, and not kept."""

    def __init__(
        self,
        engine: Database | Confined,
        table: CompiledTable,
        readings: Mapping[str, Reading],
        options: QueryOptions,
        deadline: float,
        cancellation: Cancellation | None,
        cut: LimitExceeded | None = None,
    ) -> None:
        self.name: str = table.name
        self.columns: tuple[Column, ...] = tuple(table.columns)
        self.visualization: Mapping[str, object] | None = table.visualization
        self.truncated_by: LimitExceeded | None = None
        """The limit that cut the rows short; known once they are read."""
        self.row_count = 0
        self.byte_count = 0
        self._engine = engine
        self._table = table
        self._readings = readings
        self._read = readings
        self._options = options
        self._deadline = deadline
        self._cancellation = cancellation
        self._cut = cut

    @property
    def file_bytes(self) -> int:
        """Bytes of the files that are read, at most: of files of which it reads some rows, their part."""
        return size_of([f for reading in self._readings.values() for f in reading.files]).bytes

    @property
    def reads(self) -> Reads:
        """What is read of the lake's files; once the rows are there, without what was left out for their sake."""
        readings = self._read.values()
        files = [f for reading in readings for f in reading.files]
        wholes = [reading.whole for reading in readings]
        return Reads(
            size_of(files),
            Size(sum(w.files for w in wholes), sum(w.rows for w in wholes), sum(w.bytes for w in wholes)),
            min((f.since for f in files if f.since), default=None),
            max((f.until for f in files if f.until), default=None),
        )

    def json_rows(self) -> Iterator[bytes]:
        """The rows as JSON arrays in the forms of Kusto's v2 answer, in chunks such as `[1,"a"],[2,"b"]`.

        Neither end of a chunk has a comma: the reader puts one between two chunks, each of which has a row.
        """
        return self._chunks(self._json_sql)

    def json_objects(self) -> Iterator[bytes]:
        """The rows as JSON objects by column name, in chunks such as `{"x":1},{"x":2}`; else like `json_rows`."""
        return self._chunks(lambda: wire.json_objects(self._varying_sql(), self.columns, self._table.constants))

    def _chunks(self, sql: Callable[[], str]) -> Iterator[bytes]:
        limits = self._limits()
        held: list[bytes] = []
        size = 0
        for batch in self._batches(sql):
            rows = limits.cut(batch.column(0))
            held.append(rows)
            size += len(rows)
            # Where a limit is met between two batches, nothing is left to send: a comma would stand before no row.
            if size and (size >= CHUNK or limits.reached):
                yield _chunk(held)
                held, size = [], 0
            if limits.reached:
                return
        self.truncated_by = self._cut
        if size:
            yield _chunk(held)

    def arrow(self, *, bounded: bool = False) -> pyarrow.RecordBatchReader:
        """The rows as Arrow batches in the physical forms of their types.

        Only the limit on rows applies, unless they are `bounded`: then that on bytes counts those of the batches.
        """
        import pyarrow as pa

        schema = pa.schema([pa.field(c.name, physical_type(c.type)) for c in self.columns])
        return pa.RecordBatchReader.from_batches(schema, self._arrow_batches(schema, bounded))

    def _arrow_batches(self, schema: pyarrow.Schema, bounded: bool) -> Iterator[pyarrow.RecordBatch]:
        import pyarrow as pa

        limits = self._limits()
        for batch in self._batches(self._sql):
            rows = limits.take(limits.fitting(batch) if bounded else batch.num_rows)
            arrays = [
                array if array.type == field.type else array.cast(field.type)
                for array, field in zip(batch.slice(0, rows).columns, schema, strict=True)
            ]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)
            if limits.reached:
                return
        self.truncated_by = self._cut

    def _batches(self, sql: Callable[[], str]) -> Iterator[pyarrow.RecordBatch]:
        if self._table.empty:
            return
        with self._engine.stream(sql(), timeout=_left(self._deadline), cancellation=self._cancellation) as rows:
            yield from rows

    def _sql(self) -> str:
        return self._taken(self._table.sql(self._sources()))

    def _json_sql(self) -> str:
        constants, as_text = self._table.constants, self._options.dynamic_as_text
        return wire.json_rows(self._varying_sql(), self.columns, constants, dynamic_as_text=as_text)

    def _varying_sql(self) -> str:
        return self._taken(self._table.varying_sql(self._sources()))

    def _sources(self) -> dict[str, str]:
        self._read = narrowed(self._table, self._readings, self._places)
        return _selects(self._read)

    def _taken(self, sql: str) -> str:
        return sql if self._options.take is None else f"select * from ({sql}) limit {self._options.take}"

    def _places(self, sql: str) -> Iterator[int]:
        for batch in self._batches(lambda: sql):
            yield from batch.column(0).to_pylist()

    def _limits(self) -> _Limits:
        self.truncated_by, self.row_count, self.byte_count = None, 0, 0
        return _Limits(self, self._options.max_rows, self._options.max_bytes)


class _Limits:
    """Counts rows and bytes into a table, and cuts where a limit is met."""

    def __init__(self, table: ResultTable, rows: int | None, size: int | None) -> None:
        self._table = table
        self._rows = rows
        self._bytes = size

    @property
    def reached(self) -> bool:
        return self._table.truncated_by is not None

    def take(self, rows: int) -> int:
        """How many of the next `rows` fit."""
        table = self._table
        if self._rows is not None and table.row_count + rows > self._rows:
            table.truncated_by = LimitExceeded(_too_large(f"{self._rows} records"))
            rows = self._rows - table.row_count
        table.row_count += rows
        return rows

    def fitting(self, batch: pyarrow.RecordBatch) -> int:
        """How many of a batch's rows fit by their bytes, which are taken to be alike."""
        table, rows, size = self._table, int(batch.num_rows), int(batch.nbytes)
        left = size if self._bytes is None else self._bytes - table.byte_count
        if size > left:
            table.truncated_by = LimitExceeded(_too_large(f"{self._bytes} bytes"))
            rows = rows * left // size
        table.byte_count += size * rows // max(batch.num_rows, 1)
        return rows

    def cut(self, texts: Any) -> bytes:
        """The bytes of an Arrow array of texts, each of which ends with a comma, as far as they fit."""
        table = self._table
        # DuckDB's rows lie in one run: with their commas they are already what the client reads.
        _, offsets, data = texts.buffers()
        ends = memoryview(offsets).cast("i") if offsets else memoryview(struct.pack("i", 0)).cast("i")
        first, last = texts.offset, texts.offset + len(texts)
        start = ends[first]
        if self._bytes is not None and table.byte_count + ends[last] - start > self._bytes:
            table.truncated_by = LimitExceeded(_too_large(f"{self._bytes} bytes"))
            last = bisect_right(ends, start + self._bytes - table.byte_count, first, last) - 1
        last = first + self.take(last - first)
        size = ends[last] - start
        table.byte_count += size
        return bytes(memoryview(data)[start : start + size]) if size else b""


def bounded(options: QueryOptions, settings: Mapping[str, object]) -> QueryOptions:
    """`options` with what the query's own `set` statements ask: of two limits the lower holds.

    `notruncation` lifts the limits, unless the query also sets one.
    """
    rows, size = _number(settings, "truncationmaxrecords"), _number(settings, "truncationmaxsize")
    take = _number(settings, "query_take_max_records")
    if rows is None and size is None and settings.get("notruncation", False) not in (False, None):
        return replace(options, max_rows=None, max_bytes=None, take=_lower(options.take, take))
    return replace(
        options,
        max_rows=_lower(options.max_rows, rows),
        max_bytes=_lower(options.max_bytes, size),
        take=_lower(options.take, take),
    )


def size_of(files: Sequence[DataFile]) -> Size:
    """How much is read of some files: of bytes the part that the rows are which are read."""
    return Size(len(files), sum(f.read for f in files), sum(f.bytes * f.read // max(f.rows, 1) for f in files))


def physical_type(type: ScalarType) -> pyarrow.DataType:
    """The Arrow type of a KQL type's physical form."""
    import pyarrow as pa

    match type:
        case ScalarType.BOOL:
            return pa.bool_()
        case ScalarType.INT:
            return pa.int32()
        case ScalarType.LONG | ScalarType.TIMESPAN:
            return pa.int64()
        case ScalarType.REAL:
            return pa.float64()
        case ScalarType.DECIMAL:
            return pa.decimal128(38, 18)
        case ScalarType.DATETIME:
            return pa.timestamp("us")
        case ScalarType.STRING | ScalarType.GUID | ScalarType.DYNAMIC:
            return pa.string()


def _asked(text: str, options: QueryOptions, timeout: timedelta, cancellation: Cancellation | None) -> Asked:
    return Asked(
        text,
        timeout,
        options.max_rows,
        options.max_bytes,
        options.take,
        options.parameters,
        options.now,
        options.time_column,
        options.since,
        options.until,
        cancellation,
    )


def _selects(readings: Mapping[str, Reading]) -> dict[str, str]:
    return {relation: reading.sql for relation, reading in readings.items()}


def _left(deadline: float) -> timedelta:
    left = deadline - monotonic()
    if left <= 0:
        raise TimedOut(TOO_LONG)
    return timedelta(seconds=left)


def _chunk(rows: list[bytes]) -> bytes:
    return b"".join(rows)[:-1]


def _number(settings: Mapping[str, object], name: str) -> int | None:
    value = settings.get(name)
    if value is None:
        return None
    try:
        number = int(str(value))
    except ValueError:
        number = 0
    if number < 1:
        raise Invalid(f"the option `{name}` takes a number above 0, not `{value}`")
    return number


def _lower(one: int | None, other: int | None) -> int | None:
    known = [n for n in (one, other) if n is not None]
    return min(known) if known else None


def _too_large(limit: str) -> str:
    return (
        "Query execution has exceeded the allowed limits (80DA0003): The results of this query exceed the set limit "
        f"of {limit}, so not all records were returned (E_QUERY_RESULT_SET_TOO_LARGE)."
    )
