"""What every request has, whichever face it is for: ids, a base URL, a line in the log, and an answer."""

from __future__ import annotations

import json
import logging
import re
import time
import traceback
import uuid
from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from huntlake.api.errors import error_response, kusto_error
from huntlake.core.clock import Clock
from huntlake.core.errors import Invalid

_ACCESS = logging.getLogger("huntlake.access")
_ERRORS = logging.getLogger("huntlake.errors")
_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,253})|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_MOST_ID = 256
_ALWAYS = {
    # An answer that a browser shows by itself, as of a link to an API, is data: it loads nothing, and runs nowhere.
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""What every answer says to browsers, where its face doesn't say it otherwise."""


class Conversation:
    """ASGI middleware around all faces.

    Gives each request, in its state, `client_request_id` (the client's, or a new one), `activity_id`,
    `at` (when it came), `base_url` (`https://host:port`, no slash after it), `tenant_id`, and
    `error_response`, which says no in the manner of the face that the path belongs to.
    """

    def __init__(
        self,
        app: ASGIApp,
        clock: Clock,
        tenant_id: str,
        external_url: str = "",
        envelope_of: Callable[[str], Callable[[Request, Exception], Response]] = lambda _: kusto_error,
    ) -> None:
        self._app, self._clock, self._tenant_id = app, clock, tenant_id
        self._envelope_of = envelope_of
        self._external_url = external_url.rstrip("/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        state = scope.setdefault("state", {})
        given = headers.get("x-ms-client-request-id", "")[:_MOST_ID]
        state["client_request_id"] = given or f"huntlake.request;{uuid.uuid4()}"
        state["activity_id"] = str(uuid.uuid4())
        state["at"] = self._clock.now()
        state["tenant_id"] = self._tenant_id
        state["error_response"] = self._envelope_of(scope["path"])
        state["base_url"] = base_url = self._external_url or _base_url(scope, headers)
        began = time.monotonic()
        sent = {"status": 0, "bytes": 0}

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                sent["status"] = message["status"]
                answer = MutableHeaders(raw=message.setdefault("headers", []))
                answer["x-ms-client-request-id"] = state["client_request_id"]
                answer["x-ms-activity-id"] = state["activity_id"]
                for name, value in _ALWAYS.items():
                    answer.setdefault(name, value)
                if base_url and base_url.startswith("https:"):
                    answer.setdefault("Strict-Transport-Security", "max-age=31536000")
            elif message["type"] == "http.response.body":
                sent["bytes"] += len(message.get("body", b""))
            await send(message)

        try:
            if base_url is None:
                state["base_url"] = ""
                refusal = error_response(Request(scope), Invalid("the Host header names no host"))
                await refusal(scope, receive, marked)
            else:
                await self._app(scope, receive, marked)
        except Exception as error:
            report(error, state["activity_id"])
            if sent["status"]:
                raise  # the answer has begun: only a broken connection tells the client that it isn't whole
            await error_response(Request(scope), error)(scope, receive, marked)
        finally:
            _log(scope, sent, time.monotonic() - began)


def _base_url(scope: Scope, headers: Headers) -> str | None:
    host = headers.get("host", "")
    if not host:  # HTTP/1.0
        address, port = scope.get("server") or ("localhost", None)
        host = f"[{address}]" if ":" in address else address
        host += f":{port}" if port else ""
    return f"{scope['scheme']}://{host}" if _HOST.fullmatch(host) else None


def host_name(base_url: str) -> str:
    """The host name in a base URL, without the port."""
    return urlsplit(base_url).hostname or ""


def _log(scope: Scope, sent: dict[str, int], seconds: float) -> None:
    """One line of JSON: whatever a client puts into a path or a header can't begin another."""
    state = scope["state"]
    client = scope.get("client") or ("", 0)
    line = {
        "at": state["at"].isoformat(),
        "client": client[0],
        "principal": state.get("principal", ""),
        "method": scope["method"],
        # Never the query string: a GET carries the whole query there.
        "path": scope["path"][:1000],
        "status": sent["status"] or 499,  # the client went away before there was one
        "bytes": sent["bytes"],
        "ms": round(seconds * 1000, 1),
        "clientRequestId": state["client_request_id"],
        "activityId": state["activity_id"],
    }
    _ACCESS.info("%s", _one_line(line))


def report(error: Exception, activity_id: str) -> None:
    """Log an error that no client is told about, under the id that its client is told."""
    frames = [f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(error.__traceback__)]
    line: dict[str, object] = {
        "activityId": activity_id,
        "error": type(error).__qualname__,
        "message": str(error)[:2000],
        "trace": frames[-20:],
    }
    _ERRORS.error("%s", _one_line(line))


def _one_line(line: dict[str, object]) -> str:
    # In ASCII alone: a terminal obeys some of what lies beyond it, and DEL.
    return json.dumps(line, ensure_ascii=True).replace("\x7f", "\\u007f")
