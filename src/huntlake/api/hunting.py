"""Queries that Defender's and Graph's hunting APIs ask: over one workspace, answered as objects, all or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import orjson
from starlette.requests import Request
from starlette.responses import Response

from huntlake.api.limits import Api, QueryLimits, Turns, allowance
from huntlake.api.services import ResultTable, Services
from huntlake.api.streaming import Streamed
from huntlake.core.errors import Invalid, LimitExceeded, NotFound, Refused
from huntlake.engines.cancellation import Cancellation
from huntlake.engines.workers import work_for
from huntlake.identity.principals import Principal
from huntlake.identity.rights import Action
from huntlake.kql.types import ScalarType
from huntlake.workspace.activity import Asked
from huntlake.workspace.query import QueryOptions
from huntlake.workspace.workspaces import Workspace

T = TypeVar("T")

MAX_ROWS = 100_000
"""The most rows that the hunting APIs answer with."""

TIMEOUT = timedelta(minutes=3)

NET_TYPES: Mapping[ScalarType, str] = {
    ScalarType.BOOL: "SByte",
    ScalarType.INT: "Int32",
    ScalarType.LONG: "Int64",
    ScalarType.REAL: "Double",
    ScalarType.DECIMAL: "SqlDecimal",
    ScalarType.STRING: "String",
    ScalarType.DATETIME: "DateTime",
    ScalarType.TIMESPAN: "TimeSpan",
    ScalarType.GUID: "Guid",
    ScalarType.DYNAMIC: "Object",
}
"""How these APIs name the types of columns."""

_TOO_LARGE = (
    "Query execution has exceeded the allowed result size. Optimize your query by limiting the amount of results "
    "and try again."
)


class Hunting:
    """Runs the queries of the hunting APIs."""

    def __init__(self, services: Services, pool: Executor, turns: Turns) -> None:
        self._services, self._pool, self._turns = services, pool, turns
        self._limits = QueryLimits(services.clock, allowance(Api.HUNTING, services.settings))

    def workspace(self, principal: Principal, wanted: str = "", action: Action = Action.READ) -> Workspace:
        """The workspace that a request is about: the one it names, the primary one, or the only one.

        Whoever may not do that there isn't told whether it is there.
        """
        services = self._services
        readable = [w for w in services.workspaces.list() if principal.may(Action.READ, w.id)]
        name = wanted or services.settings.primary_workspace
        if name:
            try:
                found = services.workspaces.by_database(name)
            except NotFound:
                found = None
        elif len(readable) > 1:
            raise Invalid(
                "the caller may read several workspaces: name one as `workspaceId`, or set `primary_workspace`"
            )
        else:
            found = readable[0] if readable else None
        if found is None or not principal.may(action, found.id):
            raise Refused("The caller has no role that allows this in the workspace, or there is no such workspace.")
        return found

    def answer(
        self,
        request: Request,
        principal: Principal,
        workspace: Workspace,
        text: str,
        write: Callable[[ResultTable, list[bytes], float], bytes],
        *,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Response:
        """The answer to a query, as `write` makes it of the table, its rows as JSON objects, and the seconds."""
        self._limits.count(principal.client_id)
        options = replace(self._options(), since=since, until=until, time_column="TimeGenerated" if since else "")
        make = partial(self._make, request, principal, workspace, text, options, write)
        return Streamed(
            make,
            pool=self._pool,
            turns=self._turns,
            principal=principal.client_id,
            place=self._limits.running(principal.client_id),
            gzip="gzip" in request.headers.get("accept-encoding", "").lower(),
        )

    async def worked(self, principal: Principal, make: Callable[..., T], *given: object) -> T:
        """What `make` gives, which asks the lake by `rows`: it takes a turn, and a thread, of the queries'."""
        with self._limits.running(principal.client_id):
            async with self._turns.turn(principal.client_id):
                return await asyncio.get_running_loop().run_in_executor(
                    self._pool, work_for(principal.client_id, make, *given)
                )

    def rows(self, workspace: Workspace, text: str, parameters: Mapping[str, object]) -> list[dict[str, Any]]:
        """The rows of a query that the server wrote itself; a caller's values are among its `parameters`."""
        options = replace(self._options(), parameters=parameters)
        answer = self._services.queries.run(workspace, text, options)
        (table,) = answer.tables
        found: list[dict[str, Any]] = orjson.loads(b"[" + b",".join(table.json_objects()) + b"]")
        if table.truncated_by is not None:
            raise table.truncated_by
        return found

    def _options(self) -> QueryOptions:
        settings = self._services.settings
        limit = timedelta(seconds=settings.query_timeout_limit)
        return QueryOptions(
            timeout=min(TIMEOUT, limit),
            max_rows=min(MAX_ROWS, settings.query_max_rows),
            max_bytes=settings.query_max_bytes,
        )

    def _make(
        self,
        request: Request,
        principal: Principal,
        workspace: Workspace,
        text: str,
        options: QueryOptions,
        write: Callable[[ResultTable, list[bytes], float], bytes],
        cancellation: Cancellation,
    ) -> Iterator[bytes]:
        services, state = self._services, request.state
        asked = Asked(
            state.client_request_id,
            state.activity_id,
            text,
            workspace.name,
            principal.client_id,
            request.scope["path"],
            state.at,
            cancellation=cancellation,
        )
        with services.activity.running(asked):
            others = partial(self._other, principal)
            answer = services.queries.run(workspace, text, options, cancellation, workspaces=others)
            tables = list(answer.tables)
            if len(tables) != 1:
                raise Invalid(f"the query answers with {len(tables)} tables, and this API gives one")
            # These APIs can't say that rows are missing: either all are given, or none.
            chunks = list(tables[0].json_objects())
            if tables[0].truncated_by is not None:
                raise LimitExceeded(f"{_TOO_LARGE} ({tables[0].truncated_by})")
            asked.progress.rows += tables[0].row_count
            asked.progress.bytes += tables[0].byte_count
        seconds = max(0.0, (services.clock.now() - state.at).total_seconds())
        yield write(tables[0], chunks, seconds)

    def _other(self, principal: Principal, name: str) -> Workspace | None:
        try:
            found = self._services.workspaces.by_database(name)
        except NotFound:
            return None
        return found if principal.may(Action.READ, found.id) else None
