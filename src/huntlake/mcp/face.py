"""The tools over streamable HTTP, for callers with a bearer token.

https://modelcontextprotocol.io/specification/2025-06-18/basic/authorization
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from huntlake.identity.audiences import KUSTO
from huntlake.identity.principals import Principal
from huntlake.identity.rights import Action
from huntlake.identity.tenant import Tenant
from huntlake.identity.tokens import InvalidToken
from huntlake.mcp.reading import Reader
from huntlake.mcp.services import Admitted, Caller, Services
from huntlake.workspace.workspaces import Workspace, Workspaces

PATH = "/mcp/data-exploration"
RESOURCE_METADATA = f"/.well-known/oauth-protected-resource{PATH}"

_MOST_BODY = 1 << 20

Authenticate = Callable[[Request, frozenset[str]], Awaitable[Principal]]


class FaceServices(Services, Protocol):
    """The services of the tools, and who may read what."""

    @property
    def tenant(self) -> Tenant: ...
    @property
    def workspaces(self) -> Workspaces: ...


class McpFace:
    """One URL that AI clients talk to, and the document that tells them where to sign in.

    `authenticate` gives the principal behind a request, or raises `InvalidToken`; `refused` is the answer to a
    request that failed in any other way. `admitted` holds, for as long as a call takes, its caller's place among those
    that are at work, `at_once` at most. Nothing is kept between requests.
    """

    def __init__(
        self,
        services: FaceServices,
        authenticate: Authenticate,
        refused: Callable[[Request, Exception], Response],
        admitted: Admitted,
        at_once: int,
    ) -> None:
        self._services, self._authenticate, self._refused = services, authenticate, refused
        self._admitted, self._at_once = admitted, at_once
        self._manager: Any = None

    def routes(self) -> list[Route]:
        """The face's routes."""
        return [Route(PATH, endpoint=_Endpoint(self.answer)), Route(RESOURCE_METADATA, self.metadata)]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Take calls as long as the block lasts."""
        # The SDK takes a second to import: a server that listens already can afford it.
        from mcp.server.transport_security import TransportSecuritySettings

        from huntlake.mcp import protocol

        made = protocol.server(Reader(self._services), self._caller, self._admitted, self._at_once)
        # Nothing ambient opens this face: each call carries its token, so the name a host goes by proves nothing.
        open_to_any_name = TransportSecuritySettings(enable_dns_rebinding_protection=False)
        made.streamable_http_app(
            streamable_http_path=PATH,
            stateless_http=True,
            max_request_body_size=_MOST_BODY,
            transport_security=open_to_any_name,
        )
        async with made.session_manager.run():
            self._manager = made.session_manager
            yield

    async def metadata(self, request: Request) -> Response:
        """Where a client gets a token for this resource. Anonymous."""
        base = request.state.base_url
        body = {
            "resource": f"{base}{PATH}",
            "authorization_servers": [f"{base}/{self._services.tenant.id}/v2.0"],
            "bearer_methods_supported": ["header"],
            "resource_name": "huntlake",
        }
        return _json(body, 200, {"Access-Control-Allow-Origin": "*"})

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A message of the protocol."""
        request = Request(scope, receive)
        try:
            request.state.caller = await self._authenticate(request, KUSTO)
        except InvalidToken as error:
            await self._sign_in(request, error)(scope, receive, send)
            return
        except Exception as error:
            await self._refused(request, error)(scope, receive, send)
            return
        await self._manager.handle_request(scope, receive, send)

    def _sign_in(self, request: Request, error: InvalidToken) -> Response:
        body = {"error": "invalid_token", "error_description": str(error)}
        challenge = f'Bearer error="invalid_token", resource_metadata="{request.state.base_url}{RESOURCE_METADATA}"'
        return _json(body, 401, {"WWW-Authenticate": challenge})

    def _caller(self, context: Any) -> Caller:
        principal: Principal = context.request_context.request.state.caller

        def readable() -> Sequence[Workspace]:
            return [w for w in self._services.workspaces.list() if principal.may(Action.READ, w.id)]

        return Caller(principal.client_id, readable)


class _Endpoint:
    """An ASGI application, so that the router neither reads the request nor picks methods."""

    def __init__(self, answer: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._answer(scope, receive, send)


def _json(body: object, status: int, headers: dict[str, str]) -> Response:
    kept = {"Cache-Control": "no-store", **headers}
    return Response(orjson.dumps(body), status, kept, media_type="application/json")
