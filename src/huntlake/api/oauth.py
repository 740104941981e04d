"""The OAuth 2.0 face: who can prove who they are gets access tokens, as Entra gives them.

Everything is served under `/{tenant}`, `/adfs/{tenant}` and `/adfs`: MSAL takes an authority whose path
begins with `adfs` as known, and asks nobody else about it.
https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
"""

from __future__ import annotations

import uuid
from datetime import timedelta

from anyio import CapacityLimiter, to_thread
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from huntlake.api.authentication import Authentication
from huntlake.api.bodies import read_body
from huntlake.api.errors import json_response
from huntlake.api.grants import Grants, UnsupportedAssertion, UnsupportedGrant
from huntlake.api.scopes import InvalidScope, UnknownTenant, read_form, root_of
from huntlake.api.services import Services
from huntlake.core.errors import Invalid, LimitExceeded
from huntlake.identity import device_codes
from huntlake.identity.authorization_codes import BadGrant, UsedTwice
from huntlake.identity.device_codes import Declined, ExpiredCode, Pending, TooSoon
from huntlake.identity.discovery import instance_discovery, openid_configuration
from huntlake.identity.principals import ExpiredSecret, UnknownClient, WrongSecret
from huntlake.identity.throttle import FailureThrottle, Throttled, network_of

_MOST_BODY = 64 << 10
_SIGN_INS_AT_ONCE, _SIGN_INS_WAITING = 4, 100


class OAuth:
    """The endpoints that clients sign in at."""

    def __init__(self, services: Services, authentication: Authentication) -> None:
        self._services, self._authentication = services, authentication
        # Checking a secret is slow on purpose: sign-ins get few threads, so that a flood of them
        # takes none from the queries.
        self._threads = CapacityLimiter(_SIGN_INS_AT_ONCE)
        self._grants = Grants(services, authentication)
        # Each code that someone asks for is kept for a while.
        self._begun = FailureThrottle(services.clock, allowed=20)

    def routes(self) -> list[Route]:
        """The face's routes. `/adfs` comes before `/{tenant}`, which would match it."""
        found = [Route("/common/discovery/instance", self.instance)]
        for root in ("/adfs", "/adfs/{tenant}", "/{tenant}"):
            found += [
                Route(f"{root}/v2.0/.well-known/openid-configuration", self.configuration),
                Route(f"{root}/.well-known/openid-configuration", self.configuration),
                Route(f"{root}/discovery/v2.0/keys", self.keys),
                Route(f"{root}/discovery/keys", self.keys),
                Route(f"{root}/oauth2/v2.0/token", self.token, methods=["POST"]),
                Route(f"{root}/oauth2/token", self.token_v1, methods=["POST"]),
                Route(f"{root}/oauth2/v2.0/devicecode", self.device_code, methods=["POST"]),
                Route(f"{root}/oauth2/devicecode", self.device_code, methods=["POST"]),
            ]
        return found

    async def instance(self, request: Request) -> Response:
        """Which authorities this host is."""
        return json_response(instance_discovery(request.state.base_url, self._services.tenant.id))

    async def configuration(self, request: Request) -> Response:
        """The OpenID discovery document of the authority that was asked for."""
        return json_response(openid_configuration(self._root(request), self._services.tenant.id))

    async def keys(self, request: Request) -> Response:
        """The public keys that tokens are verified with."""
        self._root(request)
        return json_response(await run_in_threadpool(self._services.keys.jwks))

    async def token(self, request: Request) -> Response:
        """A token for the resource that `scope` names."""
        return await self._token(request, "2.0")

    async def token_v1(self, request: Request) -> Response:
        """A token for `resource`, with numbers as text, as older clients want them."""
        return await self._token(request, "1.0")

    async def _token(self, request: Request, version: str) -> Response:
        request.state.error_response = oauth_error
        root = self._root(request)
        form = read_form(await read_body(request, _MOST_BODY))
        if self._threads.statistics().tasks_waiting >= _SIGN_INS_WAITING:
            raise Throttled("too many applications are signing in; try again later", timedelta(seconds=5))
        answer = await to_thread.run_sync(self._grants.answer, request, root, form, version, limiter=self._threads)
        return json_response(answer, headers={"Pragma": "no-cache"})

    async def device_code(self, request: Request) -> Response:
        """A code for a program without a browser, and where a person types it."""
        request.state.error_response = oauth_error
        self._root(request)
        form = read_form(await read_body(request, _MOST_BODY))
        source = request.client.host if request.client else ""
        self._begun.check(network_of(source))
        self._begun.failed(network_of(source))
        text, asked = await to_thread.run_sync(
            self._grants.device_request, request, form, source, limiter=self._threads
        )
        where = f"{request.state.base_url}/device"
        code = f"{asked.user_code[:3]}-{asked.user_code[3:6]}-{asked.user_code[6:]}"
        answer = {
            "user_code": code,
            "device_code": text,
            "verification_uri": where,
            # As the first version of the endpoint called it.
            "verification_url": where,
            "expires_in": int(device_codes.LIFETIME.total_seconds()),
            "interval": int(device_codes.INTERVAL.total_seconds()),
            "message": f"To sign in, open {where} in a browser and type the code {code}.",
        }
        return json_response(answer)

    def _root(self, request: Request) -> str:
        request.state.error_response = oauth_error
        return root_of(request, self._services.tenant)


def oauth_error(request: Request, error: Exception) -> Response:
    """The answer to a sign-in that failed (RFC 6749 §5.2), with the numbers that Entra gives."""
    status, code, number = next(
        (answer for kinds, answer in _ERRORS if isinstance(error, kinds)), (500, "server_error", 90033)
    )
    at = request.state.at
    told = str(error) if status != 500 else "the service failed; its log has more about this trace id"
    body = {
        "error": code,
        "error_description": f"AADSTS{number}: {told}. Trace ID: {request.state.activity_id}",
        "error_codes": [number],
        "timestamp": f"{at:%Y-%m-%d %H:%M:%SZ}",
        "trace_id": request.state.activity_id,
        "correlation_id": request.query_params.get("client-request-id", "")[:64] or str(uuid.uuid4()),
    }
    headers = {}
    if isinstance(error, Throttled):
        headers["Retry-After"] = str(max(1, round(error.retry_after.total_seconds())))
    if status == 401:
        headers["WWW-Authenticate"] = "Basic"
    return json_response(body, status, headers)


# The first that fits counts, so that a kind of error stands before what it is a kind of.
_ERRORS: tuple[tuple[type[Exception], tuple[int, str, int]], ...] = (
    (UnknownClient, (400, "unauthorized_client", 700016)),
    (UsedTwice, (400, "invalid_grant", 54005)),
    (BadGrant, (400, "invalid_grant", 70000)),
    (Pending, (400, "authorization_pending", 70016)),
    (TooSoon, (400, "slow_down", 70016)),
    (Declined, (400, "authorization_declined", 70018)),
    (ExpiredCode, (400, "expired_token", 70020)),
    (ExpiredSecret, (401, "invalid_client", 7000222)),
    (UnsupportedAssertion, (401, "invalid_client", 700027)),
    (WrongSecret, (401, "invalid_client", 7000215)),
    (UnknownTenant, (400, "invalid_tenant", 90002)),
    (UnsupportedGrant, (400, "unsupported_grant_type", 70003)),
    (InvalidScope, (400, "invalid_scope", 70011)),
    (Invalid, (400, "invalid_request", 90014)),
    (LimitExceeded, (429, "temporarily_unavailable", 90055)),
)
