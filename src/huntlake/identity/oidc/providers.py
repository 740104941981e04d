"""Sending a browser to a provider, and taking what it comes back with.

Nothing is kept here in between. The browser has a cookie that nobody else knows, and what nobody may guess is made of
it: `state`, which is good in this browser, for this provider and a few minutes alone; the nonce; and PKCE's verifier.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit, urlunsplit

from huntlake.core.clock import Clock
from huntlake.core.errors import Conflict, NotFound
from huntlake.identity.expiring import ExpiringDocuments, digest, new_text
from huntlake.identity.oidc import id_tokens
from huntlake.identity.oidc.asking import Asking
from huntlake.identity.oidc.provider import Provider
from huntlake.identity.oidc.published import Metadata, Published
from huntlake.identity.oidc.troubles import NotSignedInThere, ProviderTrouble, Trouble
from huntlake.state.documents import Shelf

LIFETIME = timedelta(minutes=10)
"""How long a person may take at the provider."""

_STATE = re.compile(r"([0-9]{1,11})\.([A-Za-z0-9_-]{16,64})\.([A-Za-z0-9_-]{43})")
_MOST_CODE = 4096
_MOST_GROUPS = 2000
_MOST_USED = 100_000


@dataclass(frozen=True, slots=True)
class Vouched:
    """A person as a provider knows them; `email` only where the provider has verified it."""

    provider: Provider
    subject: str
    name: str
    display_name: str
    email: str
    groups: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Used:
    """An answer that somebody was signed in by."""

    expires: datetime


class Providers:
    """The providers of the settings."""

    def __init__(self, providers: Iterable[Provider], database: Shelf, clock: Clock, *, seconds: float = 8) -> None:
        self._clock = clock
        self._all: dict[str, tuple[Provider, Asking, Published]] = {}
        for provider in providers:
            asking = Asking(provider.authorities, seconds=seconds)
            self._all[provider.name] = provider, asking, Published(provider, asking, clock)
        self._used = ExpiringDocuments(database, "used answers of providers", clock, _encode, _decode, most=_MOST_USED)

    def list(self) -> list[Provider]:
        """Every provider, in the order of the settings."""
        return [provider for provider, _, _ in self._all.values()]

    def find(self, name: str) -> Provider | None:
        """The provider of that name, or None."""
        return self._all[name][0] if name in self._all else None

    def get(self, name: str) -> Provider:
        """The provider of that name, or `NotFound`."""
        if (found := self.find(name)) is None:
            raise NotFound(f"no provider is named `{name[:100]}` in the settings (`oidc`)")
        return found

    def begin(self, name: str, browser: str, redirect: str) -> str:
        """The URL at the provider to which a browser is sent, whose cookie says `browser`."""
        provider, (_, _, published) = self.get(name), self._all[name]
        at = int(self._clock.now().timestamp())
        state = _state(browser, provider, redirect, f"{at}.{new_text(18)}")
        verifier = _made(browser, "verifier", state)
        asked = {
            "response_type": "code",
            "client_id": provider.client_id,
            "redirect_uri": redirect,
            "scope": " ".join(provider.scopes),
            "state": state,
            "nonce": _made(browser, "nonce", state),
            "code_challenge": _base64(hashlib.sha256(verifier.encode()).digest()),
            "code_challenge_method": "S256",
        }
        return _with(published.metadata().authorization, asked)

    def complete(self, name: str, answer: Mapping[str, str], browser: str, redirect: str) -> Vouched:
        """Whom the provider vouches for; `NotSignedInThere` where that is nobody, or it isn't to be believed."""
        provider, (_, asking, published) = self.get(name), self._all[name]
        state = answer.get("state", "")
        # First of all: whatever else is said was otherwise said by anybody.
        self._check_state(provider, state, browser, redirect)
        metadata = published.metadata()
        by = answer.get("iss")
        if by != provider.issuer and (by is not None or metadata.names_itself):
            raise NotSignedInThere(Trouble.PROVIDER, f"the answer is of another provider: {str(by)[:200]!r}")
        if error := answer.get("error"):
            said = f"the provider says no: {error[:100]!r} {answer.get('error_description', '')[:200]!r}"
            raise NotSignedInThere(Trouble.CANCELLED, said)
        code = answer.get("code", "")
        if not 0 < len(code) <= _MOST_CODE:
            raise NotSignedInThere(Trouble.AGAIN, "the answer has no code")
        token, access = _redeem(provider, asking, metadata, code, _made(browser, "verifier", state), redirect)
        nonce = _made(browser, "nonce", state)
        claims = id_tokens.checked(token, provider, published, nonce, self._clock)
        vouched = _vouched(provider, _completed(provider, asking, metadata, claims, access))
        try:
            self._used.add(digest(f"{provider.issuer} {nonce}"), _Used(self._clock.now() + 2 * LIFETIME))
        except Conflict:
            raise NotSignedInThere(Trouble.AGAIN, "somebody was signed in by that answer already") from None
        return vouched

    def way_out(self, name: str, back: str) -> str:
        """The URL at which a person signs out of the provider itself; empty where there is none, or it doesn't say."""
        if name not in self._all:
            return ""
        provider, _, published = self._all[name]
        try:
            place = published.metadata().end_session
        except ProviderTrouble:
            return ""
        asked = {"client_id": provider.client_id, "post_logout_redirect_uri": back}
        return _with(place, asked) if place else ""

    def _check_state(self, provider: Provider, state: str, browser: str, redirect: str) -> None:
        parts = _STATE.fullmatch(state)
        right = _state(browser, provider, redirect, state.rpartition(".")[0])
        if parts is None or not browser or not hmac.compare_digest(state.encode(), right.encode()):
            raise NotSignedInThere(Trouble.AGAIN, "the answer belongs to no sign-in that this browser has begun")
        age = self._clock.now() - datetime.fromtimestamp(int(parts[1]), UTC)
        if not -LIFETIME < age < LIFETIME:
            raise NotSignedInThere(Trouble.AGAIN, "the sign-in was begun too long ago")


