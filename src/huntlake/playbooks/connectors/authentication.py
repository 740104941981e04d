"""What an action shows of itself when it calls a URL: each kind of `authentication` that definitions know."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit

import orjson

from huntlake.core.clock import Clock
from huntlake.core.errors import Invalid, Refused, Unavailable
from huntlake.identity.audiences import is_known
from huntlake.identity.discovery import issuer
from huntlake.identity.principals import Principal
from huntlake.identity.tenant import Tenant
from huntlake.identity.tokens import Tokens
from huntlake.playbooks.connections import CONNECTIONS, Connection, opened
from huntlake.playbooks.connectors.connector import Asked
from huntlake.playbooks.web import ClientCertificate, Request, Web
from huntlake.state.records import Records
from huntlake.state.sealing import Seal
from huntlake.wdl.expressions.values import text

IDENTITY = "identity"
OF_URLS = frozenset({"http", IDENTITY, "azurefunction", "apimanagement"})
"""Connectors of the connections that say where calls of URLs go, what becomes of them, and as whom they are made."""
"""Connections that say what a managed identity is elsewhere: `audience`, `tenant`, `clientId`, and the `secret`."""

AUTHORITY = "https://login.microsoftonline.com"
MANAGEMENT = "https://management.azure.com/"
_EARLY = timedelta(minutes=5)


class Unsupported(Refused):
    """What is asked to be shown is nothing to the other side."""


class Identities(Protocol):
    """Whose identity a workflow has here."""

    def principal(self, asked: Asked) -> Principal | None:
        """The principal that the workflow's identity is; None where it has none."""


@dataclass(frozen=True)
class Authorized:
    """What is sent with a request, and where."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    certificate: ClientCertificate | None = None
    here: bool = False
    """To this server itself, whatever the URL's host."""


