"""The queries that run, and those that ran a little while ago."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from threading import Lock

from huntlake.core.clock import Clock
from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import Cancelled, DomainError
from huntlake.engines.cancellation import Cancellation

KEPT = 500
"""How many queries that have ended are remembered, of all workspaces."""


class State(Enum):
    """How far a query is; the values are Kusto's words."""

    RUNNING = "InProgress"
    COMPLETED = "Completed"
    FAILED = "Failed"
    CANCELLED = "Cancelled"


@dataclass
class Progress:
    """How far a query has come. `failure` is what broke its rows off, where something did."""

    rows: int = 0
    bytes: int = 0
    failure: str = ""
    cancelled: bool = False


@dataclass(frozen=True)
class Asked:
    """A query or a command that someone sent. `id` is the client's own name for it, `activity` the server's."""

    id: str
    activity: str
    text: str
    workspace: str
    caller: str
    application: str
    began: datetime
    command: bool = False
    state: State = State.RUNNING
    ended: datetime | None = None
    failure: str = ""
    progress: Progress = field(default_factory=Progress)
    cancellation: Cancellation | None = field(default=None, repr=False, compare=False)

    def duration(self, now: datetime) -> timedelta:
        """How long it took, or has taken so far."""
        return max(timedelta(0), (self.ended or now) - self.began)


class Activity:
    """Remembers queries as long as the process lives. Threads may share it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        self._running: dict[str, Asked] = {}
        self._ended: deque[Asked] = deque(maxlen=KEPT)

    @contextmanager
    def running(self, asked: Asked) -> Iterator[Progress]:
        """Remember a query as running within the block, and afterwards as what became of it."""
        with self._lock:
            self._running[asked.activity] = asked
        state, failure = State.COMPLETED, ""
        try:
            yield asked.progress
            if failure := asked.progress.failure:
                state = State.CANCELLED if asked.progress.cancelled else State.FAILED
        except (Cancelled, GeneratorExit):
            state, failure = State.CANCELLED, "the query was cancelled"
            raise
        except (DomainError, SourceError) as error:
            state, failure = State.FAILED, str(error)
            raise
        except Exception:
            # What went wrong inside may name files, or hold data of other people.
            state, failure = State.FAILED, "an internal error occurred"
            raise
        finally:
            with self._lock:
                self._running.pop(asked.activity, None)
                self._ended.append(
                    replace(asked, state=state, failure=failure, ended=self._clock.now(), cancellation=None)
                )

    def now_running(self) -> list[Asked]:
        """The queries that run, the oldest first."""
        with self._lock:
            return list(self._running.values())

    def all(self) -> list[Asked]:
        """The queries that ended, and then those that run."""
        with self._lock:
            return [*self._ended, *self._running.values()]
