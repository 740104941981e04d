"""The server: one ASGI application out of the faces, and TLS around it."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from huntlake.api.arm.contents import ContentsFace
from huntlake.api.arm.face import ArmFace
from huntlake.api.arm.services import ArmServices
from huntlake.api.authentication import Authentication
from huntlake.api.conversation import Conversation
from huntlake.api.defender.face import DefenderFace
from huntlake.api.defender.services import DefenderServices
from huntlake.api.envelopes import envelope_of
from huntlake.api.errors import EXPECTED, error_response
from huntlake.api.graph.face import GraphFace
from huntlake.api.imports import ImportServices, ImportsFace
from huntlake.api.ingestion.face import IngestionFace
from huntlake.api.kusto.asynchronous import AsyncFace, AsyncServices
from huntlake.api.kusto.face import KustoFace
from huntlake.api.limits import Api, IngestionLimits, QueryLimits, Turns, allowance, intake
from huntlake.api.loganalytics.face import LogAnalyticsFace
from huntlake.api.oauth import OAuth
from huntlake.api.services import FaceSettings
from huntlake.api.sign_in import SignInPages
from huntlake.api.workflows import WorkflowFace
from huntlake.core.errors import Invalid
from huntlake.engines.workers import Workers
from huntlake.identity.certificates import server_certificate
from huntlake.mcp import face as mcp
from huntlake.web import face as pages

_LOG = logging.getLogger("huntlake.server")
_DRAIN_SECONDS = 10
_DAY_SECONDS = 24 * 60 * 60


class ServerSettings(FaceSettings, Protocol):
    """The settings that a server obeys beside those of the faces; see `core/settings.py`."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def tls(self) -> bool: ...
    @property
    def tls_certificate(self) -> Path | None: ...
    @property
    def tls_key(self) -> Path | None: ...
    @property
    def proxies(self) -> Sequence[object]: ...


class FacesServices(ArmServices, AsyncServices, DefenderServices, ImportServices, pages.Services, Protocol):
    """The services of all faces."""

    @property
    def tools(self) -> mcp.FaceServices | None:
        """What the tools for AI clients need; None where there are no such tools."""
        ...


class ServerServices(FacesServices, Protocol):
    """The services of the faces, with the settings of a server and the folder it lives in."""

    @property
    def home(self) -> Path: ...
    @property
    def settings(self) -> ServerSettings: ...


@dataclass(frozen=True)
class Serving:
    """What a person must know of a server that listens: where, and which CA its clients must trust."""

    url: str
    authority: Path | None
    certificate_expires: datetime | None


