"""The endpoints of the Log Analytics face: queries, batches of them, and what there is to ask."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from huntlake.api.authentication import Authentication
from huntlake.api.bodies import read_body
from huntlake.api.closed_tables import opens
from huntlake.api.conversation import report
from huntlake.api.errors import EXPECTED, json_response, problem_of
from huntlake.api.kusto.options import RequestOptions
from huntlake.api.kusto.rows import Occasion
from huntlake.api.kusto.tables import query_tables
from huntlake.api.limits import QueryLimits, Turns
from huntlake.api.loganalytics.answers import answer
from huntlake.api.loganalytics.errors import error_body
from huntlake.api.loganalytics.requests import LogsRequest, Member, parse_batch, parse_body, parse_query
from huntlake.api.services import Services
from huntlake.api.streaming import Streamed
from huntlake.core.clock import Clock
from huntlake.core.errors import Invalid, NotFound, Refused, TimedOut
from huntlake.engines.cancellation import Cancellation
from huntlake.identity.audiences import LOG_ANALYTICS
from huntlake.identity.principals import Principal
from huntlake.identity.rights import Action
from huntlake.workspace.activity import Asked
from huntlake.workspace.query import QueryOptions
from huntlake.workspace.workspaces import Workspace

_RESOURCE = re.compile(
    r"/*subscriptions/(?P<subscription>[^/]+)/resourcegroups/(?P<group>[^/]+)"
    r"/providers/microsoft\.operationalinsights/workspaces/(?P<workspace>[^/]+)/*",
    re.IGNORECASE,
)
_NO_ACCESS = "The workspace isn't there, or the caller has no role in it"
_MOST_NAME = 256


class LogAnalyticsFace:
    """The query API of workspaces."""

    def __init__(
        self,
        services: Services,
        authentication: Authentication,
        pool: Executor,
        turns: Turns,
        limits: QueryLimits,
    ) -> None:
        self._services, self._authentication, self._pool = services, authentication, pool
        self._turns, self._limits = turns, limits
        self._verdicts = Verdicts(services.clock)

    def routes(self) -> list[Route]:
        """The face's routes. Clients write a resource id behind `/v1` with its own slash, or without."""
        found = [Route("/v1/$batch", self.batch, methods=["POST"])]
        for place in ("workspaces/{workspace}", "subscriptions/{resource:path}", "/subscriptions/{resource:path}"):
            found.append(Route(f"/v1/{place}/query", self.query, methods=["GET", "POST"]))
            found.append(Route(f"/v1/{place}/metadata", self.metadata, methods=["GET", "POST"]))
        return found

    async def query(self, request: Request) -> Response:
        """One query."""
        principal = await self._authentication.principal(request, LOG_ANALYTICS)
        self._limits.count(principal.client_id)
        prefer, now = request.headers.get("prefer", ""), request.state.at
        if request.method == "GET":
            asked = parse_query(request.query_params, prefer, now)
        else:
            asked = parse_body(await read_body(request, self._services.settings.max_request_bytes), prefer, now)
        return self._streamed(request, principal, partial(self._one, principal, _place(request), asked))

    async def batch(self, request: Request) -> Response:
        """Several queries, answered one after another in one answer."""
        principal = await self._authentication.principal(request, LOG_ANALYTICS)
        body = await read_body(request, self._services.settings.max_request_bytes)
        members = parse_batch(body, request.state.at)
        for _ in members:
            self._limits.count(principal.client_id)
        return self._streamed(request, principal, partial(self._many, principal, members))

    async def metadata(self, request: Request) -> Response:
        """The tables and functions of a workspace, with their columns."""
        principal = await self._authentication.principal(request, LOG_ANALYTICS)
        self._limits.count(principal.client_id)
        if request.method == "POST":
            await read_body(request, self._services.settings.max_request_bytes)
        return json_response(await run_in_threadpool(self._metadata, principal, _place(request)))

    def _streamed(
        self, request: Request, principal: Principal, make: Callable[[Occasion, Cancellation], Iterator[bytes]]
    ) -> Response:
        state, application = request.state, request.headers.get("x-ms-app", "")[:_MOST_NAME]
        occasion = Occasion(
            state.client_request_id, state.activity_id, state.at, RequestOptions(), self._services.clock, application
        )
        return Streamed(
            partial(make, occasion),
            pool=self._pool,
            turns=self._turns,
            principal=principal.client_id,
            place=self._limits.running(principal.client_id),
            gzip="gzip" in request.headers.get("accept-encoding", "").lower(),
        )

    def _one(
        self, principal: Principal, place: str, asked: LogsRequest, occasion: Occasion, cancellation: Cancellation
    ) -> Iterator[bytes]:
        workspace, others = self._workspaces(principal, place, asked)
        # Azure's clients send a query whose time ran out again, under the same id: the answer is known.
        verdict = f"{principal.client_id} {occasion.client_request_id} {workspace.id} {asked.text}"
        self._verdicts.check(verdict)
        with self._services.activity.running(self._asked(principal, workspace, asked, occasion, cancellation)):
            named, options = partial(self._readable, principal), self._options(asked)
            if not others:
                options = replace(options, opens=opens(principal, self._services.workspaces))
            try:
                found = self._services.queries.run(
                    workspace, asked.text, options, cancellation, workspaces=named, also=others
                )
                if asked.preferences.kusto_form:
                    settings = occasion.options.with_settings(found.settings)
                    yield from query_tables(found.tables, replace(occasion, options=settings))
                else:
                    yield from answer(list(found.tables), asked.preferences, occasion)
            except TimedOut:
                self._verdicts.remember(verdict)
                raise

    def _many(
        self, principal: Principal, members: Sequence[Member], occasion: Occasion, cancellation: Cancellation
    ) -> Iterator[bytes]:
        before = b'{"responses":['
        for member in members:
            status, chunks = self._answered(principal, member, occasion, cancellation)
            head = {"id": member.id, "status": status, "headers": {"Content-Type": "application/json; charset=utf-8"}}
            yield before + orjson.dumps(head)[:-1] + b',"body":'
            yield from chunks
            before = b"},"
        yield (before if not members else b"}") + b"]}"

    def _answered(
        self, principal: Principal, member: Member, occasion: Occasion, cancellation: Cancellation
    ) -> tuple[int, Iterator[bytes]]:
        """The status and the body of one answer in a batch. Its first rows are there when this returns."""
        try:
            if member.asked is None:
                raise member.wrong or Invalid("the request can't be understood")
            own = replace(occasion, client_request_id=f"{occasion.client_request_id};{member.id}"[:_MOST_NAME])
            chunks = self._one(principal, member.workspace, member.asked, own, cancellation)
            first = next(chunks)
        except Exception as error:
            if cancellation.cancelled:
                raise
            if not isinstance(error, EXPECTED):
                report(error, occasion.activity_id)
            problem = problem_of(error)
            return problem.status, iter((orjson.dumps(error_body(error, problem, occasion.activity_id)),))
        return 200, chain((first,), chunks)

    def _options(self, asked: LogsRequest) -> QueryOptions:
        settings = self._services.settings
        return QueryOptions(
            timeout=min(asked.preferences.wait, timedelta(seconds=settings.query_timeout_limit)),
            max_rows=settings.query_max_rows,
            max_bytes=settings.query_max_bytes,
            time_column=asked.time_column if asked.since or asked.until else "",
            since=asked.since,
            until=asked.until,
            dynamic_as_text=not asked.preferences.kusto_form,
        )

    def _asked(
        self,
        principal: Principal,
        workspace: Workspace,
        asked: LogsRequest,
        occasion: Occasion,
        cancellation: Cancellation,
    ) -> Asked:
        return Asked(
            occasion.client_request_id,
            occasion.activity_id,
            asked.text,
            workspace.name,
            principal.client_id,
            occasion.application,
            occasion.at,
            progress=occasion.progress,
            cancellation=cancellation,
        )

    def _workspaces(
        self, principal: Principal, place: str, asked: LogsRequest
    ) -> tuple[Workspace, tuple[Workspace, ...]]:
        """The workspace that is asked, and those that are asked with it."""
        found = [self._readable(principal, name) for name in (place, *asked.workspaces)]
        there = [w for w in found if w is not None]
        if len(there) < len(found):
            # Whoever may not read a workspace isn't told whether it is there.
            raise Refused(_NO_ACCESS)
        workspace, *others = dict.fromkeys(there)
        return workspace, tuple(others)

    def _readable(self, principal: Principal, name: str) -> Workspace | None:
        """The workspace of a name, an id or a resource id, if the caller may read it."""
        resource = _RESOURCE.fullmatch(name)
        if resource is None and "/" in name:
            raise Invalid(f"the resource `{name[:200]}` is no workspace; queries by other resources are not supported")
        if resource is not None:
            ours = self._services.subscription
            if (resource["subscription"].lower(), resource["group"].lower()) != (ours.id, ours.group.lower()):
                return None
        try:
            found = self._services.workspaces.by_database(resource["workspace"] if resource else name)
        except NotFound:
            return None
        return found if principal.may(Action.READ, found.id) else None

    def _metadata(self, principal: Principal, place: str) -> Mapping[str, Any]:
        workspace = self._readable(principal, place)
        if workspace is None:
            raise Refused(_NO_ACCESS)
        services = self._services
        filled = frozenset(services.tables.with_data(workspace.name))
        tables = []
        for name in services.tables.names(workspace.name):
            columns = services.tables.table(workspace.name, name) or ()
            timed = any(c.name == "TimeGenerated" for c in columns)
            tables.append(
                {
                    "id": f"t/{name}",
                    "name": name,
                    "timespanColumn": "TimeGenerated" if timed else None,
                    "columns": [{"name": c.name, "type": c.type.value} for c in columns],
                    "hasData": name in filled,
                    "labels": [],
                    "related": {"workspaces": [workspace.id]},
                }
            )
        functions = [
            {
                "id": f"f/{f.name}",
                "name": f.name,
                "displayName": f.display_name or f.name,
                "description": f.description,
                "parameters": f.parameters,
                "body": f.body,
                "related": {"workspaces": [workspace.id]},
            }
            for f in (d.value for d in services.functions.list(workspace))
        ]
        related = {"tables": [t["id"] for t in tables], "functions": [f["id"] for f in functions]}
        known = {"id": workspace.id, "name": workspace.name, "region": "local", "related": related}
        return {"tables": tables, "functions": functions, "workspaces": [known]}


def _place(request: Request) -> str:
    """The workspace that a path names: its id or name, or the resource id."""
    resource = request.path_params.get("resource")
    return f"/subscriptions/{resource}" if resource is not None else str(request.path_params["workspace"])


class Verdicts:
    """Which queries ran out of time a moment ago. Threads may share it."""

    def __init__(self, clock: Clock, *, kept: timedelta = timedelta(seconds=30)) -> None:
        self._clock, self._kept = clock, kept
        self._known: OrderedDict[str, datetime] = OrderedDict()

    def check(self, query: str) -> None:
        """Raise `TimedOut` where this very query did so lately."""
        at = self._known.get(query)
        if at is not None and self._clock.now() - at < self._kept:
            raise TimedOut("The same query has just run out of its time; it was not run again")

    def remember(self, query: str) -> None:
        """Say that a query ran out of time."""
        self._known[query] = self._clock.now()
        while len(self._known) > _MOST_VERDICTS:
            self._known.popitem(last=False)


_MOST_VERDICTS = 1000
