"""What is done again and again in the background, as long as a server lives."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

from huntlake.core.errors import DomainError
from huntlake.workspace.workspaces import Workspace


@contextmanager
def rounds(name: str, seconds: float, work: Callable[[Callable[[], bool]], object]) -> Iterator[None]:
    """Do `work` about every so many `seconds`, in a thread, as long as the block lasts.

    `work` is told how to ask whether it should end early. What it raises is logged under `huntlake.{name}`, and the
    next round comes all the same.
    """
    stop, log = Event(), logging.getLogger(f"huntlake.{name}")

    def again() -> None:
        # Servers that are started together shouldn't come at the same moment.
        while not stop.wait(seconds * random.uniform(0.8, 1.2)):
            try:
                work(stop.is_set)
            except Exception:
                log.exception("a round failed, and the next one is awaited")

    thread = Thread(target=again, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@contextmanager
def rounds_of_workspaces(
    name: str, seconds: float, workspaces: Callable[[], Iterable[Workspace]], work: Callable[[Workspace], object]
) -> Iterator[None]:
    """Do `work` for each workspace that is kept here, as `rounds` does it; one that fails holds up no other."""
    log = logging.getLogger(f"huntlake.{name}")

    def each(stopped: Callable[[], bool]) -> None:
        for workspace in workspaces():
            if workspace.remote or stopped():
                continue
            try:
                work(workspace)
            except DomainError as error:
                log.warning("%s: %s", workspace.name, error)
            except Exception:
                log.exception("%s: it failed", workspace.name)

    with rounds(name, seconds, each):
        yield
