"""The endpoints of asynchronous queries: ask, look how far it is, fetch the result, as often as one likes.

No public contract is known for them; this one follows Azure's long-running operations.
https://github.com/microsoft/api-guidelines/blob/vNext/azure/Guidelines.md#long-running-operations--jobs
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import nullcontext
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from huntlake.api.authentication import Authentication
from huntlake.api.bodies import read_body
from huntlake.api.errors import json_response
from huntlake.api.kusto.frames import frames
from huntlake.api.kusto.options import RequestOptions
from huntlake.api.kusto.requests import parse_body
from huntlake.api.kusto.rows import Occasion
from huntlake.api.limits import QueryLimits, Turns
from huntlake.api.services import Services
from huntlake.api.streaming import Streamed
from huntlake.core.errors import Invalid
from huntlake.engines.cancellation import Cancellation
from huntlake.identity.audiences import KUSTO
from huntlake.workspace.async_queries import LONGEST, AsyncQueries, AsyncQuery, Status, StoredTable

PATH = "/lake/kql/v2/rest/asyncqueries"

_ASK_AGAIN_SECONDS = "1"


class AsyncServices(Services, Protocol):
    """The services of the faces, and the asynchronous queries."""

    @property
    def async_queries(self) -> AsyncQueries: ...


class AsyncFace:
    """Asynchronous queries of the lake."""

    def __init__(
        self,
        services: AsyncServices,
        authentication: Authentication,
        pool: Executor,
        turns: Turns,
        limits: QueryLimits,
    ) -> None:
        self._services, self._authentication = services, authentication
        self._pool, self._turns, self._limits = pool, turns, limits

    def routes(self) -> list[Route]:
        """The face's routes."""
        return [
            Route(PATH, self.submit, methods=["POST"]),
            Route(PATH, self.list, methods=["GET"]),
            Route(PATH + "/{id}", self.status, methods=["GET"]),
            Route(PATH + "/{id}", self.delete, methods=["DELETE"]),
            Route(PATH + "/{id}/result", self.result, methods=["GET"]),
        ]

    async def submit(self, request: Request) -> Response:
        """Take a query: 202, and where to look for its state."""
        principal = await self._authentication.principal(request, KUSTO)
        self._limits.count(principal.client_id)
        asked = parse_body(await read_body(request, self._services.settings.max_request_bytes))
        if asked.is_command:
            raise Invalid("a management command can't be asynchronous: this is not supported")
        made = await run_in_threadpool(
            self._services.async_queries.submit,
            principal.object_id,
            asked.database,
            asked.text,
            timeout=asked.options.server_timeout or LONGEST,
            parameters=asked.parameters,
        )
        place = f"{request.state.base_url}{PATH}/{made.id}"
        headers = {"Operation-Location": place, "Location": place, "Retry-After": _ASK_AGAIN_SECONDS}
        return json_response(_shown(made, place), 202, headers)

    async def list(self, request: Request) -> Response:
        """The caller's queries, the newest first."""
        principal = await self._authentication.principal(request, KUSTO)
        found = await run_in_threadpool(self._services.async_queries.list, principal.object_id)
        root = f"{request.state.base_url}{PATH}"
        return json_response({"value": [_shown(one, f"{root}/{one.id}") for one in found]})

    async def status(self, request: Request) -> Response:
        """How far a query is."""
        principal = await self._authentication.principal(request, KUSTO)
        id = request.path_params["id"]
        found = await run_in_threadpool(self._services.async_queries.get, principal.object_id, id)
        headers = {} if found.status.final else {"Retry-After": _ASK_AGAIN_SECONDS}
        return json_response(_shown(found, f"{request.state.base_url}{PATH}/{id}"), 200, headers)

    async def delete(self, request: Request) -> Response:
        """Cancel a query that hasn't ended; forget one that has."""
        principal = await self._authentication.principal(request, KUSTO)
        await run_in_threadpool(self._services.async_queries.delete, principal.object_id, request.path_params["id"])
        return Response(status_code=204)

    async def result(self, request: Request) -> Response:
        """The result, in the frames of a query's answer."""
        principal = await self._authentication.principal(request, KUSTO)
        id = request.path_params["id"]
        tables = await run_in_threadpool(self._services.async_queries.results, principal.object_id, id)
        state = request.state
        occasion = Occasion(
            state.client_request_id, state.activity_id, state.at, RequestOptions(), self._services.clock
        )
        return Streamed(
            partial(_frames, tables, occasion),
            pool=self._pool,
            turns=self._turns,
            principal=principal.client_id,
            place=nullcontext(),
            gzip="gzip" in request.headers.get("accept-encoding", "").lower(),
        )


def _frames(tables: tuple[StoredTable, ...], occasion: Occasion, _: Cancellation) -> Iterator[bytes]:
    return frames(tables, occasion)


def _shown(query: AsyncQuery, place: str) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": query.id,
        "status": query.status.value,
        "database": query.database,
        "query": query.text,
        "createdDateTime": _stamp(query.created),
        "startedDateTime": _stamp(query.started),
        "endedDateTime": _stamp(query.ended),
        "expirationDateTime": _stamp(query.expires),
    }
    if query.status is Status.SUCCEEDED:
        shown["resultLocation"] = f"{place}/result"
        shown["tables"] = [
            {"name": t.name, "rows": t.rows, "bytes": t.bytes, "truncated": bool(t.truncated)} for t in query.results
        ]
    if query.status is Status.FAILED:
        shown["error"] = {"code": query.code, "message": query.failure}
    return shown


def _stamp(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}"
