"""The one place where the domain's errors become statuses, codes and bodies that Azure's clients read."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from huntlake.core.diagnostics import Diagnostic, Source, SourceError
from huntlake.core.errors import (
    Busy,
    Cancelled,
    Conflict,
    DomainError,
    Invalid,
    LimitExceeded,
    NotFound,
    PreconditionFailed,
    Refused,
    TimedOut,
    Unavailable,
)
from huntlake.engines.errors import LowMemory
from huntlake.identity.throttle import Throttled
from huntlake.identity.tokens import InvalidToken


class BodyTooLarge(Invalid):
    """The request's body is larger than the server takes."""


class UnsupportedEncoding(Invalid):
    """The request's body is packed in a way that the server can't undo."""


@dataclass(frozen=True)
class Problem:
    """An error as clients are told it.

    `message` says in general what happened, `detail` what exactly; Kusto's clients show the latter.
    A client doesn't try again after a `permanent` one.
    """

    status: int
    code: str
    message: str
    detail: str
    type: str
    permanent: bool = True
    inner: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


_BAD_REQUEST = "Request is invalid and cannot be executed."
_EXCEPTIONS = "Kusto.Data.Exceptions."


def problem_of(error: Exception) -> Problem:
    """What clients are told about an error of the domain, or about one that nobody expected."""
    if isinstance(error, MemoryError):
        # The process met its bound outside of the engine, such as where an answer is put together.
        error = LowMemory()
    text = str(error)
    match error:
        case SourceError():
            return _source_problem(error)
        case InvalidToken():
            return Problem(401, "Unauthorized", "Missing adequate access rights.", text, _EXCEPTIONS + "KustoException")
        case Refused():
            kind = "Kusto.DataNode.Exceptions.UnauthorizedDatabaseAccessException"
            return Problem(403, "Forbidden", "Caller is not authorized to perform this action.", text, kind)
        case Throttled():
            seconds = str(max(1, math.ceil(error.retry_after.total_seconds())))
            kind = _EXCEPTIONS + "KustoRequestThrottledException"
            return Problem(
                429, "TooManyRequests", "Too many requests.", text, kind, False, None, {"Retry-After": seconds}
            )
        case TimedOut():
            told = "Query execution took longer than the assigned timeout and has been aborted."
            kind = _EXCEPTIONS + "KustoServiceTimeoutException"
            return Problem(504, "GatewayTimeout", told, text or told, kind, permanent=False)
        case Busy():
            kind = _EXCEPTIONS + "KustoRequestThrottledException"
            return Problem(429, "TooManyRequests", "Too many requests.", text, kind, False, None, {"Retry-After": "5"})
        case Unavailable():
            kind = _EXCEPTIONS + "KustoServiceException"
            return Problem(503, "ServiceUnavailable", text, text, kind, False, None, {"Retry-After": "30"})
        case LimitExceeded():
            kind = _EXCEPTIONS + "KustoServicePartialQueryFailureLimitsExceededException"
            return Problem(400, "LimitsExceeded", _BAD_REQUEST, _limits(text), kind, permanent=False)
        case BodyTooLarge():
            kind = _EXCEPTIONS + "KustoBadRequestException"
            return Problem(413, "RequestEntityTooLarge", "The request body is too large.", text, kind)
        case UnsupportedEncoding():
            kind = _EXCEPTIONS + "KustoBadRequestException"
            return Problem(415, "UnsupportedMediaType", "The request body can't be read.", text, kind)
        case Invalid():
            detail = f"Request is invalid and cannot be processed: {text}"
            return Problem(400, "General_BadRequest", _BAD_REQUEST, detail, _EXCEPTIONS + "KustoBadRequestException")
        case NotFound():
            kind = _EXCEPTIONS + "EntityNotFoundException"
            return Problem(400, "BadRequest_EntityNotFound", _BAD_REQUEST, text, kind)
        case Conflict():
            return Problem(409, "Conflict", text, text, _EXCEPTIONS + "KustoConflictException")
        case PreconditionFailed():
            return Problem(412, "PreconditionFailed", text, text, _EXCEPTIONS + "KustoPreconditionFailedException")
        case Cancelled():
            return Problem(499, "Cancelled", "The request was cancelled.", text, _EXCEPTIONS + "KustoException")
        case HTTPException():
            return _http_problem(error)
    # What went wrong inside is for the log: it may name files, or hold data of other people.
    told = "An internal error occurred. The server's log has more about this activity id."
    return Problem(500, "InternalServiceError", told, told, _EXCEPTIONS + "KustoServiceException", permanent=False)


EXPECTED: tuple[type[Exception], ...] = (
    SourceError,
    HTTPException,
    MemoryError,
    *(e for e in DomainError.__subclasses__() if e.__module__ == DomainError.__module__),
)
"""The errors that are answers rather than accidents."""


