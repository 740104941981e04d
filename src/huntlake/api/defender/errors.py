"""How Defender's API says no."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from huntlake.api.errors import json_response, rest_problem

_CODES = {404: "ResourceNotFound", 409: "ActiveRequestAlreadyExists", 500: "InternalServerError"}


def defender_error(request: Request, error: Exception) -> Response:
    """The answer to a request that failed, as Defender gives it."""
    problem = rest_problem(error)
    state = request.state
    headers = dict(problem.headers)
    if problem.status == 401:
        authority = f"{state.base_url}/{state.tenant_id}"
        headers["WWW-Authenticate"] = f'Bearer authorization_uri="{authority}", error="invalid_token"'
    code = _CODES.get(problem.status, problem.code)
    body = {"code": code, "message": problem.message, "target": f"|{state.activity_id}"}
    return json_response({"error": body}, problem.status, headers)
