"""How Microsoft Graph says no."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from huntlake.api.errors import json_response, rest_problem

_CODES = {401: "InvalidAuthenticationToken", 500: "InternalServerError", 504: "Timeout"}


def graph_error(request: Request, error: Exception) -> Response:
    """The answer to a request that failed, as Graph gives it."""
    problem = rest_problem(error)
    state = request.state
    inner = {
        "date": f"{state.at:%Y-%m-%dT%H:%M:%S}",
        "request-id": state.activity_id,
        "client-request-id": _client_id(request),
    }
    code = _CODES.get(problem.status, problem.code)
    headers = {**problem.headers, **request_ids(request)}
    if problem.status == 401:
        # Not `insufficient_claims`: some clients would ask for another token, again and again.
        headers["WWW-Authenticate"] = f'Bearer authorization_uri="{state.base_url}/{state.tenant_id}/oauth2/authorize"'
    return json_response(
        {"error": {"code": code, "message": problem.message, "innerError": inner}}, problem.status, headers
    )


def request_ids(request: Request) -> dict[str, str]:
    """The headers that every answer of Graph's has."""
    return {"request-id": request.state.activity_id, "client-request-id": _client_id(request)}


def _client_id(request: Request) -> str:
    given = request.headers.get("client-request-id", "")[:100]
    return given if given.isascii() and given.isprintable() and given else str(request.state.activity_id)
