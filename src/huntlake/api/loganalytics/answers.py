"""The answer: tables with their rows, and what was asked for beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from huntlake.api.errors import Problem, problem_of
from huntlake.api.kusto.rows import TRUNCATED, VISUALIZATION, Occasion
from huntlake.api.loganalytics.errors import partial_error
from huntlake.api.loganalytics.requests import Preferences
from huntlake.api.services import ResultTable
from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import Cancelled, DomainError

_TIMED_OUT = -2133196796


def answer(tables: Sequence[ResultTable], preferences: Preferences, occasion: Occasion) -> Iterator[bytes]:
    """The body, as chunks of one JSON object. Nothing is yielded before the first rows are there.

    An error after that, or a limit that cut the rows short, stands beside the tables.
    """
    before = b'{"tables":['
    problem: tuple[Problem, int] | None = None
    for number, table in enumerate(tables):
        waiting = before + _open(table)
        try:
            for chunk in table.json_rows():
                yield waiting + chunk
                waiting = b","
        except (DomainError, SourceError) as error:
            if number == 0 and waiting != b",":
                raise
            problem = problem_of(error), _TIMED_OUT
            occasion.progress.failure = problem[0].detail
            occasion.progress.cancelled = isinstance(error, Cancelled)
        else:
            occasion.progress.rows += table.row_count
            occasion.progress.bytes += table.byte_count
            if table.truncated_by is not None:
                problem = problem_of(table.truncated_by), TRUNCATED
        if waiting != b",":
            yield waiting
        before = b"]},"
        if problem:
            break
    more: dict[str, Any] = {}
    if preferences.statistics:
        more["statistics"] = {"query": _statistics(tables, occasion)}
    if preferences.render:
        more["render"] = _render(tables)
    if preferences.data_sources:
        more["dataSources"] = []
    if problem:
        more["error"] = partial_error(*problem)
    yield (b"]}]" if tables else b'{"tables":[]') + (b"," + orjson.dumps(more)[1:] if more else b"}")


def _open(table: ResultTable) -> bytes:
    columns = [{"name": c.name, "type": c.type.value} for c in table.columns]
    return orjson.dumps({"name": table.name or "PrimaryResult", "columns": columns})[:-1] + b',"rows":['


def _statistics(tables: Sequence[ResultTable], occasion: Occasion) -> dict[str, Any]:
    return {
        "executionTime": occasion.seconds(),
        "resourceUsage": {},
        "inputDatasetStatistics": {},
        "datasetStatistics": [{"tableRowCount": t.row_count, "tableSize": t.byte_count} for t in tables],
    }


def _render(tables: Sequence[ResultTable]) -> Mapping[str, Any]:
    """How a client should draw the first table that says so, in Log Analytics' spelling."""
    said = next((t.visualization for t in tables if t.visualization), None) or {}
    spelled = {name.lower(): name for name in VISUALIZATION}
    told = {**VISUALIZATION, **{spelled.get(n.lower(), n): v for n, v in said.items()}}
    return {name[:1].lower() + name[1:]: value for name, value in told.items()}
