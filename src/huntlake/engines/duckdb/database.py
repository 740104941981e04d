"""The DuckDB database of this process: opened once, locked down, a cursor for each query."""

from __future__ import annotations

import re
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from threading import Lock
from time import monotonic, sleep
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from huntlake.core.errors import Invalid, TimedOut
from huntlake.engines.cancellation import Cancellation
from huntlake.engines.duckdb import udf
from huntlake.engines.duckdb.apart import Apart, ExecutionApart, Settings, part_of
from huntlake.engines.duckdb.crowd import Crowd
from huntlake.engines.duckdb.errors import translate
from huntlake.engines.duckdb.execution import TOO_LONG, Execution, MadeWay
from huntlake.engines.duckdb.plans import drawn
from huntlake.engines.duckdb.watch import Watch
from huntlake.engines.errors import EngineDefect, LowMemory
from huntlake.engines.geography import Geography, Nowhere
from huntlake.engines.workers import owner_of_work

if TYPE_CHECKING:
    import pyarrow


@dataclass(frozen=True)
class Bounds:
    """What the engine may use; None leaves DuckDB's default. Sizes are texts such as `4GB` or `512MiB`.

    `spill` is the folder for what doesn't fit into memory; without one a query that needs it fails.
    """

    memory: str | None = None
    threads: int | None = None
    spill: Path | None = None
    spill_size: str = "20GB"