def create_app(app: FacesServices, *, daily: Callable[[], None] | None = None) -> Starlette:
    """The ASGI application. Every answer it gives, whatever was asked, is one that Azure's clients can read.

    As long as it lives it calls `daily` once a day, in a thread.
    """
    settings = app.settings
    turns = Turns(at_once=settings.queries_at_once, waiting=settings.queries_waiting)
    pool = Workers(turns.most)
    lake, logs, calls = (
        QueryLimits(app.clock, allowance(api, settings)) for api in (Api.LAKE, Api.LOG_ANALYTICS, Api.TOOLS)
    )
    authentication = Authentication(
        app.principals, app.sign_in.users, app.tokens, frozenset(n.lower() for n in settings.names)
    )

    @asynccontextmanager
    async def admitted(principal: str) -> AsyncIterator[None]:
        # Calls of tools and queries share the turns: who does both has one share of them.
        calls.count(principal)
        with calls.running(principal):
            async with turns.turn(principal):
                yield

    tools = (
        mcp.McpFace(app.tools, authentication.principal, error_response, admitted, turns.most) if app.tools else None
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        chores = asyncio.create_task(_every_day(daily)) if daily else None
        async with tools.running() if tools else nullcontext():
            yield
        if chores:
            chores.cancel()
        pool.shutdown(wait=False, cancel_futures=True)

    starlette = Starlette(
        routes=[
            *KustoFace(app, authentication, pool, turns, lake).routes(),
            *AsyncFace(app, authentication, pool, turns, lake).routes(),
            *LogAnalyticsFace(app, authentication, pool, turns, logs).routes(),
            *(tools.routes() if tools else ()),
            *ArmFace(app, authentication, pool, turns).routes(),
            *ContentsFace(app).routes(),
            *IngestionFace(app, authentication, IngestionLimits(app.clock, intake(settings))).routes(),
            *ImportsFace(app, authentication).routes(),
            *DefenderFace(app, authentication, pool, turns).routes(),
            *GraphFace(app, authentication, pool, turns).routes(),
            *pages.PagesFace(app, lambda: starlette.router, envelope_of).routes(),
            *WorkflowFace(app).routes(),
            *SignInPages(app, authentication).routes(),
            *OAuth(app, authentication).routes(),
        ],
        middleware=[
            Middleware(
                Conversation,
                clock=app.clock,
                tenant_id=app.tenant.id,
                external_url=settings.external_url,
                envelope_of=envelope_of,
            )
        ],
        exception_handlers=dict.fromkeys(EXPECTED, _error),
        lifespan=lifespan,
    )
    # A client that is sent elsewhere with a slash forgets its body, or its token.
    starlette.router.redirect_slashes = False
    return starlette


async def _every_day(chore: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(_DAY_SECONDS)
        try:
            await run_in_threadpool(chore)
        except Exception:
            _LOG.exception("a daily task failed; it is tried again tomorrow")


async def _error(request: Request, error: Exception) -> Response:
    return error_response(request, error)


class _Uvicorn(uvicorn.Server):
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # A client that keeps an idle connection doesn't answer TLS's goodbye, and would be waited for.
        for connection in list(self.server_state.connections):
            exchange = getattr(connection, "cycle", None)
            transport = getattr(connection, "transport", None)
            if transport is not None and (exchange is None or exchange.response_complete):
                transport.abort()
        await super().shutdown(sockets)


class Server:
    """A server bound to its address. `run` serves until the process is told to end, or `stop` is called."""

    def __init__(self, app: ServerServices, *, host: str | None = None, port: int | None = None) -> None:
        self._app = app
        settings = app.settings
        host = settings.host if host is None else host
        self._socket = _listen(host, settings.port if port is None else port)
        bound = self._socket.getsockname()[1]
        chain, key, authority, expires = _certificate(app)
        shown = "localhost" if _is_this_machine(host) else host
        scheme = "https" if chain else "http"
        url = settings.external_url or f"{scheme}://{f'[{shown}]' if ':' in shown else shown}:{bound}"
        self.serving = Serving(url, authority, expires)
        self._uvicorn = _Uvicorn(
            uvicorn.Config(
                create_app(app, daily=self._renew if authority else None),
                ssl_certfile=chain,
                ssl_keyfile=key,
                log_config=None,
                access_log=False,
                server_header=False,
                # Only behind a proxy is there anyone to believe about where a request comes from.
                proxy_headers=bool(settings.external_url),
                forwarded_allow_ips=[str(p) for p in settings.proxies],
                # Clients keep their connections, and take one that was closed under them for a failure.
                timeout_keep_alive=75,
                h11_max_incomplete_event_size=64 << 10,
                timeout_graceful_shutdown=_DRAIN_SECONDS,
                lifespan="on",
            )
        )

    def run(self) -> None:
        """Serve. Told to end, it takes no more requests and gives those under way ten seconds."""
        try:
            self._uvicorn.run(sockets=[self._socket])
        finally:
            self._socket.close()

    def _renew(self) -> None:
        """Show a new certificate, before the old one expires, to whoever connects from then on."""
        chain, key, _, _ = _certificate(self._app)
        context = self._uvicorn.config.ssl
        if context is not None and chain is not None:
            context.load_cert_chain(chain, key)

    def stop(self) -> None:
        """End `run`, from another thread."""
        self._uvicorn.should_exit = True


def serve(
    app: ServerServices,
    *,
    host: str | None = None,
    port: int | None = None,
    listening: Callable[[Serving], None] = lambda _: None,
) -> None:
    """Serve on that address, or the one in the settings; `listening` is told where before the first request."""
    server = Server(app, host=host, port=port)
    listening(server.serving)
    server.run()


def _is_this_machine(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return not host
    return address.is_loopback or address.is_unspecified


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named: else asyncio leaves Nagle's algorithm on, and each answer waits 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise Invalid(f"can't listen on {host}:{port}: {error.strerror or error}; choose another port") from None
    return listener


def _certificate(app: ServerServices) -> tuple[Path | None, Path | None, Path | None, datetime | None]:
    """The chain and key to show, and of one that is our own also the CA and when it must be renewed."""
    settings = app.settings
    if not settings.tls:
        return None, None, None, None
    if settings.tls_certificate and settings.tls_key:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.tls_certificate, settings.tls_key)
        except (OSError, ssl.SSLError) as error:
            raise Invalid(f"the certificate {settings.tls_certificate} can't be used: {error}") from None
        return settings.tls_certificate, settings.tls_key, None, None
    if settings.tls_certificate or settings.tls_key:
        raise Invalid("`tls_certificate` and `tls_key` go together: one is set, the other is not")
    made = server_certificate(app.home / "tls", (socket.gethostname(), *settings.names), app.clock)
    return made.chain, made.key, made.authority, made.expires
