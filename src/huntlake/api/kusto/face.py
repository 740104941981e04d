"""The endpoints of the Kusto face: queries, commands, and what a client must know to sign in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from functools import partial

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from huntlake.api.authentication import Authentication
from huntlake.api.bodies import read_body, read_packed_body
from huntlake.api.closed_tables import opens
from huntlake.api.errors import json_response
from huntlake.api.kusto.callers import PrincipalCaller
from huntlake.api.kusto.frames import frames
from huntlake.api.kusto.options import RequestOptions
from huntlake.api.kusto.requests import KustoRequest, parse_body, parse_request
from huntlake.api.kusto.rows import Occasion
from huntlake.api.kusto.streams import StreamRequest, ingested, parse_stream
from huntlake.api.kusto.tables import command_tables, query_tables
from huntlake.api.limits import QueryLimits, Turns
from huntlake.api.services import Answer, FaceSettings, ResultTable, Services
from huntlake.api.streaming import Streamed
from huntlake.core.errors import Invalid, NotFound, Refused
from huntlake.engines.cancellation import Cancellation
from huntlake.identity.audiences import KUSTO
from huntlake.identity.principals import Principal
from huntlake.identity.rights import Action
from huntlake.workspace import parquet
from huntlake.workspace.activity import Asked, Progress
from huntlake.workspace.ingestion.bodies import events, kind_of
from huntlake.workspace.ingestion.streaming import Receipt
from huntlake.workspace.query import QueryOptions
from huntlake.workspace.workspaces import Workspace

_Form = Callable[[Principal, KustoRequest, Occasion, Cancellation], Iterator[bytes]]

# A path of one segment would be read as the name of a database by the SDKs' connection strings.
ROOTS = ("", "/lake/kql")

PARQUET = "application/vnd.apache.parquet"

_MOST_NAME = 256

_PUBLIC_CLIENT = "db662dc1-0cfe-4e1c-a843-19a68e65be58"
"""The application id of Kusto's own clients, which they ask the metadata for."""