class Database:
    """Runs SELECTs over the files below `readable`, and nothing else.

    The database is opened by the first query. `close` may be called more than once. A query that is long while others
    ask than those it works for goes on, from its beginning, in another process.
    """

    def __init__(
        self,
        readable: Sequence[Path] = (),
        bounds: Bounds = Bounds(),
        geography: Geography | None = None,
    ) -> None:
        self._readable = tuple(readable)
        self._bounds = bounds
        geography = geography or Nowhere()
        self._geography = geography
        self._functions = udf.functions(geography)
        self._registered: set[str] = set()
        self._lock = Lock()
        self._connection: Any = None
        self._watch = Watch()
        self._crowd = Crowd()
        spill = bounds.spill and bounds.spill / "apart"
        memory = part_of(bounds.memory)
        self._apart = Apart(Settings(self._readable, memory, bounds.threads, spill, bounds.spill_size, geography))

    def stream(
        self, sql: str, *, timeout: timedelta | None = None, cancellation: Cancellation | None = None
    ) -> Execution | ExecutionApart:
        """Run one SELECT; its rows come as Arrow batches while the engine makes them.

        Raises `QueryFailed`, `LimitExceeded`, `TimedOut` or `Cancelled`, here or while rows are read. A query that
        finds no memory at its beginning waits a little for what the others have, and tries again.
        """
        owner = owner_of_work()
        self._crowd.asks(owner)
        apart = self._apart.possible and bool(owner)
        if apart and self._crowd.makes_way(owner):
            self._crowd.was_long(owner)
            return self._run_apart(sql, timeout, cancellation)
        in_the_way = (lambda: self._crowd.others_ask(owner)) if apart else None
        for wait in _WAITS:
            began = monotonic()
            try:
                return self._stream(sql, timeout, cancellation, in_the_way)
            except MadeWay:
                self._crowd.was_long(owner)
                timeout = timeout and timeout - timedelta(seconds=monotonic() - began)
                return self._run_apart(sql, timeout, cancellation)
            except LowMemory:
                # One that has long been at work took the memory itself.
                if monotonic() - began > _BRIEF or not self._watch.busy:
                    raise
            if timeout is not None and timeout.total_seconds() <= monotonic() - began + wait:
                raise TimedOut(TOO_LONG)
            sleep(wait)
            timeout = timeout and timeout - timedelta(seconds=monotonic() - began)
        return self._stream(sql, timeout, cancellation)

    def confined(self, memory: int, cpu: int) -> Confined:
        """A process of its own for some queries over the same files, with so many bytes and seconds of processors."""
        threads = min(self._bounds.threads or _THREADS_CONFINED, _THREADS_CONFINED)
        # What the interpreter, its libraries and the rows on their way take.
        most = memory + _BESIDE
        settings = Settings(self._readable, f"{memory}B", threads, None, "0B", self._geography, most, cpu)
        return Confined(Apart(settings), self._kept_named)

    def _kept_named(self, sql: str) -> dict[str, pyarrow.Table]:
        names = {name.replace('""', '"') for name in _KEPT.findall(sql) if name}
        return {name: self._kept_rows(name) for name in sorted(names)}

    def _run_apart(self, sql: str, timeout: timedelta | None, cancellation: Cancellation | None) -> ExecutionApart:
        return self._apart.run(sql, self._kept_named(sql), timeout, cancellation)

    def _kept_rows(self, name: str) -> pyarrow.Table:
        cursor = self._cursor()
        try:
            rows: pyarrow.Table = cursor.sql(f"select * from {kept(name)}").to_arrow_table()
        except _duckdb_error() as error:
            raise translate(error) from error
        finally:
            cursor.close()
        return rows

    def _stream(
        self,
        sql: str,
        timeout: timedelta | None,
        cancellation: Cancellation | None,
        in_the_way: Callable[[], bool] | None = None,
    ) -> Execution:
        cursor = self._cursor()
        try:
            _check_only_select(cursor, sql)
            self._register_functions(sql)
        except Exception:
            cursor.close()
            raise
        return Execution(cursor, sql, self._watch, timeout, cancellation, in_the_way)

    def table(
        self, sql: str, *, timeout: timedelta | None = None, cancellation: Cancellation | None = None
    ) -> pyarrow.Table:
        """Run one SELECT and keep all of its rows."""
        import pyarrow as pa

        with self.stream(sql, timeout=timeout, cancellation=cancellation) as rows:
            return pa.Table.from_batches(rows, rows.schema)

    def plan(self, sql: str) -> str:
        """DuckDB's plan of one SELECT, as a tree in text; the query isn't run."""
        cursor = self._cursor()
        try:
            _check_only_select(cursor, sql)
            self._register_functions(sql)
            return "\n".join(drawn(row[1]) for row in cursor.execute(f"explain (format json) {sql}").fetchall())
        except _duckdb_error() as error:
            raise translate(error) from error
        finally:
            cursor.close()

    def keep(self, name: str, table: pyarrow.Table) -> None:
        """Hold `table` in memory under `name`, in place of what had that name; queries read it as `kept(name)`."""
        cursor = self._cursor()
        try:
            cursor.register("incoming", table)
            cursor.execute(f"create schema if not exists {KEPT}")
            cursor.execute(f"create or replace table {kept(name)} as select * from incoming")
        except _duckdb_error() as error:
            raise translate(error) from error
        finally:
            cursor.close()

    def forget(self, name: str) -> None:
        """Give back what `keep` holds under `name`; a query that reads it now still ends well."""
        with self._lock:
            if self._connection is None:
                return
        cursor = self._cursor()
        try:
            cursor.execute(f"drop table if exists {kept(name)}")
        except _duckdb_error() as error:
            raise translate(error) from error
        finally:
            cursor.close()

    def close(self) -> None:
        """Give everything back; a query after this opens the database anew, without what was kept."""
        self._apart.end()
        with self._lock:
            if self._connection is not None:
                self._finalizer.detach()
                _close(self._connection)
                self._connection = None
                self._registered.clear()

    def _cursor(self) -> Any:
        with self._lock:
            if self._connection is None:
                self._connection = _opened(self._readable, self._bounds)
                # Left open at the interpreter's end, DuckDB complains of leaks on standard error.
                self._finalizer = weakref.finalize(self, _close, self._connection)
            return self._connection.cursor()

    def _register_functions(self, sql: str) -> None:
        # Registering all of them costs more than most queries: only those named, each once.
        wanted = set(_FUNCTION.findall(sql)) & self._functions.keys() - self._registered
        if not wanted:
            return
        from duckdb import func

        with self._lock:
            for name in sorted(wanted - self._registered):
                function = self._functions[name]
                self._connection.create_function(
                    function.name,
                    function.of_columns(),
                    list(function.parameters),
                    function.returns,
                    type=func.ARROW,
                    null_handling=func.SPECIAL,
                )
                self._registered.add(name)


