"""How the Logs Ingestion API says no."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from huntlake.api.errors import BodyTooLarge, Problem, UnsupportedEncoding, json_response, rest_problem
from huntlake.core.errors import Invalid, LimitExceeded
from huntlake.workspace.collection import UnknownStream


class UnsupportedType(UnsupportedEncoding):
    """The body isn't JSON, by what its header says."""


class UnknownVersion(Invalid):
    """The request has no `api-version`, or one that isn't known."""


_CODES: tuple[tuple[type[Exception], str], ...] = (
    (BodyTooLarge, "ContentLengthLimitExceeded"),
    (UnsupportedType, "UnsupportedContentType"),
    (UnsupportedEncoding, "UnsupportedContentEncoding"),
    (UnknownVersion, "UnsupportedApiVersion"),
    (UnknownStream, "InvalidStream"),
    (LimitExceeded, "TooManyRequests"),
)
_BY_STATUS = {401: "Unauthorized", 403: "OperationFailed"}


def ingestion_error(request: Request, error: Exception) -> Response:
    """The answer to a request that failed, as Azure Monitor gives it."""
    problem = rest_problem(error)
    headers = dict(problem.headers)
    if problem.status == 401:
        state = request.state
        authority = f"{state.base_url}/{state.tenant_id}"
        headers["WWW-Authenticate"] = f'Bearer authorization_uri="{authority}", error="invalid_token"'
    told = problem.detail if isinstance(error, BodyTooLarge | UnsupportedEncoding) else problem.message
    body = {"error": {"code": _code(error, problem), "message": told}}
    return json_response(body, problem.status, headers)


def _code(error: Exception, problem: Problem) -> str:
    named = next((code for kind, code in _CODES if isinstance(error, kind)), problem.code)
    return _BY_STATUS.get(problem.status, named)
