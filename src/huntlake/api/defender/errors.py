"""How Defender's API says no."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from huntlake.api.errors import json_response, rest_problem
from huntlake.playbooks.machine_actions import AlreadyActive

_CODES = {404: "ResourceNotFound", 500: "InternalServerError"}


def defender_error(request: Request, error: Exception) -> Response:
    """The answer to a request that failed, as Defender gives it."""
    problem = rest_problem(error)
    state = request.state
    headers = dict(problem.headers)
    status, code = problem.status, _CODES.get(problem.status, problem.code)
    if isinstance(error, AlreadyActive):
        status, code = 400, "ActiveRequestAlreadyExists"
    if problem.status == 401:
        authority = f"{state.base_url}/{state.tenant_id}"
        headers["WWW-Authenticate"] = f'Bearer authorization_uri="{authority}", error="invalid_token"'
    body = {"code": code, "message": problem.message, "target": f"|{state.activity_id}"}
    return json_response({"error": body}, status, headers)
