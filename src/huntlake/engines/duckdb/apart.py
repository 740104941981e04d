"""Queries in another process, whose memory, turns at Python and rank are its own: there they hold up nobody here.

Each query has a connection. What is sent: a line of JSON, then a stream of Arrow for each table in memory that it
reads. What comes: one byte, the rows as a stream of Arrow if there are any, and a line of JSON that tells how it
ended. Whoever hangs up ends the query; a process that ends without that line had not the memory.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from huntlake.core.errors import Cancelled, DomainError, LimitExceeded, TimedOut
from huntlake.engines.cancellation import Cancellation
from huntlake.engines.duckdb.execution import STOPPED, TOO_LONG
from huntlake.engines.errors import EngineDefect, LowMemory, QueryFailed
from huntlake.engines.geography import Geography, MaxMindFile, NetworkTable, Nowhere

if TYPE_CHECKING:
    import pyarrow

ROWS, NO_ROWS = b"R", b"N"
"""The first byte of what comes: whether rows follow."""

SHARE = 3
"""The other process may have that part of the memory that the engine here may have."""

_GRACE = 5.0
"""Seconds after its time limit in which a query must have ended, or its process is ended."""

_ERRORS: dict[str, type[DomainError]] = {
    error.__name__: error for error in (TimedOut, Cancelled, LimitExceeded, QueryFailed, EngineDefect)
}


@dataclass(frozen=True)
class Settings:
    """What the other process must know. `memory` and `spill` are for it alone; None leaves the engine's default."""

    readable: tuple[Path, ...]
    memory: str | None
    threads: int | None
    spill: Path | None
    spill_size: str
    geography: Geography
    most_memory: int | None = None
    """Bytes of all that the process may have, the interpreter among it: the kernel gives no more."""
    most_cpu: int | None = None
    """Seconds of processors after which the kernel ends the process."""

    def text(self) -> str | None:
        """These settings as one line; None where the geography can't be told to another process."""
        match self.geography:
            case Nowhere():
                places = ""
            case NetworkTable(path):
                places = f"table:{path}"
            case MaxMindFile():
                places = f"file:{self.geography.path}"
            case _:
                return None
        told = {
            "readable": [str(p.absolute()) for p in self.readable],
            "memory": self.memory,
            "threads": self.threads,
            "spill": str(self.spill.absolute()) if self.spill else None,
            "spill_size": self.spill_size,
            "places": places,
            "most_memory": self.most_memory,
            "most_cpu": self.most_cpu,
        }
        return json.dumps(told)

    @classmethod
    def of(cls, text: str) -> Settings:
        """The settings that `text` gave a line for."""
        told = json.loads(text)
        kind, _, path = told["places"].partition(":")
        geography: Geography = Nowhere()
        if kind:
            geography = NetworkTable(Path(path)) if kind == "table" else MaxMindFile(Path(path))
        return cls(
            tuple(map(Path, told["readable"])),
            told["memory"],
            told["threads"],
            Path(told["spill"]) if told["spill"] else None,
            told["spill_size"],
            geography,
            told["most_memory"],
            told["most_cpu"],
        )


