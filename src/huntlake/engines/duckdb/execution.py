"""One running query: its rows as they come, its time limit, and how it is ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from huntlake.core.errors import Cancelled, DomainError, TimedOut
from huntlake.engines.cancellation import Cancellation
from huntlake.engines.duckdb.errors import translate
from huntlake.engines.duckdb.watch import Watch, Watched

if TYPE_CHECKING:
    import pyarrow

TOO_LONG = "Query execution took longer than the assigned timeout and has been aborted."
STOPPED = "Query execution was cancelled."

BATCH_ROWS = 2048
"""DuckDB's own vector size: a larger batch is only copied together."""


class MadeWay(Exception):
    """The query stood in the way of others before it had any rows: it is to run apart from them."""


class Execution:
    """The rows of one SELECT, read while the engine makes them; use it in a `with` block.

    Opening it waits for the first rows, so that most failures show before any row is passed on.
    The time limit runs from opening to the last row. Until then `in_the_way` is asked about a query that is long;
    where it says so, `MadeWay` is raised.
    """

    def __init__(
        self,
        cursor: Any,
        sql: str,
        watch: Watch,
        timeout: timedelta | None = None,
        cancellation: Cancellation | None = None,
        in_the_way: Callable[[], bool] | None = None,
    ) -> None:
        self._cursor = cursor
        self._watched: Watched | None = None
        self._cancellation = cancellation
        self._ends = ExitStack()
        self._ends.callback(cursor.close)
        try:
            if timeout is not None or cancellation is not None:
                self._begin(watch, timeout, cancellation, in_the_way)
            self._stop_if_ended()
            # A SELECT may hold `WITH x AS (INSERT …)`: only a read-only transaction rules writing out.
            cursor.execute("begin transaction read only")
            # What `cursor.sql(…).to_arrow_reader` does in the end, without binding the query once more before.
            with self._working():
                self._reader = cursor._submit(sql, None, "stream", BATCH_ROWS).arrow_reader()
            self.schema: pyarrow.Schema = self._reader.schema
            self._stop_if_ended()
            if self._watched is not None and not self._watched.stays():
                raise MadeWay
        except Exception as error:
            self.close()
            if self._made_way:
                raise MadeWay from None
            raise self._explained(error) from error

    def __iter__(self) -> Iterator[pyarrow.RecordBatch]:
        try:
            # An interrupt between two batches is lost to the engine, and so is asked for here.
            while (batch := self._next()) is not None:
                self._stop_if_ended()
                yield batch
        except Exception as error:
            raise self._explained(error) from error
        finally:
            self.close()

    def _next(self) -> pyarrow.RecordBatch | None:
        # Each time it may be another thread that asks.
        with self._working():
            return next(self._reader, None)

    def _working(self) -> AbstractContextManager[None]:
        return nullcontext() if self._watched is None else self._watched.working()

    def close(self) -> None:
        """Give the engine's memory back; what wasn't read is not computed."""
        self._ends.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def _made_way(self) -> bool:
        ended = self._cancellation is not None and self._cancellation.cancelled
        return not ended and self._watched is not None and self._watched.made_way and not self._watched.timed_out

    def _begin(
        self,
        watch: Watch,
        timeout: timedelta | None,
        cancellation: Cancellation | None,
        in_the_way: Callable[[], bool] | None,
    ) -> None:
        seconds = None if timeout is None else max(0.0, timeout.total_seconds())
        self._watched = watch.over(self._cursor, seconds, in_the_way)
        # Before the cursor closes: interrupting a closed one is an error.
        self._ends.callback(self._watched.over)
        if cancellation is not None:
            self._ends.enter_context(cancellation.watched(self._watched.cancel))

    def _stop_if_ended(self) -> None:
        if self._cancellation is not None and self._cancellation.cancelled:
            raise Cancelled(STOPPED)
        if self._watched is not None and self._watched.timed_out:
            raise TimedOut(TOO_LONG)

    def _explained(self, error: Exception) -> DomainError:
        if isinstance(error, DomainError):
            return error
        if self._cancellation is not None and self._cancellation.cancelled:
            return Cancelled(STOPPED)
        if self._watched is not None and self._watched.timed_out:
            return TimedOut(TOO_LONG)
        return translate(error)
