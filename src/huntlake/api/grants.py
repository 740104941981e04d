"""The grants of the token endpoint: what a client shows, and what it gets for it (RFC 6749 §4, RFC 8628)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import unquote

import orjson
from starlette.requests import Request

from huntlake.api.authentication import Authentication
from huntlake.api.scopes import InvalidScope, audience_of
from huntlake.api.services import Services
from huntlake.core.errors import Invalid
from huntlake.identity import audiences
from huntlake.identity.authorization_codes import BadGrant, UsedTwice
from huntlake.identity.device_codes import DeviceRequest
from huntlake.identity.discovery import issuer
from huntlake.identity.principals import WrongSecret
from huntlake.identity.tokens import AccessToken
from huntlake.identity.users import User

_DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
_MOST_SCOPES = 4096


class UnsupportedGrant(Invalid):
    """The request is for a grant that nobody gets here."""


class UnsupportedAssertion(WrongSecret):
    """The client shows a certificate, not a secret."""


class Grants:
    """Answers the requests of the token endpoint."""

    def __init__(self, services: Services, authentication: Authentication) -> None:
        self._services, self._authentication = services, authentication
        self._sign_in = services.sign_in

    def answer(self, request: Request, root: str, form: dict[str, str], version: str) -> dict[str, Any]:
        """The answer to a request under the authority `root`; it hashes and writes, so it belongs into a thread."""
        grants: dict[str, Callable[[Request, str, dict[str, str], str], dict[str, Any]]] = {
            "client_credentials": self._application,
            "authorization_code": self._code,
            "refresh_token": self._refresh,
            _DEVICE_CODE: self._device,
            "device_code": self._device,
        }
        grant = form.get("grant_type", "")
        if grant not in grants:
            known = ", ".join(f"'{name}'" for name in grants)
            raise UnsupportedGrant(f"the grant type '{grant[:100]}' is not supported; these are: {known}")
        return grants[grant](request, root, form, version)

    def device_request(self, request: Request, form: dict[str, str], source: str) -> tuple[str, DeviceRequest]:
        """The device code for a program, and what a person is asked about it."""
        application = self._sign_in.applications.get(_needed(form, "client_id"))
        scopes = " ".join(form.get("scope", "").split())[:_MOST_SCOPES]
        audience = self._known(request, audience_of(scopes, form.get("resource", "")))
        return self._sign_in.devices.begin(application.client_id, scopes, audience, source)

    def _application(self, request: Request, root: str, form: dict[str, str], version: str) -> dict[str, Any]:
        client_id, secret = _credentials(request, form)
        source = request.client.host if request.client else ""
        audience = _audience(form)
        principal = self._services.principals.authenticate(client_id, secret, source=source)
        request.state.principal = principal.client_id
        # Only after the secret was checked: what this server stands for is nobody else's business.
        self._known(request, audience)
        token = self._services.tokens.issue(principal, audience, issuer=issuer(root), version=version)
        return _answer(token, audience, version)

    def _code(self, request: Request, root: str, form: dict[str, str], version: str) -> dict[str, Any]:
        application = self._sign_in.applications.get(_needed(form, "client_id"))
        try:
            code = self._sign_in.codes.redeem(
                _needed(form, "code"),
                client_id=application.client_id,
                redirect_uri=form.get("redirect_uri", ""),
                verifier=form.get("code_verifier", ""),
            )
        except UsedTwice as error:
            self._sign_in.refresh_tokens.revoke(error.family)
            raise
        wanted = code.request
        user = self._alive(code.user, code.object_id, code.signed_in)
        more = self._for_person(form, root, application.client_id, user, wanted.scopes, version, code.signed_in)
        if wanted.nonce and "id_token" in more:
            more["id_token"] = self._services.tokens.id_token(
                user, application.client_id, issuer=issuer(root), signed_in=code.signed_in, nonce=wanted.nonce
            )
        refresh = self._begun(code.family, application.client_id, user, wanted.scopes, wanted.audience, code.signed_in)
        return self._answer_for(request, root, user, application.client_id, wanted.audience, version, more | refresh)

    def _device(self, request: Request, root: str, form: dict[str, str], version: str) -> dict[str, Any]:
        application = self._sign_in.applications.get(_needed(form, "client_id"))
        text = form.get("device_code") or form.get("code") or ""
        asked, family = self._sign_in.devices.poll(text, application.client_id)
        signed_in = asked.signed_in or request.state.at
        user = self._alive(asked.user, asked.object_id, signed_in)
        more = self._for_person(form, root, application.client_id, user, asked.scopes, version, signed_in)
        refresh = self._begun(family, application.client_id, user, asked.scopes, asked.audience, signed_in)
        return self._answer_for(request, root, user, application.client_id, asked.audience, version, more | refresh)

    def _refresh(self, request: Request, root: str, form: dict[str, str], version: str) -> dict[str, Any]:
        application = self._sign_in.applications.get(_needed(form, "client_id"))
        shown = _needed(form, "refresh_token")
        scopes, resource = " ".join(form.get("scope", "").split())[:_MOST_SCOPES], form.get("resource", "")
        # A request that can't be answered must not use the token up.
        audience = self._known(request, audience_of(scopes, resource)) if scopes or resource else ""
        family, new = self._sign_in.refresh_tokens.rotate(shown, application.client_id)
        try:
            user = self._alive(family.user, family.object_id, family.signed_in)
        except BadGrant:
            self._sign_in.refresh_tokens.revoke(family.id)
            raise
        told = scopes or family.scopes
        more = self._for_person(form, root, application.client_id, user, told, version, family.signed_in)
        more["refresh_token"] = new
        audience = audience or family.audience
        return self._answer_for(request, root, user, application.client_id, audience, version, more)

    def _alive(self, name: str, object_id: str, signed_in: datetime) -> User:
        """The user that something was issued to, unless that is worth nothing any more."""
        user = self._sign_in.users.find(name)
        if user is None or user.disabled or user.object_id != object_id or signed_in < user.changed:
            raise BadGrant("the user isn't there any more, was signed out, or has another password")
        return user

    def _begun(
        self, family: str, client_id: str, user: User, scopes: str, audience: str, signed_in: datetime
    ) -> dict[str, Any]:
        token = self._sign_in.refresh_tokens.begin(family, client_id, user, scopes, audience, signed_in)
        return {} if token is None else {"refresh_token": token}

    def _for_person(
        self,
        form: dict[str, str],
        root: str,
        client_id: str,
        user: User,
        scopes: str,
        version: str,
        signed_in: datetime,
    ) -> dict[str, Any]:
        """What an answer about a person has beside the access token."""
        asked = scopes.split()
        more: dict[str, Any] = {"scope": " ".join(s for s in asked if s != "offline_access") or "user_impersonation"}
        if "openid" in asked or version == "1.0":
            tokens = self._services.tokens
            more["id_token"] = tokens.id_token(user, client_id, issuer=issuer(root), signed_in=signed_in)
        if form.get("client_info"):
            # By this MSAL knows one account from another.
            told = orjson.dumps({"uid": user.object_id, "utid": self._services.tenant.id})
            more["client_info"] = base64.urlsafe_b64encode(told).rstrip(b"=").decode()
        return more

    def _answer_for(
        self,
        request: Request,
        root: str,
        user: User,
        client_id: str,
        audience: str,
        version: str,
        more: dict[str, Any],
    ) -> dict[str, Any]:
        request.state.principal = user.object_id
        token = self._services.tokens.issue_for(user, client_id, audience, issuer=issuer(root), version=version)
        return _answer(token, audience, version) | more

    def _known(self, request: Request, audience: str) -> str:
        if not audiences.is_known(audience, self._authentication.hosts(request)):
            raise InvalidScope(f"the resource '{audience[:200]}' is none of this server's")
        return audience


def _answer(token: AccessToken, audience: str, version: str) -> dict[str, Any]:
    seconds = int((token.expires - token.issued).total_seconds())
    answer: dict[str, Any] = {"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds}
    if version == "1.0":
        answer = {name: str(value) for name, value in answer.items()}
        answer["expires_on"] = str(int(token.expires.timestamp()))
        answer["not_before"] = str(int(token.issued.timestamp()))
        answer["resource"] = audience
    return {**answer, "access_token": token.text}


def _needed(form: dict[str, str], name: str) -> str:
    if not form.get(name):
        raise Invalid(f"the request body must contain the parameter '{name}'")
    return form[name]


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
    """The resource that an application asks a token for: a scope's without `/.default`, or `resource`."""
    scopes = [s for s in form.get("scope", "").split() if s.endswith("/.default")]
    if len(set(scopes)) == 1:
        return scopes[0].removesuffix("/.default")
    if not scopes and form.get("resource", "").strip():
        return form["resource"].strip()
    raise InvalidScope("the scope must name one resource and end with '/.default'")