class Apart:
    """The other process: begun by the first query that is for it, and anew when it has ended."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.text() if sys.executable and hasattr(socket, "send_fds") else None
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    @property
    def possible(self) -> bool:
        """Whether queries can run in another process here."""
        return self._settings is not None

    def run(
        self,
        sql: str,
        kept: Mapping[str, pyarrow.Table],
        timeout: timedelta | None,
        cancellation: Cancellation | None,
    ) -> ExecutionApart:
        """Run one SELECT there; `kept` are the tables in memory that it reads. Raises as `Execution` does."""
        seconds = None if timeout is None else timeout.total_seconds()
        if seconds is not None and seconds <= 0:
            raise TimedOut(TOO_LONG)
        question = json.dumps({"sql": sql, "seconds": seconds, "kept": list(kept)}).encode() + b"\n"
        return ExecutionApart(self, question, kept.values(), seconds, cancellation)

    def connected(self) -> socket.socket:
        """A connection to the process, which is begun if there is none."""
        own, given = socket.socketpair()
        with self._lock, given:
            for again in (True, False):
                try:
                    if self._control is None or self._process is None or self._process.poll() is not None:
                        self._begin()
                    assert self._control is not None
                    socket.send_fds(self._control, [b"q"], [given.fileno()])
                    return own
                except OSError:
                    self._end()
                    if not again:
                        own.close()
                        raise LowMemory() from None
        raise AssertionError

    def end(self) -> None:
        """End the process, and with it every query that it runs."""
        with self._lock:
            self._end()

    @property
    def ended_by(self) -> int | None:
        """The signal that has ended the process; None where none has, or there is no process."""
        process = self._process
        if process is None:
            return None
        with suppress(subprocess.TimeoutExpired):
            # What it held breaks off a little before it is gone.
            process.wait(1.0)
        return -process.returncode if process.returncode is not None and process.returncode < 0 else None

    def _begin(self) -> None:
        self._end()
        assert self._settings is not None
        control, given = socket.socketpair()
        with given:
            # `-P`: a file of the folder that the server was started in is no module.
            command = [sys.executable, "-P", "-m", "huntlake.engines.duckdb.apart_process", str(given.fileno())]
            self._process = subprocess.Popen(
                command,
                pass_fds=(given.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                # It ends when this process does, and not by the Ctrl-C that this one may wish to think about.
                start_new_session=True,
            )
        self._control = control
        control.sendall(self._settings.encode() + b"\n")

    def _end(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class ExecutionApart:
    """The rows of one SELECT that another process makes; used as an `Execution` is."""

    def __init__(
        self,
        apart: Apart,
        question: bytes,
        kept: Sequence[pyarrow.Table] | Any,
        seconds: float | None,
        cancellation: Cancellation | None,
    ) -> None:
        import pyarrow as pa

        self._apart, self._cancellation = apart, cancellation
        self._ends = ExitStack()
        self._over = False
        try:
            connection = apart.connected()
            self._ends.callback(connection.close)
            if seconds is not None:
                connection.settimeout(seconds + _GRACE)
            if cancellation is not None:
                self._ends.enter_context(cancellation.watched(lambda: _hung_up(connection)))
            self._file = self._ends.enter_context(connection.makefile("rb"))
            connection.sendall(question)
            with connection.makefile("wb") as out:
                for table in kept:
                    with pa.ipc.new_stream(out, table.schema) as writer:
                        writer.write_table(table)
            if self._file.read(1) != ROWS:
                self._finish()
                raise EngineDefect("the other process told of no failure, and gave no rows")
            self._reader = pa.ipc.open_stream(self._file)
            self.schema: pyarrow.Schema = self._reader.schema
        except Exception as error:
            self.close()
            raise self._explained(error) from error

    def __iter__(self) -> Iterator[pyarrow.RecordBatch]:
        try:
            while (batch := next(self._reader, None)) is not None:
                if self._cancellation is not None and self._cancellation.cancelled:
                    raise Cancelled(STOPPED)
                yield batch
            self._finish()
        except Exception as error:
            raise self._explained(error) from error
        finally:
            self.close()

    def close(self) -> None:
        """Hang up: what wasn't read is not computed."""
        self._ends.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _finish(self) -> None:
        """Read how the query ended, and raise if that was badly."""
        line = self._file.readline()
        if not line.endswith(b"\n"):
            raise LowMemory()
        told = json.loads(line)
        if not told:
            return
        error = _ERRORS.get(told["error"])
        raise LowMemory() if error is None else error(told["message"])

    def _explained(self, error: Exception) -> DomainError:
        if self._cancellation is not None and self._cancellation.cancelled:
            return Cancelled(STOPPED)
        if isinstance(error, TimeoutError):
            # It doesn't even hear its own clock: nothing else that runs there does.
            self._apart.end()
            return TimedOut(TOO_LONG)
        # A stream that breaks off is that of a process which has ended.
        return error if isinstance(error, DomainError) else LowMemory()


def part_of(memory: str | None) -> str | None:
    """The part of the engine's memory that the other process may have; None where the engine's default holds."""
    number = re.fullmatch(r"\s*([0-9.]+)\s*([A-Za-z]*)\s*", memory or "")
    return f"{float(number[1]) / SHARE:.3f}{number[2] or 'B'}" if number else None


def _hung_up(connection: socket.socket) -> None:
    # It may be closed by now.
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
