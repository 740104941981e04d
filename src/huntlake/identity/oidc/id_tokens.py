"""What a provider says of a person, once it is proved that it says so, to us, now, and in this sign-in."""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta
from typing import Any

from huntlake.core.clock import Clock
from huntlake.identity.oidc.provider import Provider
from huntlake.identity.oidc.published import KINDS, Published
from huntlake.identity.oidc.troubles import NotSignedInThere, Trouble

LEEWAY = timedelta(seconds=60)
"""How far the provider's clock may be from ours."""

OLDEST = timedelta(minutes=10)
"""How long ago a token may have been made: it comes straight from the provider."""

_LONGEST = 64 << 10
_LONGEST_SUBJECT = 255


def checked(token: str, provider: Provider, published: Published, nonce: str, clock: Clock) -> dict[str, Any]:
    """The claims of an ID token (OpenID Connect Core, 3.1.3.7); `NotSignedInThere` says what is wrong with it."""
    claims = _signed(token, provider, published)
    if claims.get("iss") != provider.issuer:
        raise _wrong(f"its issuer is {str(claims.get('iss'))[:200]!r}")
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if provider.client_id not in audiences:
        raise _wrong("it is meant for another program")
    party = claims.get("azp")
    if party != provider.client_id and (party is not None or len(audiences) > 1):
        raise _wrong("it was issued to another program")
    now = clock.now().timestamp()
    leeway = LEEWAY.total_seconds()
    expires, issued = _time(claims, "exp"), _time(claims, "iat")
    if expires <= now - leeway:
        raise _wrong("it has expired")
    if issued > now + leeway or ("nbf" in claims and _time(claims, "nbf") > now + leeway):
        raise _wrong("it isn't valid yet: one of the clocks is wrong")
    if issued < now - leeway - OLDEST.total_seconds():
        raise _wrong("it was made too long ago")
    said = claims.get("nonce")
    if not isinstance(said, str) or not hmac.compare_digest(said.encode(), nonce.encode()):
        raise _wrong("it belongs to another sign-in")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT:
        raise _wrong("it names nobody")
    return claims


def _signed(token: str, provider: Provider, published: Published) -> dict[str, Any]:
    import jwt

    if len(token) > _LONGEST:
        raise _wrong("it is too long")
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        raise _wrong("it is no token") from None
    algorithm, kid = header.get("alg"), header.get("kid")
    # The token never chooses how it is checked: `none`, and secrets made of public keys, end here.
    if not isinstance(algorithm, str) or algorithm not in KINDS or algorithm not in published.metadata().algorithms:
        raise _wrong(f"signatures by {str(algorithm)[:40]!r} are not supported")
    if "crit" in header:
        raise _wrong("its header has what must be understood, and is not supported")
    keys = published.keys(kid if isinstance(kid, str) else None, algorithm)
    # PyJWT would read the machine's clock; all else is checked with ours.
    unchecked: Any = {f"verify_{name}": False for name in ("exp", "nbf", "iat", "aud", "iss", "sub", "jti")}
    for key in keys:
        try:
            claims: dict[str, Any] = jwt.decode(token, key, algorithms=[algorithm], options=unchecked)
        except (jwt.PyJWTError, ValueError, TypeError):
            continue
        return claims
    raise _wrong("none of the provider's keys has signed it")


def _time(claims: dict[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(f"its `{name}` is no time")
    try:
        datetime.fromtimestamp(value)
    except (ValueError, OverflowError, OSError):
        raise _wrong(f"its `{name}` is no time") from None
    return float(value)


def _wrong(why: str) -> NotSignedInThere:
    return NotSignedInThere(Trouble.PROVIDER, f"the ID token isn't believed: {why}")
