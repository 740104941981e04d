"""Rows on their way out, and what is said when they break off."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from huntlake.api.conversation import report
from huntlake.api.errors import Problem, one_api_error, problem_of
from huntlake.api.kusto.options import ErrorPlacement, RequestOptions
from huntlake.api.services import ResultTable
from huntlake.core.clock import Clock
from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import Cancelled, DomainError, TimedOut
from huntlake.workspace.activity import Progress

VISUALIZATION = {
    "Visualization": None,
    "Title": None,
    "XColumn": None,
    "Series": None,
    "YColumns": None,
    "AnomalyColumns": None,
    "XTitle": None,
    "YTitle": None,
    "XAxis": None,
    "YAxis": None,
    "Legend": None,
    "YSplit": None,
    "Accumulate": False,
    "IsQuerySorted": False,
    "Kind": None,
    "Ymin": "NaN",
    "Ymax": "NaN",
    "Xmin": "NaN",
    "Xmax": "NaN",
}
"""What `render` can say, and what is said where a query doesn't render."""

TRUNCATED = -2133196797
"""The status code of an answer that was cut off (0x80DA0003)."""


@dataclass(frozen=True)
class Occasion:
    """The request that an answer is for."""

    client_request_id: str
    activity_id: str
    at: datetime
    options: RequestOptions
    clock: Clock
    application: str = ""
    progress: Progress = field(default_factory=Progress)

    def now(self) -> str:
        """The time, as Kusto writes it."""
        return timestamp(self.clock.now())

    def seconds(self) -> float:
        """How long it has been since the request came."""
        return max(0.0, (self.clock.now() - self.at).total_seconds())

    def error(self, problem: Problem) -> dict[str, Any]:
        """A problem as an object inside an answer."""
        return one_api_error(
            problem, client_request_id=self.client_request_id, activity_id=self.activity_id, at=self.clock.now()
        )


def timestamp(at: datetime) -> str:
    """A moment as Kusto writes it, in UTC."""
    return f"{at:%Y-%m-%dT%H:%M:%S.%fZ}"


def visualization(table: ResultTable) -> str:
    """How a client should draw a table, as JSON text."""
    wire = {name.lower(): name for name in VISUALIZATION}
    said = {wire.get(name.lower(), name): value for name, value in (table.visualization or {}).items()}
    return orjson.dumps({**VISUALIZATION, **said}, default=str).decode()


def rows(
    table: ResultTable, before: bytes, occasion: Occasion, *, begun: bool, between: bytes = b","
) -> Generator[bytes, None, Problem | None]:
    """The rows of a table after the bytes that stand `before` them; gives what broke them off, if anything did.

    `between` stands between two chunks of them. Nothing is yielded before the first rows are there. As long as nothing
    has `begun`, an error is raised, to become an answer of its own.
    """
    waiting = before
    try:
        for chunk in table.json_rows():
            begun = True
            yield waiting + chunk
            waiting = between
    except (DomainError, SourceError, MemoryError) as error:
        if not begun:
            raise
        problem = problem_of(error)
        occasion.progress.failure, occasion.progress.cancelled = problem.detail, isinstance(error, Cancelled)
        if problem.status >= 500 and not isinstance(error, TimedOut):
            report(error, occasion.activity_id)
    else:
        occasion.progress.rows += table.row_count
        occasion.progress.bytes += table.byte_count
        if table.truncated_by is None:
            if waiting == before:
                yield before
            return None
        problem = problem_of(table.truncated_by)
    said = b""
    options = occasion.options
    if options.error_placement is ErrorPlacement.IN_DATA and not options.defer_partial_failures:
        error_row = {"OneApiErrors": [occasion.error(problem)], "Exceptions": [problem.detail]}
        said = orjson.dumps(error_row)
    if waiting == before or said:
        yield waiting + said
    return problem
