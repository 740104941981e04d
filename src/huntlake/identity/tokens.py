"""Access tokens: JSON Web Tokens that say who asks, and for which resource."""

from __future__ import annotations

import uuid
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

from huntlake.core.clock import Clock
from huntlake.core.errors import Refused
from huntlake.identity.audiences import Audiences
from huntlake.identity.keys import ALGORITHM, SigningKeys
from huntlake.identity.principals import Principal
from huntlake.identity.tenant import Tenant
from huntlake.identity.users import User

# Clients take 7200 s or more as a wish to be asked again at half-time, and less than 300 s as expired.
LIFETIME = timedelta(seconds=3599)
_SKEW = timedelta(minutes=5)
_MOST_VERIFIED = 1024


class InvalidToken(Refused):
    """The bearer token is missing, malformed, expired, or meant for someone else."""


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A signed token and the span of time it is good for."""

    text: str
    issued: datetime
    expires: datetime

    def __repr__(self) -> str:
        return f"AccessToken(expires {self.expires:%H:%M:%S})"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a verified token speaks for: the application `client_id`, or through it the `user` of that name."""

    client_id: str
    object_id: str
    audience: str
    issued: datetime
    user: str = ""


class Tokens:
    """Issues and verifies the tokens of one tenant."""

    def __init__(self, keys: SigningKeys, tenant: Tenant, clock: Clock, *, lifetime: timedelta = LIFETIME) -> None:
        self._keys, self._tenant, self._clock, self._lifetime = keys, tenant, clock, lifetime
        # Whose signature is good, by the whole token: a client shows the same one an hour long.
        self._verified: OrderedDict[str, tuple[str, dict[str, Any]]] = OrderedDict()
        self._lock = Lock()

    def issue(self, principal: Principal, audience: str, *, issuer: str, version: str = "2.0") -> AccessToken:
        """A token for `audience`, with the claims that Entra's v1 or v2 tokens have."""
        application = {"appid" if version == "1.0" else "azp": principal.client_id, "idtyp": "app"}
        return self._signed(audience, issuer, version, principal.object_id, self._clock.now(), application)

    def issue_for(self, user: User, client_id: str, audience: str, *, issuer: str, version: str = "2.0") -> AccessToken:
        """A token by which an application acts for a user, with that user's rights."""
        claims = {
            "appid" if version == "1.0" else "azp": client_id,
            "idtyp": "user",
            "scp": "user_impersonation",
            "name": user.display_name,
            "upn" if version == "1.0" else "preferred_username": user.name,
        }
        return self._signed(audience, issuer, version, user.object_id, self._since(user), claims)

    def id_token(self, user: User, client_id: str, *, issuer: str, signed_in: datetime, nonce: str = "") -> str:
        """What tells an application who has signed in (OpenID Connect). It opens nothing here."""
        claims: dict[str, Any] = {
            "auth_time": int(signed_in.timestamp()),
            "name": user.display_name,
            "preferred_username": user.name,
        }
        if nonce:
            claims["nonce"] = nonce
        return self._signed(client_id, issuer, "2.0", user.object_id, self._since(user), claims).text

    def _since(self, user: User) -> datetime:
        # Where everything was signed out in this very second, what is issued now came after.
        return max(self._clock.now(), user.changed)

    def _signed(
        self, audience: str, issuer: str, version: str, object_id: str, at: datetime, more: dict[str, Any]
    ) -> AccessToken:
        import jwt

        # The claims are whole seconds; so is what the caller is told.
        issued = at.replace(microsecond=0)
        expires = issued + self._lifetime
        key = self._keys.current()
        claims = {
            "aud": audience,
            "iss": issuer,
            "iat": int(issued.timestamp()),
            "nbf": int(issued.timestamp()),
            "exp": int(expires.timestamp()),
            "tid": self._tenant.id,
            "oid": object_id,
            "sub": object_id,
            "uti": uuid.uuid4().hex,
            "ver": version,
            **more,
        }
        return AccessToken(jwt.encode(claims, key.private, ALGORITHM, {"kid": key.kid}), issued, expires)

    def verify(self, token: str, accepted: Audiences) -> Caller:
        """Whom the token speaks for; `InvalidToken` unless it is ours, in time, and for `accepted`."""
        claims = self._signed_claims(token)
        now = self._clock.now()
        if datetime.fromtimestamp(claims["exp"], UTC) <= now:
            raise InvalidToken("the access token has expired")
        if datetime.fromtimestamp(claims["nbf"], UTC) > now + _SKEW:
            raise InvalidToken("the access token isn't valid yet")
        if claims["tid"] != self._tenant.id:
            raise InvalidToken("the access token was issued by another tenant")
        if not accepted.accept(claims["aud"]):
            raise InvalidToken("the access token is meant for another audience")
        if (kind := claims.get("idtyp")) not in ("app", "user"):
            raise InvalidToken("the token isn't an access token")
        name = claims.get("upn") or claims["preferred_username"] if kind == "user" else ""
        issued = datetime.fromtimestamp(claims["iat"], UTC)
        return Caller(claims.get("appid") or claims["azp"], claims["oid"], claims["aud"], issued, name)

    def _signed_claims(self, token: str) -> dict[str, Any]:
        import jwt

        # PyJWT would read the machine's clock; times and audience are checked above with ours.
        with self._lock:
            known = self._verified.get(token)
        # A key that was taken away takes its tokens with it.
        if known is not None and self._keys.public(known[0]) is not None:
            return known[1]
        unchecked = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}
        required = ["exp", "nbf", "iat", "tid", "oid", "aud"]
        try:
            kid = jwt.get_unverified_header(token).get("kid", "")
            if (key := self._keys.public(kid)) is None:
                raise InvalidToken("the access token was signed by a key that isn't this server's")
            options: Any = {"require": required, **unchecked}
            claims: dict[str, Any] = jwt.decode(token, key, algorithms=[ALGORITHM], options=options)
        except (jwt.PyJWTError, ValueError):
            raise InvalidToken("the access token is malformed, or its signature is wrong") from None
        with self._lock:
            self._verified[token] = kid, claims
            while len(self._verified) > _MOST_VERIFIED:
                self._verified.popitem(last=False)
        return claims
