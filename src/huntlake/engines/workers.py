"""Threads that run queries, and that step back behind the others when a query is long."""

from __future__ import annotations

import _thread
import os
import sys
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager, suppress
from threading import Condition, get_native_id, local
from time import monotonic
from typing import Any, TypeVar

BEHIND = 10
"""How much nicer a thread is that has stepped back: it has a tenth of the processor time of one that hasn't."""
_NICEST = 19
COMES_WITHIN = 5.0
"""Seconds within which a thread begins, or never does."""

_OWN = local()

T = TypeVar("T")


class Worker:
    """A thread that may step back, because nothing else needs it. It is the one that makes it."""

    def __init__(self) -> None:
        self._id = get_native_id()
        self.behind = False

    def step_back(self) -> None:
        """Let the other threads of this machine go first, from now to this thread's end."""
        # Elsewhere a niceness is a whole process's.
        if sys.platform == "linux" and not self.behind:
            self.behind = True
            # The thread may just have ended, or not be allowed to: then all stays as it is.
            with suppress(OSError):
                own = os.getpriority(os.PRIO_PROCESS, self._id)
                os.setpriority(os.PRIO_PROCESS, self._id, min(own + BEHIND, _NICEST))


def this_worker() -> Worker | None:
    """The worker whose thread this is; None in another thread."""
    return getattr(_OWN, "worker", None)


@contextmanager
def working_for(owner: str) -> Iterator[None]:
    """Within the block this thread works for that one of those who ask."""
    before, _OWN.owner = owner_of_work(), owner
    try:
        yield
    finally:
        _OWN.owner = before


def work_for(owner: str, do: Callable[..., T], /, *given: Any, **more: Any) -> Callable[[], T]:
    """What does that with these arguments, in whatever thread, as work for that owner."""

    def done() -> T:
        with working_for(owner):
            return do(*given, **more)

    return done


def owner_of_work() -> str:
    """For whom this thread works; `` where that was not said."""
    return getattr(_OWN, "owner", "")


class Workers(Executor):
    """At most so many workers, which are started when they are needed.

    One that stepped back ends with its work: only a privileged process may give it its rank again.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._changed = Condition()
        self._work: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._started = self._idle = 0
        # When those were begun that have yet to come: one that has no memory for its first step never does.
        self._coming: deque[float] = deque()
        self._over = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        with self._changed:
            if self._over:
                raise RuntimeError("no more work is taken")
            self._work.append((future, lambda: fn(*args, **kwargs)))
            if self._idle >= len(self._work):
                self._changed.notify()
            elif self._there() < self._most and not self._start() and not self._there():
                self._work.pop()
                raise MemoryError("no memory is left for a thread")
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more work. Threads are never waited for: what runs may be long."""
        with self._changed:
            self._over = True
            if cancel_futures:
                for future, _ in self._work:
                    future.cancel()
            self._changed.notify_all()

    def _start(self) -> bool:
        """Begin one more; False where the machine, or the bound on this process, has no room for its stack."""
        try:
            # `Thread.start` waits until the thread has come: for ever, where that finds no memory.
            _thread.start_new_thread(self._arrive, ())
        except RuntimeError:
            return False
        self._coming.append(monotonic())
        return True

    def _arrive(self) -> None:
        with self._changed:
            if self._coming:
                self._coming.popleft()
            self._started += 1
        try:
            _OWN.worker = Worker()
            self._serve(_OWN.worker)
        finally:
            with self._changed:
                self._started -= 1

    def _there(self) -> int:
        """How many work, or will soon."""
        while self._coming and monotonic() - self._coming[0] > COMES_WITHIN:
            self._coming.popleft()
        return self._started + len(self._coming)

    def _serve(self, worker: Worker) -> None:
        while True:
            with self._changed:
                # With work to do it stays: a thread that it started would stand where it does.
                if worker.behind and not self._work:
                    return
                self._idle += 1
                while not self._work and not self._over:
                    self._changed.wait()
                self._idle -= 1
                if not self._work:
                    return
                future, work = self._work.popleft()
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(work())
                except BaseException as error:
                    future.set_exception(error)
            del future, work
