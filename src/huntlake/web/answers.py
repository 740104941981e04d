"""What every answer of the pages' face has in common, and the cookie of a session."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import orjson
from starlette.requests import Request
from starlette.responses import Response

from huntlake.core.errors import DomainError, Invalid, NotFound, Refused
from huntlake.identity.browser_sessions import LONGEST
from huntlake.identity.throttle import Throttled
from huntlake.identity.users import WrongPassword
from huntlake.web.headers import POLICY

COOKIE, SECURE_COOKIE = "huntlake-session", "__Host-huntlake-session"


class NotSignedIn(Refused):
    """The request belongs to no session."""


def own(request: Request) -> None:
    """Raise `Refused` for what another site's page has sent."""
    said = request.headers.get("sec-fetch-site")
    if said is None:
        # An older browser. Behind a proxy this server may be known by another name than the request is sent to.
        ours = {urlsplit(str(request.state.base_url)).netloc, request.headers.get("host", "")}
        foreign = "origin" in request.headers and urlsplit(request.headers["origin"]).netloc not in ours
    else:
        foreign = said not in ("same-origin", "none")
    if foreign:
        raise Refused("the request was sent by a page of another site")


def secure(request: Request) -> bool:
    """Whether the browser speaks TLS."""
    return str(request.state.base_url).startswith("https:")


def source_of(request: Request) -> str:
    """The address that a request comes from."""
    return request.client.host if request.client else ""


def session_of(request: Request) -> str:
    """The text of the session's cookie, whatever it is worth."""
    return request.cookies.get(_cookie(request), "")


def give_session(request: Request, answer: Response, text: str) -> None:
    """Let the browser have a session."""
    answer.set_cookie(
        _cookie(request),
        text,
        max_age=int(LONGEST.total_seconds()),
        secure=secure(request),
        httponly=True,
        samesite="strict",
        path="/",
    )


def take_session(request: Request, answer: Response) -> None:
    """Let the browser forget its session."""
    answer.delete_cookie(_cookie(request), path="/", secure=secure(request), httponly=True)


def answered(answer: Response) -> Response:
    """An answer of the pages' own."""
    answer.headers["Content-Security-Policy"] = POLICY
    answer.headers.setdefault("Cache-Control", "no-store")
    return answer


def as_json(value: Any, status: int = 200) -> Response:
    """A value as JSON."""
    return Response(orjson.dumps(value), status_code=status, media_type="application/json")


def error(request: Request, error: Exception) -> Response:
    """How the pages are told no."""
    return answered(_told(error))


def _told(error: Exception) -> Response:
    match error:
        case Throttled():
            seconds = max(1, round(error.retry_after.total_seconds()))
            answer = as_json({"error": {"code": "Throttled", "message": str(error)}}, 429)
            answer.headers["Retry-After"] = str(seconds)
            return answer
        case NotSignedIn() | WrongPassword():
            return as_json({"error": {"code": type(error).__name__, "message": str(error)}}, 401)
        case Refused():
            return as_json({"error": {"code": "Forbidden", "message": str(error)}}, 403)
        case NotFound():
            return as_json({"error": {"code": "NotFound", "message": str(error)}}, 404)
        case Invalid():
            return as_json({"error": {"code": "BadRequest", "message": str(error)}}, 400)
        case DomainError():
            return as_json({"error": {"code": type(error).__name__, "message": str(error)}}, 503)
        case _:
            told = "the server met an error of its own"
            return as_json({"error": {"code": "InternalError", "message": told}}, 500)


def _cookie(request: Request) -> str:
    return SECURE_COOKIE if secure(request) else COOKIE
