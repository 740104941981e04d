"""Threads that run queries, and that step back behind the others when a query is long."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import suppress
from threading import Condition, Thread, current_thread, get_native_id
from typing import Any

BEHIND = 10
"""How much nicer a thread is that has stepped back: it has a tenth of the processor time of one that hasn't."""
_NICEST = 19


class Worker(Thread):
    """A thread that may step back, because nothing else needs it."""

    def __init__(self, run: Callable[[Worker], None], name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._run = run
        self._id = 0
        self.behind = False

    def run(self) -> None:
        self._id = get_native_id()
        self._run(self)

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
    thread = current_thread()
    return thread if isinstance(thread, Worker) else None


class Workers(Executor):
    """At most so many workers, which are started when they are needed.

    One that stepped back ends with its work: only a privileged process may give it its rank again.
    """

    def __init__(self, most: int, name: str) -> None:
        self._most, self._name = most, name
        self._changed = Condition()
        self._work: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._started = self._idle = 0
        self._over = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        with self._changed:
            if self._over:
                raise RuntimeError("no more work is taken")
            self._work.append((future, lambda: fn(*args, **kwargs)))
            if self._idle >= len(self._work):
                self._changed.notify()
            elif self._started < self._most and not self._start() and not self._started:
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
        """Start one more; False where the machine, or the bound on this process, has no room for its stack."""
        try:
            Worker(self._serve, self._name).start()
        except RuntimeError:
            return False
        self._started += 1
        return True

    def _serve(self, worker: Worker) -> None:
        while True:
            with self._changed:
                # With work to do it stays: a thread that it started would stand where it does.
                if worker.behind and not self._work:
                    self._started -= 1
                    return
                self._idle += 1
                while not self._work and not self._over:
                    self._changed.wait()
                self._idle -= 1
                if not self._work:
                    self._started -= 1
                    return
                future, work = self._work.popleft()
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(work())
                except BaseException as error:
                    future.set_exception(error)
            del future, work