def rest_problem(error: Exception) -> Problem:
    """What clients of the resource APIs (ARM, Graph, Defender) are told: what isn't there is a 404 to them."""
    problem = problem_of(error)
    match error:
        case NotFound():
            return replace(problem, status=404, code="NotFound", message=problem.detail)
        case SourceError():
            line, column = error.source.position(error.diagnostics[0].span.start)
            told = "; ".join(f"{d.message}{f' ({d.help})' if d.help else ''}" for d in error.diagnostics)
            return replace(problem, code="BadRequest", message=f"{told} [line {line}, column {column}]")
        case Invalid() if not isinstance(error, BodyTooLarge):
            return replace(problem, code="BadRequest", message=str(error))
        case LimitExceeded() if problem.status == 400:
            return replace(problem, code="BadRequest", message=problem.detail)
        case InvalidToken() | Refused() | TimedOut():
            return replace(problem, message=problem.detail)
    return problem


def one_api_error(problem: Problem, *, client_request_id: str, activity_id: str, at: datetime) -> dict[str, Any]:
    """The error object that Kusto's clients know, `{"error": {…}}`."""
    body: dict[str, Any] = {
        "code": problem.code,
        "message": problem.message,
        "@type": problem.type,
        "@message": problem.detail,
        "@context": {
            "timestamp": f"{at:%Y-%m-%dT%H:%M:%S.%fZ}",
            "serviceAlias": "huntlake",
            "clientRequestId": client_request_id,
            "activityId": activity_id,
        },
        "@permanent": problem.permanent,
    }
    if problem.inner:
        body["innererror"] = problem.inner
    return {"error": body}


def error_response(request: Request, error: Exception) -> Response:
    """The answer to a request that failed, in the envelope of the face it was for: Kusto's unless another is set."""
    answer: Callable[[Request, Exception], Response] = getattr(request.state, "error_response", kusto_error)
    return answer(request, error)


def kusto_error(request: Request, error: Exception) -> Response:
    """The answer to a request that failed, as Kusto gives it."""
    problem = problem_of(error)
    state = request.state
    body = one_api_error(problem, client_request_id=state.client_request_id, activity_id=state.activity_id, at=state.at)
    headers = dict(problem.headers)
    if problem.status == 401:
        # Not `insufficient_claims`: some clients would ask for another token, again and again.
        authority = f"{state.base_url}/{state.tenant_id}"
        headers["WWW-Authenticate"] = f'Bearer authorization_uri="{authority}", error="invalid_token"'
    return json_response(body, problem.status, headers)


def json_response(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer that nobody keeps."""
    kept = {"Cache-Control": "no-store", **(headers or {})}
    return Response(orjson.dumps(body, option=orjson.OPT_UTC_Z), status, kept, media_type="application/json")


def _source_problem(error: SourceError) -> Problem:
    first, *more = error.diagnostics
    kind = "Syntax" if first.code.startswith("SYN") else "Semantic"
    line, column = error.source.position(first.span.start)
    told = f"{first.message}{f' ({first.help})' if first.help else ''}"
    # Clients look for the words `Semantic error:` and `Syntax error:`.
    said = f"{kind} error: {first.code}: {told} [line:position={line}:{column}]"
    said += "".join(f"; {_told(d, error.source)}" for d in more)
    detail = f"Request is invalid and cannot be processed: {said}"
    type = f"Kusto.Data.Exceptions.{kind}Exception"
    inner = {
        "code": first.code,
        "message": str(error),
        "@type": type,
        "@message": said,
        "@permanent": True,
        "line": line,
        "pos": column,
        "token": error.source.text[first.span.start : first.span.end][:100],
        "details": [_detail(d, error.source) for d in error.diagnostics],
    }
    return Problem(
        400, "General_BadRequest", _BAD_REQUEST, detail, _EXCEPTIONS + "KustoBadRequestException", True, inner
    )


def _told(diagnostic: Diagnostic, source: Source) -> str:
    line, column = source.position(diagnostic.span.start)
    help = f" ({diagnostic.help})" if diagnostic.help else ""
    return f"{diagnostic.code}: {diagnostic.message}{help} [line:position={line}:{column}]"


def _detail(diagnostic: Diagnostic, source: Source) -> dict[str, object]:
    """One mistake of several, for clients that mark them in an editor."""
    line, column = source.position(diagnostic.span.start)
    span = diagnostic.span
    return {
        "code": diagnostic.code,
        "message": diagnostic.message,
        "help": diagnostic.help,
        "line": line,
        "pos": column,
        "token": source.text[span.start : span.end][:100],
    }


def _limits(text: str) -> str:
    if "(80DA" in text:  # the words of the service are there already
        return text
    return f"Query execution has exceeded the allowed limits (80DA0001): {text}."


def _http_problem(error: HTTPException) -> Problem:
    code = {404: "NotFound", 405: "MethodNotAllowed"}.get(error.status_code, "BadRequest")
    told = {
        404: "There is nothing at this path, or it is not supported.",
        405: "This path takes another method.",
    }.get(error.status_code, error.detail)
    headers = error.headers or {}
    return Problem(error.status_code, code, told, told, _EXCEPTIONS + "KustoException", True, None, headers)
