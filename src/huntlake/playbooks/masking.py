"""What must not be written down of a call: tokens, passwords and keys, known by their names or by themselves."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

MASK = "(secret)"

SECRET_HEADERS = re.compile(r"authorization|cookie|token|secret|api-?key|x-key|password|credential|signature", re.I)
"""Headers whose values are secrets."""

_NAMES = frozenset(
    (
        *("password", "passwd", "pwd", "passphrase", "secret", "clientsecret", "appsecret", "secretkey", "secretvalue"),
        *("token", "accesstoken", "refreshtoken", "idtoken", "bearertoken", "authtoken", "apitoken", "xauthtoken"),
        *("authorization", "apikey", "xapikey", "accesskey", "accountkey", "sharedkey", "privatekey", "authkey"),
        *("ocpapimsubscriptionkey", "subscriptionkey", "clientassertion", "credential", "credentials", "sastoken"),
        *("connectionstring", "webhookurl", "xfunctionskey", "sessionid", "sid"),
    )
)
_IN_QUERIES = frozenset(("sig", "key", "code", "signature", "auth"))
"""Names that mean a secret only where a URL ends with them."""

_SID = re.compile(r"S-1-\d")
"""How the id of a Windows account begins: a `sid` that is none is a session's."""

_IN_TEXT = re.compile(
    r"(?P<before>[?&;](?P<name>[\w.%-]+)=)(?P<value>[^&#\s\"'<>]+)|(?P<scheme>\b(?:Bearer|Basic|Token|GenieKey)\s+)[\w.~+/=-]{8,}"
)

_CODED = re.compile(r"((?:%3[Ff]|%26|%3[Bb])(?:sig|signature|access_?token)%3[Dd])[\w.~-]+", re.I)
"""The signature of a URL that stands, encoded, in another one, as a mail with buttons has it."""


def masked(value: Any, secrets: Collection[str] = ()) -> Any:
    """A JSON value without secrets: those given, those that their names give away, and tokens within texts."""
    known = sorted((s for s in secrets if len(s) >= 4), key=len, reverse=True)
    return _masked(value, known)


def masked_headers(headers: Mapping[str, str], secrets: Collection[str] = ()) -> dict[str, str]:
    """Headers without secrets; those that hold nothing else are left out."""
    return {n: masked(v, secrets) for n, v in headers.items() if not SECRET_HEADERS.search(n)}


def masked_queries(queries: Mapping[str, Any], secrets: Collection[str] = ()) -> dict[str, Any]:
    """The parameters of a URL without secrets."""
    return {n: MASK if _is_secret(n, in_query=True) else masked(v, secrets) for n, v in queries.items()}


def _masked(value: Any, secrets: list[str]) -> Any:
    match value:
        case str():
            for secret in secrets:
                value = value.replace(secret, MASK)
            return _CODED.sub(rf"\g<1>{MASK}", _IN_TEXT.sub(_without, value))
        case list() | tuple():
            return [_masked(v, secrets) for v in value]
        case Mapping():
            return {
                k: MASK
                if v and isinstance(v, str) and _is_secret(str(k)) and not _SID.match(v)
                else _masked(v, secrets)
                for k, v in value.items()
            }
        case _:
            return value


def _member(name: str, value: Any, secrets: list[str]) -> Any:
    if isinstance(value, str) and value and _is_secret(name) and not _SID.match(value):
        return MASK
    if name.lower() == "authentication" and isinstance(value, Mapping):
        # Whatever else stands there says who asks.
        return {k: v if str(k).lower() == "type" else MASK for k, v in value.items()}
    return _masked(value, secrets)


def _without(found: re.Match[str]) -> str:
    if found["scheme"]:
        return found["scheme"] + MASK
    return found["before"] + MASK if _is_secret(found["name"], in_query=True) else found[0]


def _is_secret(name: str, *, in_query: bool = False) -> bool:
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    return plain in _NAMES or (in_query and plain in _IN_QUERIES)
