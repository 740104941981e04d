"""How the Log Analytics query API says no."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from huntlake.api.errors import BodyTooLarge, Problem, json_response, problem_of
from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import Busy, Invalid, LimitExceeded, NotFound, Refused, TimedOut, Unavailable
from huntlake.identity.throttle import Throttled
from huntlake.identity.tokens import InvalidToken

_INVALID = "The request had some invalid properties"

# The first that fits counts, so that a kind of error stands before what it is a kind of.
_CODES: tuple[tuple[type[Exception], tuple[str, str]], ...] = (
    (SourceError, ("BadArgumentError", _INVALID)),
    (InvalidToken, ("InvalidTokenError", "The provided authentication is not valid for this resource")),
    (
        Refused,
        ("InsufficientAccessError", "The caller has no right to do this"),
    ),
    (Throttled, ("ThrottledError", "Too many requests")),
    (Busy, ("ThrottledError", "Too many requests")),
    (TimedOut, ("GatewayTimeout", "The query took longer than its time and was ended")),
    (Unavailable, ("ServiceUnavailable", "The service can't answer now")),
    (LimitExceeded, ("BadArgumentError", "The query needs more than it may use")),
    (BodyTooLarge, ("RequestEntityTooLarge", "The request body is too large")),
    (Invalid, ("BadArgumentError", _INVALID)),
    (NotFound, ("PathNotFoundError", "The requested path does not exist")),
)
_STATUSES = {404: ("PathNotFoundError", "The requested path does not exist"), 405: ("MethodNotAllowed", "")}


def loganalytics_error(request: Request, error: Exception) -> Response:
    """The answer to a request that failed, as Log Analytics gives it."""
    problem = problem_of(error)
    headers = dict(problem.headers)
    if problem.status == 401:
        authority = f"{request.state.base_url}/{request.state.tenant_id}"
        headers["WWW-Authenticate"] = f'Bearer authorization_uri="{authority}", error="invalid_token"'
    if not isinstance(error, Throttled | Busy):
        # Azure's clients ask again, as often as four times, wherever they are told when.
        headers.pop("Retry-After", None)
    return json_response(error_body(error, problem, request.state.activity_id), problem.status, headers)


def error_body(error: Exception, problem: Problem, correlation_id: str) -> dict[str, Any]:
    """The object `{"error": …}`; what exactly is wrong stands innermost, where clients look for it."""
    code, message = next((told for kind, told in _CODES if isinstance(error, kind)), (problem.code, problem.message))
    if isinstance(error, HTTPException):
        code, message = _STATUSES.get(error.status_code, (problem.code, ""))
    body: dict[str, Any] = {"message": message or problem.message, "code": code, "correlationId": correlation_id}
    if isinstance(error, SourceError):
        body["innererror"] = _source_error(error)
    elif problem.detail and problem.detail != message:
        body["innererror"] = {"code": problem.code, "message": problem.detail}
    return {"error": body}


def _source_error(error: SourceError) -> dict[str, Any]:
    first = error.diagnostics[0]
    line, column = error.source.position(first.span.start)
    kind = "Syntax" if first.code.startswith("SYN") else "Semantic"
    told = f"{first.message}{f' ({first.help})' if first.help else ''}"
    innermost = {
        "code": first.code,
        "message": f"{kind} error: {told}",
        "line": line,
        "pos": column,
        "token": error.source.text[first.span.start : first.span.end][:100],
    }
    return {"code": f"{kind}Error", "message": f"A {kind.lower()} error occurred in the query", "innererror": innermost}


def partial_error(problem: Problem, status: int) -> dict[str, Any]:
    """What stands beside the rows of an answer that was cut short; `status` is the engine's number for why."""
    inner = {"code": str(status), "message": problem.detail, "severity": 2, "severityName": "Error"}
    detail = {"code": "EngineError", "message": problem.message, "innererror": inner}
    return {
        "code": "PartialError",
        "message": "There were some errors when processing your query.",
        "details": [detail],
    }