@dataclass
class Authentication:
    """Makes what each kind shows; tokens of elsewhere are kept until shortly before they expire."""

    web: Web
    clock: Clock
    identities: Identities
    tokens: Tokens
    tenant: Tenant
    connections: Records[Connection]
    seal: Seal
    _kept: dict[tuple[str, ...], tuple[str, datetime]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def shown(self, asked: Asked, given: Any, url: str) -> Authorized:
        """What is shown to that URL.

        `Invalid` for what can't be understood, `Unsupported` for what means nothing there, `Refused` for what may not.
        """
        if given in (None, "", {}):
            return self._to(url, {})
        if not isinstance(given, Mapping):
            raise Invalid("`authentication` is not an object")
        named = {k.lower(): v for k, v in given.items()}
        type = text(named.get("type"))
        match type.lower():
            case "none":
                return self._to(url, {})
            case "basic":
                both = f"{text(named.get('username'))}:{text(named.get('password'))}".encode()
                return self._to(url, {"Authorization": f"Basic {base64.b64encode(both).decode()}"})
            case "raw":
                if not (value := text(named.get("value"))):
                    raise Invalid("`authentication` is `Raw`, and has no `value`")
                return self._to(url, {"Authorization": value})
            case "clientcertificate":
                shown = _certificate(text(named.get("pfx")), text(named.get("password")))
                return Authorized(certificate=shown)
            case "activedirectoryoauth":
                token = self._elsewhere({k: text(v) for k, v in named.items()})
                return self._to(url, {"Authorization": f"Bearer {token}"})
            case "managedserviceidentity":
                return self._identity(asked, text(named.get("audience")) or MANAGEMENT, url)
        raise Invalid(f"the authentication `{type[:60]}` is not supported")

    def _to(self, url: str, headers: Mapping[str, str]) -> Authorized:
        here = self.web.here
        if here is not None and here.is_own(url):
            return Authorized(headers, here=True)
        return Authorized(headers)

    # -- the workflow's own identity -------------------------------------------------

    def _identity(self, asked: Asked, audience: str, url: str) -> Authorized:
        if (configured := self._configured(asked, audience)) is not None:
            return self._to(url, {"Authorization": f"Bearer {self._elsewhere(configured)}"})
        principal, here = self.identities.principal(asked), self.web.here
        if principal is None:
            raise Refused(f"the workflow `{asked.context.workflow}` has no identity to show")
        if here is None or not (here.is_own(url) or here.is_stood_for(url)):
            host = (urlsplit(url).hostname or "")[:200]
            raise Unsupported(
                f"showing the identity of a workflow to `{host}` is not supported: it is one of this server. A "
                f"connection to `{IDENTITY}` with the `audience` {audience[:200]} says who it is there"
            )
        names = frozenset(name.partition(":")[0] for name in here.names)
        if not is_known(audience, names):
            raise Unsupported(
                f"the audience `{audience[:200]}` is none of this server's; a token for it is not supported"
            )
        root = f"{here.origin}/{self.tenant.id}"
        token = self.tokens.issue(principal, audience, issuer=issuer(root))
        return Authorized({"Authorization": f"Bearer {token.text}"}, here=True)

    def _configured(self, asked: Asked, audience: str) -> dict[str, str] | None:
        wanted = audience.strip().rstrip("/").lower()
        for document in self.connections.list(CONNECTIONS):
            one = document.value
            if one.connector != IDENTITY or one.workspace.lower() != asked.context.workspace.lower():
                continue
            if one.parameters.get("audience", "").strip().rstrip("/").lower() == wanted:
                return {k.lower(): v for k, v in opened(document.name, one, self.seal).items()}
        return None

    # -- tokens of elsewhere ---------------------------------------------------------

    def _elsewhere(self, given: Mapping[str, str]) -> str:
        """A token by client credentials (RFC 6749 §4.4), at an authority that is listed as any host is."""
        authority = (given.get("authority") or AUTHORITY).rstrip("/")
        if "://" not in authority:
            authority = f"https://{authority}"
        tenant, client = given.get("tenant", ""), given.get("clientid", "")
        audience, secret = given.get("audience") or MANAGEMENT, given.get("secret", "")
        if given.get("pfx"):
            raise Invalid("`ActiveDirectoryOAuth` with a certificate is not supported; use a secret")
        if not tenant or not client or not secret:
            raise Invalid("`ActiveDirectoryOAuth` needs `tenant`, `clientId` and `secret`")
        key = (authority, tenant, client, audience, secret)
        with self._lock:
            known = self._kept.get(key)
            if known is not None and known[1] - _EARLY > self.clock.now():
                return known[0]
        form = {
            "grant_type": "client_credentials",
            "client_id": client,
            "client_secret": secret,
            "resource": audience,
        }
        url = f"{authority}/{tenant}/oauth2/token"
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        shown = self._to(url, {})
        request = Request("POST", url, headers, urlencode(form).encode(), follow=False)
        response = self.web.send(request, here=shown.here)
        try:
            body = orjson.loads(response.content)
        except orjson.JSONDecodeError:
            body = None
        if response.status != 200 or not isinstance(body, dict) or not isinstance(body.get("access_token"), str):
            said = text(body.get("error_description") or body.get("error")) if isinstance(body, dict) else ""
            if response.status >= 500 or response.status == 429:
                raise Unavailable(f"the authority answers {response.status}: {said[:500]}")
            raise Refused(f"the authority gives no token ({response.status}): {said[:500]}")
        lifetime = _seconds(body.get("expires_in"))
        with self._lock:
            self._kept[key] = body["access_token"], self.clock.now() + timedelta(seconds=lifetime)
        return str(body["access_token"])


def _seconds(given: Any) -> float:
    try:
        return max(0.0, min(float(given), 86_400.0))
    except (TypeError, ValueError):
        return 0.0


def _certificate(pfx: str, password: str) -> ClientCertificate:
    """The certificate and the key in a PKCS #12 file, base64, as definitions hold one."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12

    try:
        content = base64.b64decode(pfx, validate=True)
        key, certificate, others = pkcs12.load_key_and_certificates(content, password.encode() or None)
    except (binascii.Error, ValueError):
        raise Invalid(
            "the client certificate (`pfx`) can't be read: it is no PKCS #12, or the password is wrong"
        ) from None
    if key is None or certificate is None:
        raise Invalid("the client certificate (`pfx`) has no key")
    chain = b"".join(c.public_bytes(Encoding.PEM) for c in (certificate, *others))
    return ClientCertificate(chain, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
