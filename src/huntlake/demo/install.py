"""Puts the demo company into a workspace."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from huntlake.demo.generator import DAYS, SEED, TABLES, Demo, DemoTable
from huntlake.demo.truth import GroundTruth

_AT_ONCE = 3


class Appender(Protocol):
    """Where rows go: the ingestion of a workspace. Different tables may be appended to at the same time."""

    def append_arrow(self, workspace: Any, table: str, rows: Any, /) -> Any: ...


Progress = Callable[[str, int, int, int], None]
"""Told after each table: its name, its rows, how many tables are done, how many there are."""


def install(
    ingestion: Appender,
    workspace: Any,
    end: datetime,
    progress: Progress | None = None,
    *,
    days: int = DAYS,
    seed: int = SEED,
    truth_file: Path | None = None,
) -> GroundTruth:
    """Append every table of the demo that ends at `end` to `workspace`; the truth about it comes back.

    The truth is written to `truth_file`, as JSON, too. The next table is made while others are written; `progress`
    is always called by the caller's own thread.
    """
    demo = Demo(end, days, seed)

    def append(table: DemoTable) -> tuple[str, int]:
        ingestion.append_arrow(workspace, table.name, table.rows)
        return table.name, table.rows.num_rows

    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="demo") as threads:
        for done, (name, rows) in enumerate(_appended(demo, lambda t: threads.submit(append, t)), start=1):
            if progress is not None:
                progress(name, rows, done, len(TABLES))
    truth = demo.truth()
    if truth_file is not None:
        truth_file.write_text(truth.to_json(), encoding="utf-8")
    return truth


def _appended(demo: Demo, submit: Callable[[DemoTable], Future[tuple[str, int]]]) -> Iterator[tuple[str, int]]:
    """The tables as they are written. No more than one waits for a thread, so that few are in memory."""
    running: set[Future[tuple[str, int]]] = set()
    for table in demo.tables():
        while len(running) > _AT_ONCE:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            yield from (f.result() for f in done)
        running.add(submit(table))
    while running:
        done, running = wait(running, return_when=FIRST_COMPLETED)
        yield from (f.result() for f in done)
