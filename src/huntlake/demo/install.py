"""Puts the demo company into a workspace."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from huntlake.demo.generator import DAYS, SEED, TABLES, Demo
from huntlake.demo.truth import GroundTruth


class Appender(Protocol):
    """Where rows go: the ingestion of a workspace."""

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
) -> GroundTruth:
    """Append every table of the demo that ends at `end` to `workspace`; the truth about it comes back."""
    demo = Demo(end, days, seed)
    for done, table in enumerate(demo.tables(), start=1):
        ingestion.append_arrow(workspace, table.name, table.rows)
        if progress is not None:
            progress(table.name, table.rows.num_rows, done, len(TABLES))
    return demo.truth()
