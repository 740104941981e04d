"""The addresses of workflows: those that set them off, and those at which they wait for an answer.

https://learn.microsoft.com/azure/logic-apps/logic-apps-http-endpoint
"""

from __future__ import annotations

from typing import Protocol

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from huntlake.api.bodies import read_packed_body
from huntlake.api.errors import json_response, rest_problem
from huntlake.core.errors import Busy
from huntlake.playbooks.service import Playbooks
from huntlake.playbooks.triggers.requests import Called, Told, WrongMethod

MOST_WAITING = 200
"""How many callers wait for a response at the same time."""
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
_CODES = {401: "Unauthorized", 403: "AuthorizationFailed", 404: "NotFound", 409: "WorkflowNotEnabled"}
_OURS = frozenset({"set-cookie", "content-security-policy", "clear-site-data", "strict-transport-security"})
"""Headers that no workflow sets, as in Logic Apps none sets cookies."""

_POLICY = "; ".join(
    ("sandbox", "default-src 'none'", "style-src 'unsafe-inline'", "base-uri 'none'", "frame-ancestors 'none'")
)


class WorkflowSettings(Protocol):
    """The settings that these addresses obey."""

    @property
    def max_request_bytes(self) -> int: ...


class WorkflowServices(Protocol):
    """What these addresses need."""

    @property
    def playbooks(self) -> Playbooks: ...
    @property
    def settings(self) -> WorkflowSettings: ...


class WorkflowFace:
    """Takes calls of workflows. Whoever has a signed address may use it; nothing else is asked."""

    def __init__(self, services: WorkflowServices) -> None:
        self._services = services
        self._threads = CapacityLimiter(MOST_WAITING)

    def routes(self) -> list[Route]:
        """The face's routes."""
        invoke = "/workflows/{workflow}/triggers/{trigger}/paths/invoke"
        return [
            Route(invoke, self.invoke, methods=_METHODS),
            Route(f"{invoke}/{{rest:path}}", self.invoke, methods=_METHODS),
            Route("/workflows/{workflow}/runs/{run}/actions/{key:path}/run", self.answer, methods=["GET", "POST"]),
        ]

    async def invoke(self, request: Request) -> Response:
        """Set a workflow off."""
        parts = request.path_params
        if self._threads.available_tokens < 1:
            raise Busy("too many callers wait for responses of workflows")
        called = await self._called(request)
        requests = self._services.playbooks.requests
        return _response(
            await to_thread.run_sync(
                lambda: requests.invoke(parts["workflow"], parts["trigger"], called), limiter=self._threads
            )
        )

    async def answer(self, request: Request) -> Response:
        """Take the answer that a run waits for."""
        parts, called = request.path_params, await self._called(request)
        requests = self._services.playbooks.requests
        return _response(
            await to_thread.run_sync(lambda: requests.answer(parts["workflow"], parts["run"], parts["key"], called))
        )

    async def _called(self, request: Request) -> Called:
        content = await read_packed_body(request, self._services.settings.max_request_bytes)
        raw = request.scope.get("raw_path", b"").partition(b"?")[0].decode("ascii", "replace")
        path = raw.partition("/paths/invoke")[2] or "/" + request.path_params.get("rest", "")
        return Called(request.method, path, dict(request.query_params), dict(request.headers), content)


def workflow_error(request: Request, error: Exception) -> Response:
    """The answer to a call that failed, as Logic Apps gives it."""
    problem = rest_problem(error)
    status = 405 if isinstance(error, WrongMethod) else problem.status
    code = _CODES.get(status, "MethodNotAllowed" if status == 405 else problem.code)
    return json_response({"error": {"code": code, "message": problem.message}}, status, problem.headers)


def _response(told: Told) -> Response:
    """What a workflow answers. The pages live at this address, too: a browser runs nothing of it, and keeps nothing."""
    headers = {name: value for name, value in told.headers.items() if name.lower() not in _OURS}
    return Response(told.content, told.status, headers | {"Content-Security-Policy": _POLICY})
