"""Queries of playbooks: in KQL, in the workflow's own name, within its rights and limits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import orjson

from huntlake.core.errors import Busy, Invalid, LimitExceeded
from huntlake.identity.rights import Action
from huntlake.kql.syntax.literals import timespan
from huntlake.kql.types import Column
from huntlake.playbooks.connectors.connector import Asked
from huntlake.playbooks.connectors.house import House
from huntlake.wdl.dotnet.durations import duration
from huntlake.wdl.expressions.values import Fault
from huntlake.workspace.query import QueryOptions
from huntlake.workspace.workspaces import Workspace

TIME = "TimeGenerated"
LONGEST_QUERY = 1 << 20
"""Letters of a query."""

_LAST = re.compile(r"last\s+(?:(\d{1,5})\s*)?(minute|hour|day|week|month)s?", re.IGNORECASE)
_UNITS = {"minute": 60, "hour": 3600, "day": 86_400, "week": 604_800, "month": 2_592_000}
_BETWEEN = re.compile(r"between\s*\(\s*datetime\((.+?)\)\s*\.\.\s*datetime\((.+?)\)\s*\)?", re.IGNORECASE)


@dataclass(frozen=True)
class Period:
    """Between which times rows are read, both included; None is without bound."""

    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Rows:
    """The first table of an answer."""

    columns: tuple[Column, ...]
    rows: list[dict[str, Any]]


def rows(
    house: House,
    asked: Asked,
    workspace: Workspace,
    query: Any,
    period: Period = Period(),
    *,
    parameters: Any = None,
    objects: bool = False,
    time_column: str = TIME,
) -> Rows:
    """The answer to a query: all of it, or none. `parameters` are values that it declares, never part of its text.

    Values of `dynamic` are texts of JSON, as the API of Log Analytics has them, or with `objects` what they hold.

    `Invalid` for what isn't a query, `SourceError` for one that can't be understood, `LimitExceeded` for an answer that
    is too large, or takes too long.
    """
    if not isinstance(query, str) or not query.strip():
        raise Invalid("there is no query to ask")
    if len(query) > LONGEST_QUERY:
        raise Invalid(f"a query has at most {LONGEST_QUERY:,} letters")
    if parameters is not None and not isinstance(parameters, Mapping):
        raise Invalid("`parameters` are not an object of values by name")
    limits = house.limits
    options = QueryOptions(
        timeout=limits.timeout,
        max_rows=limits.rows,
        max_bytes=limits.bytes,
        parameters=dict(parameters or {}),
        time_column=time_column if period != Period() else "",
        since=period.since,
        until=period.until,
        dynamic_as_text=not objects,
    )
    if not house.asking.acquire(timeout=limits.timeout.total_seconds()):
        raise Busy("other playbooks' queries kept this one waiting for too long")
    try:
        given = house.queries.run(workspace, query, options, workspaces=partial(house.readable, asked))
        if not given.tables:
            return Rows((), [])
        table = given.tables[0]
        found = orjson.loads(b"[" + b",".join(table.json_rows()) + b"]")
    finally:
        house.asking.release()
    if table.truncated_by is not None:
        raise LimitExceeded(f"the answer is too large for a playbook: {table.truncated_by}")
    names = [c.name for c in table.columns]
    return Rows(table.columns, [dict(zip(names, row, strict=True)) for row in found])


def period(given: Any, now: datetime) -> Period:
    """The time range that a designer writes: `Last 7 days`, `Set in query`, `1d`, `P1D`, `<start>/<end>`.

    `Invalid` for one that isn't known: a guess would be an answer over other rows.
    """
    said = given.strip() if isinstance(given, str) else ""
    if said.lower() in ("", "set in query"):
        return Period()
    if match := _LAST.fullmatch(said):
        return Period(now - _span(timedelta(seconds=int(match[1] or 1) * _UNITS[match[2].lower()])), now)
    if match := _BETWEEN.fullmatch(said):
        return Period(_moment(match[1]), _moment(match[2]))
    if "/" in said:
        first, _, last = said.partition("/")
        return _between(first, last)
    if said[:1] in "Pp":
        return Period(now - _span(_duration(said)), now)
    if (ticks := timespan(said)) is not None:
        return Period(now - _span(timedelta(microseconds=ticks // 10)), now)
    raise Invalid(
        f"the time range `{said[:100]}` is not supported; there are `Last 7 days`, `Set in query`, `1d`, `P1D`"
    )


def _between(first: str, last: str) -> Period:
    if first[:1] in "Pp":
        until = _moment(last)
        return Period(until - _span(_duration(first)), until)
    since = _moment(first)
    return Period(since, since + _span(_duration(last)) if last[:1] in "Pp" else _moment(last))


def _span(span: timedelta) -> timedelta:
    if not timedelta() <= span <= timedelta(days=36_500):
        raise Invalid("a time range is not longer than a hundred years")
    return span


def _duration(said: str) -> timedelta:
    try:
        return duration(said)
    except Fault as error:
        raise Invalid(str(error)) from None


def _moment(said: str) -> datetime:
    try:
        found = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", said.strip().strip("'\"")))
    except ValueError:
        raise Invalid(f"`{said[:60]}` is not a time") from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def named_workspace(house: House, asked: Asked) -> Workspace:
    """The workspace that `resourcename` and `resourcetype` name; without a name the workflow's own."""
    queries = {k.lower(): v for k, v in asked.queries.items()}
    type = str(queries.get("resourcetype") or "Log Analytics Workspace")
    if type.replace(" ", "").lower() != "loganalyticsworkspace":
        raise Invalid(f"a query of `{type[:60]}` is not supported: there is `Log Analytics Workspace`")
    return house.workspace(asked, Action.READ, str(queries.get("resourcename") or ""))
