"""The pages' face: files, the session of whoever signs in, and the door to the APIs.

| path | what it is |
|---|---|
| `/app/…` | the pages; a path that is no file is a place within them |
| `/app/session` | GET: who is signed in; POST: sign in; DELETE: sign out |
| `/app/session/…` | the other ways to sign in: `outside.py` |
| `/app/api/…` | any API of this server, asked with the rights of whoever is signed in |
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Protocol

import orjson
from anyio import CapacityLimiter, to_thread
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from huntlake.core.clock import Clock
from huntlake.core.errors import DomainError, Invalid, Refused
from huntlake.identity.browser_sessions import BrowserSession, BrowserSessions
from huntlake.identity.discovery import issuer
from huntlake.identity.sign_in import SignIn
from huntlake.identity.tenant import Subscription, Tenant
from huntlake.identity.tokens import Tokens
from huntlake.identity.users import User
from huntlake.web.answers import (
    NotSignedIn,
    answered,
    as_json,
    error,
    give_session,
    own,
    session_of,
    source_of,
    take_session,
)
from huntlake.web.files import SHELL, built
from huntlake.web.outside import APPLICATION, OutsideSignIn
from huntlake.workspace.workspaces import Workspaces

PROOF = "x-huntlake-proof"
"""The header by which the pages show that a request is theirs."""

CLIENT = "huntlake-pages"
_DOOR = "/app/api"
_MANAGEMENT = "https://management.azure.com"
_MOST_BODY = 16 << 10
_FRESH = timedelta(minutes=5)
_DROPPED = (b"authorization", b"cookie", PROOF.encode(), b"origin", b"referer")


class Services(Protocol):
    """What the pages need of the services behind them."""

    @property
    def clock(self) -> Clock: ...
    @property
    def tokens(self) -> Tokens: ...
    @property
    def sign_in(self) -> SignIn: ...
    @property
    def tenant(self) -> Tenant: ...
    @property
    def subscription(self) -> Subscription: ...
    @property
    def workspaces(self) -> Workspaces: ...


class PagesFace:
    """Serves the pages. `apis` answers what goes through the door; `say_no` makes an API's own error of a refusal."""

    def __init__(
        self,
        services: Services,
        apis: Callable[[], ASGIApp],
        error_response_of: Callable[[str], Callable[[Request, Exception], Response]],
    ) -> None:
        self._services, self._apis, self._error_response_of = services, apis, error_response_of
        self._sessions: BrowserSessions = services.sign_in.sessions
        self._outside = OutsideSignIn(services.sign_in)
        # Checking a password is slow on purpose, and takes no thread from the queries.
        self._threads = CapacityLimiter(2)
        self._tokens: dict[str, tuple[str, datetime]] = {}
        self._lock = Lock()

    def routes(self) -> list[Route]:
        """The face's routes."""
        return [
            Route("/", self.home, methods=["GET"]),
            Route("/app", self.home, methods=["GET"]),
            Route("/app/session", self.session, methods=["GET", "POST", "DELETE"]),
            *self._outside.routes(),
            Route(_DOOR + "/{path:path}", _Door(self)),
            Route("/app/{path:path}", self.page, methods=["GET"]),
        ]

    # -- files

    async def home(self, request: Request) -> Response:
        """Send a browser to the pages."""
        return answered(Response(status_code=302, headers={"Location": "/app/"}))

    async def page(self, request: Request) -> Response:
        """A file, or the shell, which finds its place by itself."""
        request.state.error_response = error
        files, name = built(), request.path_params["path"]
        if not files:
            return answered(Response(_NOT_BUILT, status_code=503, media_type="text/plain; charset=utf-8"))
        file = files.get(name)
        if file is None and name.startswith("assets/"):
            return answered(Response("no such file", status_code=404, media_type="text/plain"))
        file = file or files[SHELL]
        if request.headers.get("if-none-match") == file.etag:
            return answered(Response(status_code=304, headers={"ETag": file.etag}))
        more = {"Cache-Control": file.caching, "ETag": file.etag, "Vary": "Accept-Encoding"}
        path = file.path
        if file.packed and "gzip" in request.headers.get("accept-encoding", ""):
            path, more["Content-Encoding"] = file.packed, "gzip"
        return answered(FileResponse(path, media_type=file.media_type, headers=more))

    # -- sessions

    async def session(self, request: Request) -> Response:
        """Who is signed in; sign in; sign out."""
        request.state.error_response = error
        match request.method:
            case "POST":
                return await self._sign_in(request)
            case "DELETE":
                return await self._sign_out(request)
            case _:
                found = await self._found(request)
                told = self._told(request, *found) if found else {"signedIn": False}
                return answered(as_json(told))

    async def _sign_in(self, request: Request) -> Response:
        own(request)
        given = await _given(request)
        name, password = given.get("name"), given.get("password")
        if not isinstance(name, str) or not isinstance(password, str):
            raise Invalid("a sign-in has a `name` and a `password`")
        source, sign_in = source_of(request), self._services.sign_in

        def begin() -> tuple[str, BrowserSession, User]:
            user = sign_in.by_password(name, password, source=source, application=APPLICATION)
            # A browser that signs in anew has another session from then on.
            self._sessions.end(session_of(request))
            return (*self._sessions.begin(user), user)

        text, session, user = await to_thread.run_sync(begin, limiter=self._threads)
        request.state.principal = user.object_id
        answer = answered(as_json(self._told(request, session, user)))
        give_session(request, answer, text)
        return answer

    async def _sign_out(self, request: Request) -> Response:
        told: dict[str, Any] = {"signedIn": False}
        if found := await self._shown(request):
            told |= await to_thread.run_sync(self._ended, request, *found)
        answer = answered(as_json(told))
        take_session(request, answer)
        return answer

    def _ended(self, request: Request, session: BrowserSession, user: User) -> dict[str, Any]:
        """End a session; what the page tells of the provider, where the person is still signed in."""
        self._sessions.end(session_of(request))
        sign_in = self._services.sign_in
        sign_in.journal.signed_out(user, source=source_of(request), application=APPLICATION)
        provider = sign_in.providers.find(session.provider)
        way_out = sign_in.providers.way_out(session.provider, f"{request.state.base_url}/app/") if provider else ""
        return {"provider": {"title": provider.title, "signOut": way_out}} if provider and way_out else {}

    def _told(self, request: Request, session: BrowserSession, user: User) -> dict[str, Any]:
        """What the pages know of whoever is signed in: where they may do what."""
        granted = {g.workspace_id: g.role for g in user.grants}
        workspaces = [
            {
                "name": w.name,
                "id": w.id,
                "role": granted[w.id].value,
                "may": sorted(action.value for action in granted[w.id].allows),
            }
            for w in self._services.workspaces.list()
            if w.id in granted
        ]
        return {
            "signedIn": True,
            "id": user.object_id,
            "name": user.name,
            "displayName": user.display_name,
            "proof": session.proof,
            "expires": session.expires.isoformat(),
            "workspaces": workspaces,
            "tenant": self._services.tenant.id,
            "subscription": self._services.subscription.id,
            "resourceGroup": self._services.subscription.group,
        }

    # -- the door

    async def _shown(self, request: Request) -> tuple[BrowserSession, User] | None:
        """The session of a request that the pages made; None of one that belongs to no session."""
        found = await self._found(request)
        if found is None:
            return None
        own(request)
        if not found[0].proves(request.headers.get(PROOF, "")):
            raise Refused("the request doesn't show that it was made by the pages")
        return found

    async def let_in(self, request: Request) -> str:
        """The token for what a request asks of an API. Raises `NotSignedIn`, or `Refused` for another site's."""
        found = await self._shown(request)
        if found is None:
            raise NotSignedIn("nobody is signed in here any more: sign in again")
        session, user = found
        request.state.principal = user.object_id
        return await to_thread.run_sync(self._token, request, session, user)

    def _token(self, request: Request, session: BrowserSession, user: User) -> str:
        base, now = str(request.state.base_url), self._services.clock.now()
        # What manages resources, approvals among them, takes a token for that alone.
        path = str(request.url.path).removeprefix(_DOOR).lower()
        audience = _MANAGEMENT if path.startswith("/subscriptions/") else base
        key = f"{session.proof} {base} {audience}"
        with self._lock:
            text, expires = self._tokens.get(key, ("", now))
            if expires - now > _FRESH:
                return text
        tenant = self._services.tenant
        token = self._services.tokens.issue_for(user, CLIENT, audience, issuer=issuer(f"{base}/{tenant.id}"))
        with self._lock:
            self._tokens = {k: v for k, v in self._tokens.items() if v[1] > now}
            self._tokens[key] = (token.text, token.expires)
        return token.text

    async def pass_on(self, token: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Ask the API itself."""
        path = scope["path"].removeprefix(_DOOR)
        raw = scope.get("raw_path", path.encode()).removeprefix(_DOOR.encode())
        kept = [(k, v) for k, v in scope["headers"] if k.lower() not in _DROPPED]
        inner = dict(scope) | {
            "path": path,
            "raw_path": raw,
            "root_path": "",
            "headers": [*kept, (b"authorization", f"Bearer {token}".encode())],
            "path_params": {},
        }
        inner["state"]["error_response"] = self._error_response_of(path)

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(raw=message.setdefault("headers", []))
                # What a person may see stays in no cache that another person of this browser finds.
                answer["Cache-Control"] = "no-store"
            await send(message)

        await self._apis()(inner, receive, marked)

    # -- all

    async def _found(self, request: Request) -> tuple[BrowserSession, User] | None:
        text = session_of(request)
        if not re.fullmatch(r"[A-Za-z0-9_-]{20,100}", text):
            return None
        found = await to_thread.run_sync(self._sessions.find, text)
        # Whom a provider vouched for that the settings have no more, nobody vouches for.
        if found and found[0].provider and self._services.sign_in.providers.find(found[0].provider) is None:
            return None
        return found


class _Door:
    """Lets requests of the pages through to an API."""

    def __init__(self, face: PagesFace) -> None:
        self._face = face

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            token = await self._face.let_in(request)
        except DomainError as refused:
            await error(request, refused)(scope, receive, send)
            return
        await self._face.pass_on(token, scope, receive, send)


async def _given(request: Request) -> dict[str, Any]:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BODY:
            raise Invalid("the body is too large")
    try:
        given = orjson.loads(bytes(body))
    except orjson.JSONDecodeError:
        raise Invalid("the body isn't JSON") from None
    if not isinstance(given, dict):
        raise Invalid("the body isn't a JSON object")
    return given


_NOT_BUILT = "The pages were not built. In a checkout, `make pages` builds them; the APIs work without them.\n"