@dataclass(frozen=True)
class Confined:
    """Runs SELECTs in a process of its own, which is ended with it. `kept` gives the rows in memory that SQL names."""

    process: Apart
    kept: Callable[[str], Mapping[str, pyarrow.Table]]

    def stream(
        self, sql: str, *, timeout: timedelta | None = None, cancellation: Cancellation | None = None
    ) -> ExecutionApart:
        """Run one SELECT, as `Database.stream` does. `Invalid` where there can be no other process."""
        if not self.process.possible:
            raise Invalid("running a query in a process of its own is not supported here")
        return self.process.run(sql, self.kept(sql), timeout, cancellation)

    @property
    def ended_by(self) -> int | None:
        """The signal that has ended the process; None where none has."""
        return self.process.ended_by

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.process.end()


_THREADS_CONFINED = 2
_BESIDE = 768 << 20


def quoted(name: str) -> str:
    """`name` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """`text` as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def kept(name: str) -> str:
    """The table that `Database.keep` made of `name`, as SQL says it."""
    # In a schema of its own: a step of a compiled query may have the same name.
    return f"{KEPT}.{quoted(name)}"


KEPT = "kept"

_WAITS = (0.1, 0.3, 0.9, 2.7)
"""Seconds between one try and the next of a query that found no memory."""
_BRIEF = 2.0

_FUNCTION = re.compile(r"\bhl_\w+")
_KEPT = re.compile(rf'''"[^"]*"|'[^']*'|\b{KEPT}\."((?:[^"]|"")+)"''')
"""What is kept, in the group. Texts and other names are matched too, and so passed over, whatever they hold."""


def _opened(readable: Sequence[Path], bounds: Bounds) -> Any:
    import duckdb

    connection = duckdb.connect(":memory:")
    folders = ", ".join(literal(str(path.absolute()) + "/") for path in readable)
    settings = {
        "TimeZone": "'UTC'",
        "preserve_insertion_order": "true",
        # No file of the lake is ever written twice: its footer is read once.
        "parquet_metadata_cache": "true",
        "python_enable_replacements": "false",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "allow_community_extensions": "false",
        "allow_persistent_secrets": "false",
        "temp_directory": literal(str(bounds.spill) if bounds.spill else ""),
        "allowed_directories": f"[{folders}]",
    }
    if bounds.spill is not None:
        settings["max_temp_directory_size"] = literal(bounds.spill_size)
    if bounds.memory is not None:
        settings["memory_limit"] = literal(bounds.memory)
    if bounds.threads is not None:
        settings["threads"] = str(bounds.threads)
    # The order matters: after these two nothing can be set, and no path can be allowed.
    settings |= {"enable_external_access": "false", "lock_configuration": "true"}
    try:
        for name, value in settings.items():
            connection.execute(f"set {name} = {value}")
    except duckdb.Error as error:
        raise Invalid(f"the engine can't take {name} = {value}: {str(error).partition(': ')[2]}") from error
    return connection


def _close(connection: Any) -> None:
    import duckdb

    # A query that another thread still runs keeps the database: it goes when that ends.
    with suppress(duckdb.Error):
        connection.close()


_PLAIN = re.compile(
    r"""(?:with|select)\b(?:[^'"$;/eE-]++|'[^']*+'|"[^"]*+"|[eE](?!')|-(?!-)|/(?!\*))*+""",
)
"""Text that begins as a SELECT does, and has neither a semicolon nor a comment but in quotes that end as it seems."""

_WRITES = re.compile(r"\b(?:copy|delete|insert|into|merge|pivot|unpivot|update)\b", re.IGNORECASE)
"""What may follow a WITH, besides SELECT, or make several statements of one."""


def _check_only_select(cursor: Any, sql: str) -> None:
    """Raise unless `sql` is exactly one SELECT: whatever the compiler does wrong, nothing else runs."""
    import duckdb

    # DuckDB takes milliseconds to parse what it parses again to run it.
    if _PLAIN.fullmatch(sql) and not _WRITES.search(sql):
        return

    try:
        statements = cursor.extract_statements(sql)
    except duckdb.Error as error:
        raise translate(error) from error
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise EngineDefect("the compiled query is not one SELECT")


def _duckdb_error() -> type[Exception]:
    import duckdb

    error: type[Exception] = duckdb.Error
    return error
