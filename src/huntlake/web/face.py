"""The pages' face: files, the session of whoever signs in, and the door to the APIs.

| path | what it is |
|---|---|
| `/app/…` | the pages; a path that is no file is a place within them |
| `/app/session` | GET: who is signed in; POST: sign in; DELETE: sign out |
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
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from huntlake.core.clock import Clock
from huntlake.core.errors import DomainError, Invalid, Refused
from huntlake.identity.browser_sessions import LONGEST, BrowserSession, BrowserSessions
from huntlake.identity.discovery import issuer
from huntlake.identity.sign_in import SignIn
from huntlake.identity.tenant import Subscription, Tenant
from huntlake.identity.throttle import Throttled
from huntlake.identity.tokens import Tokens
from huntlake.identity.users import User, WrongPassword
from huntlake.web.files import SHELL, built
from huntlake.web.headers import headers
from huntlake.workspace.workspaces import Workspaces

COOKIE, SECURE_COOKIE = "huntlake-session", "__Host-huntlake-session"
PROOF = "x-huntlake-proof"
"""The header by which the pages show that a request is theirs."""

CLIENT = "huntlake-pages"
_DOOR = "/app/api"
_MOST_BODY = 16 << 10
_FRESH = timedelta(minutes=5)
_DROPPED = (b"authorization", b"cookie", PROOF.encode(), b"origin", b"referer")


class NotSignedIn(Refused):
    """The request belongs to no session."""


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
            Route(_DOOR + "/{path:path}", _Door(self)),
            Route("/app/{path:path}", self.page, methods=["GET"]),
        ]

    # -- files

    async def home(self, request: Request) -> Response:
        """Send a browser to the pages."""
        return Response(status_code=302, headers={"Location": "/app/", "Cache-Control": "no-store"})

    async def page(self, request: Request) -> Response:
        """A file, or the shell, which finds its place by itself."""
        request.state.error_response = _error
        files, name = built(), request.path_params["path"]
        if not files:
            return self._answer(request, Response(_NOT_BUILT, status_code=503, media_type="text/plain; charset=utf-8"))
        file = files.get(name)
        if file is None and name.startswith("assets/"):
            return self._answer(request, Response("no such file", status_code=404, media_type="text/plain"))
        file = file or files[SHELL]
        if request.headers.get("if-none-match") == file.etag:
            return self._answer(request, Response(status_code=304, headers={"ETag": file.etag}))
        more = {"Cache-Control": file.caching, "ETag": file.etag, "Vary": "Accept-Encoding"}
        path = file.path
        if file.packed and "gzip" in request.headers.get("accept-encoding", ""):
            path, more["Content-Encoding"] = file.packed, "gzip"
        return self._answer(request, FileResponse(path, media_type=file.media_type, headers=more))

    # -- sessions

    async def session(self, request: Request) -> Response:
        """Who is signed in; sign in; sign out."""
        request.state.error_response = _error
        match request.method:
            case "POST":
                return await self._sign_in(request)
            case "DELETE":
                return await self._sign_out(request)
            case _:
                found = await self._found(request)
                told = self._told(request, *found) if found else {"signedIn": False}
                return self._answer(request, _json(told))

    async def _sign_in(self, request: Request) -> Response:
        self._own(request)
        given = await _given(request)
        name, password = given.get("name"), given.get("password")
        if not isinstance(name, str) or not isinstance(password, str):
            raise Invalid("a sign-in has a `name` and a `password`")
        source = request.client.host if request.client else ""
        users = self._services.sign_in.users

        def begin() -> tuple[str, BrowserSession, User]:
            user = users.authenticate(name, password, source=source)
            # A browser that signs in anew has another session from then on.
            self._sessions.end(request.cookies.get(self._cookie(request), ""))
            return (*self._sessions.begin(user), user)

        text, session, user = await to_thread.run_sync(begin, limiter=self._threads)
        request.state.principal = user.object_id
        answer = self._answer(request, _json(self._told(request, session, user)))
        answer.set_cookie(
            self._cookie(request),
            text,
            max_age=int(LONGEST.total_seconds()),
            secure=self._secure(request),
            httponly=True,
            samesite="strict",
            path="/",
        )
        return answer

    async def _sign_out(self, request: Request) -> Response:
        text = request.cookies.get(self._cookie(request), "")
        if await self._shown(request):
            await to_thread.run_sync(self._sessions.end, text)
        answer = self._answer(request, _json({"signedIn": False}))
        answer.delete_cookie(self._cookie(request), path="/", secure=self._secure(request), httponly=True)
        return answer

    def _told(self, request: Request, session: BrowserSession, user: User) -> dict[str, Any]:
        """What the pages know of whoever is signed in: where they may do what."""
        granted = {g.workspace_id: g.role for g in user.grants}
        workspaces = [
            {"name": w.name, "id": w.id, "role": granted[w.id].value}
            for w in self._services.workspaces.list()
            if w.id in granted
        ]
        return {
            "signedIn": True,
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
        self._own(request)
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
        key = f"{session.proof} {base}"
        with self._lock:
            text, expires = self._tokens.get(key, ("", now))
            if expires - now > _FRESH:
                return text
        tenant = self._services.tenant
        token = self._services.tokens.issue_for(user, CLIENT, base, issuer=issuer(f"{base}/{tenant.id}"))
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
        await self._apis()(inner, receive, send)

    # -- all

    async def _found(self, request: Request) -> tuple[BrowserSession, User] | None:
        text = request.cookies.get(self._cookie(request), "")
        if not re.fullmatch(r"[A-Za-z0-9_-]{20,100}", text):
            return None
        return await to_thread.run_sync(self._sessions.find, text)

    def _own(self, request: Request) -> None:
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise Refused("the request was sent by a page of another site")

    def _secure(self, request: Request) -> bool:
        return str(request.state.base_url).startswith("https:")

    def _cookie(self, request: Request) -> str:
        return SECURE_COOKIE if self._secure(request) else COOKIE

    def _answer(self, request: Request, answer: Response) -> Response:
        for name, value in headers(secure=self._secure(request)).items():
            answer.headers[name] = value
        answer.headers.setdefault("Cache-Control", "no-store")
        return answer


class _Door:
    """Lets requests of the pages through to an API."""

    def __init__(self, face: PagesFace) -> None:
        self._face = face

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            token = await self._face.let_in(request)
        except (Refused, DomainError) as error:
            await _error(request, error)(scope, receive, send)
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


def _json(value: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status_code=status, media_type="application/json")


def _error(request: Request, error: Exception) -> Response:
    """How the pages are told no."""
    match error:
        case Throttled():
            seconds = max(1, round(error.retry_after.total_seconds()))
            answer = _json({"error": {"code": "Throttled", "message": str(error)}}, 429)
            answer.headers["Retry-After"] = str(seconds)
            return answer
        case NotSignedIn() | WrongPassword():
            return _json({"error": {"code": type(error).__name__, "message": str(error)}}, 401)
        case Refused():
            return _json({"error": {"code": "Forbidden", "message": str(error)}}, 403)
        case Invalid():
            return _json({"error": {"code": "BadRequest", "message": str(error)}}, 400)
        case DomainError():
            return _json({"error": {"code": type(error).__name__, "message": str(error)}}, 503)
        case _:
            told = "the server met an error of its own"
            return _json({"error": {"code": "InternalError", "message": told}}, 500)


_NOT_BUILT = "The pages were not built. In a checkout, `make pages` builds them; the APIs work without them.\n"
