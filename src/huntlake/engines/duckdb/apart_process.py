"""The process in which queries run apart: `python -m huntlake.engines.duckdb.apart_process FD`."""

from __future__ import annotations

import json
import os
import socket
import sys
from contextlib import suppress
from datetime import timedelta
from threading import Lock
from typing import BinaryIO

from huntlake.core.errors import DomainError
from huntlake.engines.cancellation import Cancellation
from huntlake.engines.duckdb.apart import NO_ROWS, ROWS, Settings
from huntlake.engines.duckdb.database import Bounds, Database
from huntlake.engines.errors import LowMemory, QueryFailed
from huntlake.engines.workers import BEHIND, Workers

_MOST_AT_ONCE = 128
"""Threads: two for each query, of which the server has fewer at once."""

_UNPACKED = "ZSTD Decompression failure"
"""What the engine says of a damaged page, and of a whole one for which there is no memory."""


class Shelf:
    """Tables in memory that queries brought: each is given back with the last that reads it."""

    def __init__(self, database: Database) -> None:
        self._database, self._lock = database, Lock()
        self._readers: dict[str, int] = {}

    def take(self, name: str, stream: BinaryIO) -> None:
        """Keep the table that comes by `stream`."""
        import pyarrow as pa

        with pa.ipc.open_stream(stream) as reader:
            rows = reader.read_all()
        with self._lock:
            self._database.keep(name, rows)
            self._readers[name] = self._readers.get(name, 0) + 1

    def give_back(self, name: str) -> None:
        """One query has read it."""
        with self._lock:
            self._readers[name] -= 1
            if not self._readers[name]:
                del self._readers[name]
                self._database.forget(name)


def serve(control: socket.socket) -> None:
    """Answer queries until the other side hangs up."""
    with control.makefile("rb", buffering=0) as first:
        settings = Settings.of(first.readline().decode())
    _confine(settings)
    bounds = Bounds(settings.memory, settings.threads, settings.spill, settings.spill_size)
    database = Database(settings.readable, bounds, settings.geography)
    shelf, workers = Shelf(database), Workers(_MOST_AT_ONCE)
    while True:
        said, given, _, _ = socket.recv_fds(control, 1, 1)
        if not said:
            return
        connection = socket.socket(fileno=given[0])
        try:
            workers.submit(_answer, database, shelf, workers, connection)
        except MemoryError:
            connection.close()


def _answer(database: Database, shelf: Shelf, workers: Workers, connection: socket.socket) -> None:
    with connection, connection.makefile("rb") as question, connection.makefile("wb") as answer:
        kept: list[str] = []
        begun = False
        failure: DomainError | None = None
        try:
            asked = json.loads(question.readline())
            for name in asked["kept"]:
                shelf.take(name, question)
                kept.append(name)
            cancellation = Cancellation()
            workers.submit(_listen, connection, cancellation)
            timeout = None if asked["seconds"] is None else timedelta(seconds=asked["seconds"])
            import pyarrow as pa

            with database.stream(asked["sql"], timeout=timeout, cancellation=cancellation) as rows:
                answer.write(ROWS)
                begun = True
                with pa.ipc.new_stream(answer, rows.schema) as writer:
                    # So that the first rows aren't kept waiting for the next.
                    answer.flush()
                    for batch in rows:
                        writer.write_batch(batch)
                        answer.flush()
        except DomainError as error:
            failure = _told(error)
        except MemoryError:
            failure = LowMemory()
        except OSError:
            # Nobody listens any more.
            return
        finally:
            for name in kept:
                shelf.give_back(name)
        told = {} if failure is None else {"error": type(failure).__name__, "message": str(failure)}
        with suppress(OSError):
            answer.write((b"" if begun else NO_ROWS) + json.dumps(told).encode() + b"\n")
            answer.flush()
            connection.shutdown(socket.SHUT_RDWR)


def _told(error: DomainError) -> DomainError:
    """What the server is told: where memory is bound, a page that can't be unpacked found none."""
    if _is_bound() and isinstance(error, QueryFailed) and _UNPACKED in str(error):
        return LowMemory()
    return error


def _listen(connection: socket.socket, cancellation: Cancellation) -> None:
    """End the query when the other side hangs up; nothing else comes from there."""
    with suppress(OSError):
        connection.recv(1)
    cancellation.cancel()


def _bound() -> None:
    """Of the memory that the server may reserve, this process gets a part, and the server the rest."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if soft != resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_DATA, (soft // 2, hard))


def _confine(settings: Settings) -> None:
    """Limits that the kernel keeps, where the settings name some: then it needs no network, either."""
    import ctypes
    import resource

    for what, limit in ((resource.RLIMIT_DATA, settings.most_memory), (resource.RLIMIT_CPU, settings.most_cpu)):
        if limit is not None:
            _, hard = resource.getrlimit(what)
            least = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
            resource.setrlimit(what, (least, least))
    if settings.most_memory is not None and sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with suppress(OSError, AttributeError):
            # A network of its own without an interface, where the system lets a process have one.
            ctypes.CDLL(None, use_errno=True).unshare(_NEW_USER | _NEW_NETWORK)


_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000


def _is_bound() -> bool:
    import resource

    return resource.getrlimit(resource.RLIMIT_DATA)[0] != resource.RLIM_INFINITY


def main() -> None:
    """Serve by the descriptor that the command line names."""
    os.nice(BEHIND)
    _bound()
    sys.setswitchinterval(0.001)
    serve(socket.socket(fileno=int(sys.argv[1])))
    # Queries that still run have nobody who reads them.
    os._exit(0)


if __name__ == "__main__":
    main()