def _state(browser: str, provider: Provider, redirect: str, begun: str) -> str:
    return f"{begun}.{_made(browser, 'state', f'{provider.name} {provider.issuer} {redirect} {begun}')}"


def _made(browser: str, purpose: str, of: str) -> str:
    return _base64(hmac.digest(browser.encode(), f"{purpose} {of}".encode(), "sha256"))


def _base64(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def _with(url: str, fields: Mapping[str, str]) -> str:
    parts = urlsplit(url)
    query = "&".join(filter(None, (parts.query, urlencode(fields))))
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))


def _redeem(
    provider: Provider, asking: Asking, metadata: Metadata, code: str, verifier: str, redirect: str
) -> tuple[str, str]:
    """The ID token and the access token that a code is worth."""
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect, "code_verifier": verifier}
    secret, basic = provider.secret(), None
    if secret and metadata.takes_basic:
        # RFC 6749, 2.3.1: both are encoded as in a form first.
        basic = quote_plus(provider.client_id), quote_plus(secret)
    else:
        form |= {"client_id": provider.client_id} | ({"client_secret": secret} if secret else {})
    status, answer = asking.post(metadata.token, form, basic)
    if status == 400 and answer.get("error") == "invalid_grant":
        raise NotSignedInThere(Trouble.AGAIN, "the provider doesn't take the code: it was used, or is too old")
    if status != 200:
        raise ProviderTrouble(f"the provider gives no token: status {status}, {str(answer.get('error'))[:100]!r}")
    token, access = answer.get("id_token"), answer.get("access_token")
    if not isinstance(token, str):
        raise ProviderTrouble("the provider gives no ID token")
    return token, access if isinstance(access, str) else ""


def _completed(
    provider: Provider, asking: Asking, metadata: Metadata, claims: dict[str, Any], access: str
) -> dict[str, Any]:
    """The claims, with those that only the user-info endpoint tells."""
    wanted = [provider.name_claim, "name"]
    wanted += ["email"] if provider.domains or provider.link_domains else []
    wanted += [provider.groups_claim] if provider.asks_groups else []
    missing = [name for name in wanted if _claim(claims, name) is None]
    if not missing or not access or not metadata.user_info:
        return claims
    more = asking.get(metadata.user_info, access)
    if more.get("sub") != claims["sub"]:
        raise ProviderTrouble("the provider tells of another person than its ID token")
    # What is signed counts. An e-mail address and whether it is verified belong together.
    kept = {name: value for name, value in more.items() if name not in ("email", "email_verified")}
    if "email" not in claims:
        kept |= {name: more[name] for name in ("email", "email_verified") if name in more}
        claims = {name: value for name, value in claims.items() if name != "email_verified"}
    return kept | claims


def _vouched(provider: Provider, claims: dict[str, Any]) -> Vouched:
    elsewhere = claims.get("_claim_names")
    if provider.asks_groups and isinstance(elsewhere, dict) and provider.groups_claim in elsewhere:
        raise ProviderTrouble("the provider tells groups at another place, as of people in very many: not supported")
    groups = _claim(claims, provider.groups_claim)
    listed = groups if isinstance(groups, list) else [groups]
    verified = claims.get("email_verified") in (True, "true")
    return Vouched(
        provider,
        claims["sub"],
        _text(_claim(claims, provider.name_claim)),
        _text(claims.get("name")),
        _text(claims.get("email")).lower() if verified else "",
        frozenset(g for g in listed[:_MOST_GROUPS] if isinstance(g, str)),
    )


def _claim(claims: Mapping[str, Any], name: str) -> Any:
    """A claim of that name, else what the dots in the name lead to."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _text(value: Any) -> str:
    return " ".join(value.split())[:200] if isinstance(value, str) else ""


def _encode(used: _Used) -> dict[str, Any]:
    return {"expires": used.expires.isoformat()}


def _decode(stored: dict[str, Any]) -> _Used:
    return _Used(datetime.fromisoformat(stored["expires"]))
