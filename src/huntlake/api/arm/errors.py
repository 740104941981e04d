"""How Azure Resource Manager says no."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from huntlake.api.errors import Problem, json_response, rest_problem
from huntlake.core.errors import Conflict, Invalid, NotFound

# Only these are said otherwise than by the name of their status.
_CODES = {401: "AuthenticationFailed", 403: "AuthorizationFailed", 404: "ResourceNotFound", 412: "PreconditionFailed"}


class MissingApiVersion(Invalid):
    """The request has no `api-version`."""


class InvalidApiVersion(Invalid):
    """The request's `api-version` is no date."""


class UnknownSubscription(NotFound):
    """The path names a subscription that isn't this server's."""


class UnknownGroup(NotFound):
    """The path names a resource group that isn't this server's."""


class UnknownType(NotFound):
    """The path names a type of resource that isn't supported."""


class ParentNotFound(NotFound):
    """What the path names above the resource isn't there."""


class StaleResource(Conflict):
    """The body's `etag` isn't that of what is stored."""


_TYPES: tuple[tuple[type[Exception], int, str], ...] = (
    (MissingApiVersion, 400, "MissingApiVersionParameter"),
    (InvalidApiVersion, 400, "InvalidApiVersionParameter"),
    (UnknownSubscription, 404, "SubscriptionNotFound"),
    (UnknownGroup, 404, "ResourceGroupNotFound"),
    (UnknownType, 404, "InvalidResourceType"),
    (ParentNotFound, 404, "ParentResourceNotFound"),
)


def arm_error(request: Request, error: Exception) -> Response:
    """The answer to a request that failed, as Azure Resource Manager gives it."""
    problem = rest_problem(error)
    status, code = problem.status, _code(problem)
    for kind, known_status, known_code in _TYPES:
        if isinstance(error, kind):
            status, code = known_status, known_code
    headers = {**problem.headers, "x-ms-error-code": code, **request_ids(request)}
    if status == 401:
        state = request.state
        authority = f"{state.base_url}/{state.tenant_id}"
        headers["WWW-Authenticate"] = f'Bearer authorization_uri="{authority}", error="invalid_token"'
    return json_response({"error": {"code": code, "message": problem.message}}, status, headers)


def request_ids(request: Request) -> dict[str, str]:
    """The headers by which Azure's support would find a request."""
    activity = request.state.activity_id
    return {"x-ms-request-id": activity, "x-ms-correlation-request-id": activity}


def _code(problem: Problem) -> str:
    return _CODES.get(problem.status, problem.code)