class KustoFace:
    """The lake's query API."""

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

    def routes(self) -> list[Route]:
        """The face's routes, under each of its roots."""
        found = [Route("/v1/rest/auth/metadata", self.metadata)]
        for root in ROOTS:
            found += [
                Route(f"{root}/v2/rest/query", self.query_v2, methods=["GET", "POST"]),
                Route(f"{root}/v1/rest/query", self.query_v1, methods=["GET", "POST"]),
                Route(f"{root}/v1/rest/mgmt", self.command, methods=["POST"]),
                Route(f"{root}/v1/rest/ingest/{{database}}/{{table}}", self.ingest, methods=["POST"]),
            ]
        return found

    async def metadata(self, request: Request) -> Response:
        """Where to sign in, and for which resource. Anonymous: a client asks before it has a token."""
        base = request.state.base_url
        signing_in = {
            "LoginEndpoint": f"{base}/adfs",
            "LoginMfaRequired": False,
            "KustoClientAppId": _PUBLIC_CLIENT,
            "KustoClientRedirectUri": "http://localhost",
            "KustoServiceResourceId": base,
            "FirstPartyAuthorityUrl": f"{base}/{self._services.tenant.id}",
        }
        names = ("CloudEndpointSuffix", "DstsRealm", "DstsInstance", "KustoDnsHostName", "ServiceName")
        return json_response({"AzureAD": signing_in, "dSTS": dict.fromkeys(names, "")})

    async def query_v2(self, request: Request) -> Response:
        """A query or a command, answered in frames; a query also as a Parquet file, for who accepts only that."""
        principal, asked = await self._asked(request)
        if request.headers.get("accept", "").strip().lower() == PARQUET:
            return self._answer(request, principal, asked, self._in_parquet, PARQUET)
        return self._answer(request, principal, asked, self._in_frames)

    async def query_v1(self, request: Request) -> Response:
        """A query or a command, answered in tables."""
        principal, asked = await self._asked(request)
        return self._answer(request, principal, asked, self._in_tables)

    async def command(self, request: Request) -> Response:
        """A control command."""
        principal, asked = await self._asked(request)
        if not asked.is_command:
            raise Invalid("a control command begins with a dot; queries go to `/v2/rest/query`")
        return self._answer(request, principal, asked, self._in_tables)

    async def ingest(self, request: Request) -> Response:
        """Streaming ingestion: when this answers, the events lie on the disk, and queries see them."""
        principal = await self._authentication.principal(request, KUSTO)
        self._limits.count(principal.client_id)
        stream = parse_stream(request.path_params, request.query_params)
        # Rights are looked at before the body: whoever may not write here needn't send it.
        workspace = await run_in_threadpool(self._writable, principal, stream.database)
        body = await read_packed_body(request, self._services.settings.max_request_bytes)
        with self._limits.running(principal.client_id):
            receipt = await run_in_threadpool(self._take_in, workspace, stream, body)
        occasion = self._occasion(request, RequestOptions())
        return Response(b"".join(command_tables(ingested(receipt), occasion)), media_type="application/json")

    def _writable(self, principal: Principal, database: str) -> Workspace:
        workspace = self._workspace(principal, database)
        if not principal.may(Action.WRITE, workspace.id):
            raise Refused(f"the caller's role in `{workspace.name}` doesn't let it add rows there")
        return workspace

    def _take_in(self, workspace: Workspace, stream: StreamRequest, body: bytes) -> Receipt:
        services = self._services
        columns = services.tables.table(workspace.name, stream.table)
        if columns is None:
            raise NotFound(f"Entity ID '{stream.table}' of kind 'Table' was not found.")
        mapping = None
        if stream.mapping:
            mapping = services.mappings.get(workspace, stream.table, kind_of(stream.format), stream.mapping).text
        found = events(body, stream.format, columns, mapping)
        return services.streams.append(workspace, stream.table, found, source="kusto streaming ingestion")

    async def _asked(self, request: Request) -> tuple[Principal, KustoRequest]:
        principal = await self._authentication.principal(request, KUSTO)
        if request.method == "GET":
            return principal, parse_request(dict(request.query_params))
        return principal, parse_body(await read_body(request, self._services.settings.max_request_bytes))

    def _answer(
        self, request: Request, principal: Principal, asked: KustoRequest, form: _Form, kind: str = "application/json"
    ) -> Response:
        self._limits.count(principal.client_id)
        return Streamed(
            partial(form, principal, asked, self._occasion(request, asked.options)),
            pool=self._pool,
            turns=self._turns,
            principal=principal.client_id,
            place=self._limits.running(principal.client_id),
            gzip=kind != PARQUET and "gzip" in request.headers.get("accept-encoding", "").lower(),
            kind=kind,
        )

    def _occasion(self, request: Request, options: RequestOptions) -> Occasion:
        state, application = request.state, request.headers.get("x-ms-app", "")[:_MOST_NAME]
        return Occasion(
            state.client_request_id, state.activity_id, state.at, options, self._services.clock, application
        )

    def _in_frames(
        self, principal: Principal, asked: KustoRequest, occasion: Occasion, cancellation: Cancellation
    ) -> Iterator[bytes]:
        with self._remembered(principal, asked, occasion, cancellation):
            tables, occasion = self._run(principal, asked, occasion, cancellation)
            yield from frames(tables, occasion)

    def _in_tables(
        self, principal: Principal, asked: KustoRequest, occasion: Occasion, cancellation: Cancellation
    ) -> Iterator[bytes]:
        with self._remembered(principal, asked, occasion, cancellation):
            tables, occasion = self._run(principal, asked, occasion, cancellation)
            yield from command_tables(tables[0], occasion) if asked.is_command else query_tables(tables, occasion)

    def _in_parquet(
        self, principal: Principal, asked: KustoRequest, occasion: Occasion, cancellation: Cancellation
    ) -> Iterator[bytes]:
        if asked.is_command:
            raise Invalid("the answer of a command as Parquet is not supported")
        with self._remembered(principal, asked, occasion, cancellation):
            tables = tuple(self._query(principal, asked, cancellation).tables)
            if len(tables) != 1:
                raise Invalid(f"a Parquet file holds one table, and the query has {len(tables)} results")
            yield from parquet.chunks(tables[0])
            occasion.progress.rows += tables[0].row_count
            occasion.progress.bytes += tables[0].byte_count

    def _remembered(
        self, principal: Principal, asked: KustoRequest, occasion: Occasion, cancellation: Cancellation
    ) -> AbstractContextManager[Progress]:
        workspace = self._other_workspace(principal, asked.database)
        return self._services.activity.running(
            Asked(
                occasion.client_request_id,
                occasion.activity_id,
                asked.text,
                workspace.name if workspace else "",
                principal.client_id,
                occasion.application,
                occasion.at,
                command=asked.is_command,
                progress=occasion.progress,
                cancellation=cancellation,
            )
        )

    def _run(
        self, principal: Principal, asked: KustoRequest, occasion: Occasion, cancellation: Cancellation
    ) -> tuple[list[ResultTable], Occasion]:
        """The tables of an answer, and the occasion with what the text itself sets."""
        services = self._services
        if asked.is_command:
            options = query_options(asked, services.settings)
            caller = PrincipalCaller(principal, services.principals, services.sign_in.users)
            answer_table = services.commands.run(
                asked.text, caller, asked.database, options, cancellation, read_only=asked.options.read_only
            )
            return [answer_table], occasion
        answer = self._query(principal, asked, cancellation)
        return list(answer.tables), replace(occasion, options=occasion.options.with_settings(answer.settings))

    def _query(self, principal: Principal, asked: KustoRequest, cancellation: Cancellation) -> Answer:
        workspace = self._workspace(principal, asked.database)
        options = query_options(asked, self._services.settings)
        options = replace(options, opens=opens(principal, self._services.workspaces))
        others = partial(self._other_workspace, principal)
        return self._services.queries.run(workspace, asked.text, options, cancellation, workspaces=others)

    def _workspace(self, principal: Principal, database: str) -> Workspace:
        """The workspace that a database's name means. Whoever may not read it isn't told whether it is there."""
        found = self._other_workspace(principal, database)
        if found is None:
            raise Refused(
                "Client does not have access to any workspaces or client provided invalid workspace(s) in the scope."
            )
        return found

    def _other_workspace(self, principal: Principal, name: str) -> Workspace | None:
        try:
            workspace = self._services.workspaces.by_database(name)
        except NotFound:
            return None
        return workspace if principal.may(Action.READ, workspace.id) else None


def query_options(asked: KustoRequest, settings: FaceSettings) -> QueryOptions:
    """What a request asks for, within what the server allows."""
    options = asked.options
    rows, size = _truncation(options, settings)
    return QueryOptions(
        timeout=_timeout(options, settings),
        max_rows=rows,
        max_bytes=size,
        take=options.take_max_records,
        parameters=asked.parameters,
        now=options.query_now,
        time_column=options.time_column,
        since=options.since,
        until=options.until,
    )


def _timeout(options: RequestOptions, settings: FaceSettings) -> timedelta:
    limit = timedelta(seconds=settings.query_timeout_limit)
    if options.no_request_timeout:
        return limit
    return min(options.server_timeout or timedelta(seconds=settings.query_timeout), limit)


def _truncation(options: RequestOptions, settings: FaceSettings) -> tuple[int | None, int | None]:
    """The most rows and bytes. `notruncation` counts only where no limit is given beside it."""
    records, size = options.truncation_max_records, options.truncation_max_size
    if options.no_truncation and records is None and size is None:
        return None, None
    return records or settings.query_max_rows, size or settings.query_max_bytes
