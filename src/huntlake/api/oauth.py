"""The OAuth 2.0 face: client credentials in, access tokens out, as Entra does it.

Everything is served under `/{tenant}`, `/adfs/{tenant}` and `/adfs`: MSAL takes an authority whose path
begins with `adfs` as known, and asks nobody else about it.
https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
"""

from __future__ import annotations

import base64
import binascii
import uuid
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, unquote

from anyio import CapacityLimiter, to_thread
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from huntlake.api.authentication import Authentication
from huntlake.api.bodies import read_body
from huntlake.api.errors import json_response
from huntlake.api.services import Services
from huntlake.core.errors import Invalid, LimitExceeded
from huntlake.identity import audiences
from huntlake.identity.discovery import instance_discovery, issuer, openid_configuration
from huntlake.identity.principals import ExpiredSecret, UnknownClient, WrongSecret
from huntlake.identity.throttle import Throttled

_MOST_BODY = 64 << 10
_MOST_FIELDS = 100
_SIGN_INS_AT_ONCE, _SIGN_INS_WAITING = 4, 100


class UnknownTenant(Invalid):
    """The path names a tenant that isn't this server's."""


class UnsupportedGrant(Invalid):
    """The request isn't for client credentials."""


class InvalidScope(Invalid):
    """The scope names no resource that a token could be for."""


class UnsupportedAssertion(WrongSecret):
    """The client shows a certificate, not a secret."""


class OAuth:
    """The endpoints that clients sign in at."""

    def __init__(self, services: Services, authentication: Authentication) -> None:
        self._services, self._authentication = services, authentication
        # Checking a secret is slow on purpose: sign-ins get few threads, so that a flood of them
        # takes none from the queries.
        self._threads = CapacityLimiter(_SIGN_INS_AT_ONCE)

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
        form = _form(await read_body(request, _MOST_BODY))
        if self._threads.statistics().tasks_waiting >= _SIGN_INS_WAITING:
            raise Throttled("too many applications are signing in; try again later", timedelta(seconds=5))
        answer = await to_thread.run_sync(self._sign_in, request, root, form, version, limiter=self._threads)
        return json_response(answer, headers={"Pragma": "no-cache"})

    def _sign_in(self, request: Request, root: str, form: dict[str, str], version: str) -> dict[str, Any]:
        if (grant := form.get("grant_type", "")) != "client_credentials":
            raise UnsupportedGrant(f"the grant type '{grant}' is not supported; use 'client_credentials'")
        client_id, secret = _credentials(request, form)
        source = request.client.host if request.client else ""
        audience = _audience(form)
        principal = self._services.principals.authenticate(client_id, secret, source=source)
        request.state.principal = principal.client_id
        # Only after the secret was checked: what this server stands for is nobody else's business.
        if not audiences.is_known(audience, self._authentication.hosts(request)):
            raise InvalidScope(f"the resource '{audience}' is none of this server's")
        token = self._services.tokens.issue(principal, audience, issuer=issuer(root), version=version)
        seconds = int((token.expires - token.issued).total_seconds())
        answer: dict[str, Any] = {"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds}
        if version == "1.0":
            answer = {name: str(value) for name, value in answer.items()}
            answer["expires_on"] = str(int(token.expires.timestamp()))
            answer["not_before"] = str(int(token.issued.timestamp()))
            answer["resource"] = audience
        return {**answer, "access_token": token.text}

    def _root(self, request: Request) -> str:
        """The authority's URL as the client spelled it, after a look at the tenant in it."""
        request.state.error_response = oauth_error
        tenant = request.path_params.get("tenant")
        if tenant is not None and not self._services.tenant.is_called(tenant):
            raise UnknownTenant(f"there is no tenant '{tenant[:100]}'")
        adfs = request.url.path.startswith("/adfs")
        return f"{request.state.base_url}{'/adfs' if adfs else ''}{f'/{tenant}' if tenant else ''}"


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
    (ExpiredSecret, (401, "invalid_client", 7000222)),
    (UnsupportedAssertion, (401, "invalid_client", 700027)),
    (WrongSecret, (401, "invalid_client", 7000215)),
    (UnknownTenant, (400, "invalid_tenant", 90002)),
    (UnsupportedGrant, (400, "unsupported_grant_type", 70003)),
    (InvalidScope, (400, "invalid_scope", 70011)),
    (Invalid, (400, "invalid_request", 90014)),
    (LimitExceeded, (429, "temporarily_unavailable", 90055)),
)


def _form(body: bytes) -> dict[str, str]:
    try:
        fields = parse_qsl(body.decode(errors="replace"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise Invalid(f"the form has more than {_MOST_FIELDS} fields") from None
    return dict(fields)


def _credentials(request: Request, form: dict[str, str]) -> tuple[str, str]:
    """The client's id and secret, from the `Authorization` header or the form."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            client_id, colon, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            colon = ""
        if not colon:
            raise Invalid("the Authorization header holds no client id and secret")
        return unquote(client_id), unquote(secret)
    if "client_id" not in form:
        raise Invalid("the request body must contain the parameter 'client_id'")
    if "client_assertion" in form:
        raise UnsupportedAssertion("signing in with a certificate is not supported; use a secret")
    if "client_secret" not in form:
        raise Invalid("the request body must contain the parameter 'client_secret'")
    return form["client_id"], form["client_secret"]


def _audience(form: dict[str, str]) -> str:
    """The resource that a token is asked for: a scope's without `/.default`, or `resource`."""
    scopes = [s for s in form.get("scope", "").split() if s.endswith("/.default")]
    if len(set(scopes)) == 1:
        return scopes[0].removesuffix("/.default")
    if not scopes and form.get("resource", "").strip():
        return form["resource"].strip()
    raise InvalidScope("the scope must name one resource and end with '/.default'")
