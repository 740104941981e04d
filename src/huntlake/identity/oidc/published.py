"""What a provider publishes of itself: where it is asked, and the keys that it signs with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from huntlake.core.clock import Clock
from huntlake.identity.oidc.asking import Asking
from huntlake.identity.oidc.provider import Provider, may_be_asked
from huntlake.identity.oidc.troubles import ProviderTrouble

if TYPE_CHECKING:
    from jwt import PyJWK

T = TypeVar("T")

FRESH = timedelta(hours=1)
"""How long it is believed without looking again."""

STALE = timedelta(days=1)
"""And where nobody answers any more."""

AGAIN = timedelta(seconds=10)
"""How soon it is looked at again, whatever is asked."""

KINDS = {
    "RS256": "RSA", "RS384": "RSA", "RS512": "RSA",
    "PS256": "RSA", "PS384": "RSA", "PS512": "RSA",
    "ES256": "EC", "ES384": "EC", "ES512": "EC",
    "EdDSA": "OKP",
}  # fmt: skip
"""The algorithms that a token may be signed with, and the kind of key each takes: none with a shared secret."""

_CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "EdDSA": "Ed25519"}
_SMALLEST_RSA = 2048
_MOST_KEYS = 100


@dataclass(frozen=True, slots=True)
class Metadata:
    """The document at `/.well-known/openid-configuration`, as far as it is needed."""

    authorization: str
    token: str
    keys: str
    user_info: str
    end_session: str
    algorithms: frozenset[str]
    names_itself: bool
    takes_basic: bool


class Published:
    """One provider's documents, kept for a while."""

    def __init__(self, provider: Provider, asking: Asking, clock: Clock) -> None:
        self._provider, self._asking = provider, asking
        self._metadata = _Kept(self._read_metadata, clock)
        self._keys = _Kept(self._read_keys, clock)

    def metadata(self) -> Metadata:
        """Where the provider is asked; `ProviderTrouble` where that can't be known."""
        return self._metadata.get()

    def keys(self, kid: str | None, algorithm: str) -> Sequence[PyJWK]:
        """The keys that may have made such a signature; of an id that isn't known the provider is asked again."""
        found = self._fitting(self._keys.get(), kid, algorithm)
        return found or self._fitting(self._keys.get(anew=True), kid, algorithm)

    def _read_metadata(self) -> Metadata:
        issuer = self._provider.issuer
        said = self._asking.get(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if said.get("issuer") != issuer:
            raise ProviderTrouble(f"the provider calls itself {str(said.get('issuer'))[:200]!r}, and not {issuer!r}")
        methods = said.get("code_challenge_methods_supported")
        if isinstance(methods, list) and "S256" not in methods:
            raise ProviderTrouble("the provider's PKCE without S256 is not supported")
        offered = said.get("id_token_signing_alg_values_supported")
        known = frozenset(KINDS)
        algorithms = known & frozenset(map(str, offered)) if isinstance(offered, list) else known
        if not algorithms:
            raise ProviderTrouble(f"the provider's signatures are not supported: {str(offered)[:200]}")
        secret_in = said.get("token_endpoint_auth_methods_supported")
        return Metadata(
            self._place(said, "authorization_endpoint"),
            self._place(said, "token_endpoint"),
            self._place(said, "jwks_uri"),
            self._place(said, "userinfo_endpoint", needed=False),
            self._place(said, "end_session_endpoint", needed=False),
            algorithms,
            said.get("authorization_response_iss_parameter_supported") is True,
            not isinstance(secret_in, list) or "client_secret_basic" in secret_in,
        )

    def _place(self, said: dict[str, Any], name: str, *, needed: bool = True) -> str:
        url = said.get(name)
        if isinstance(url, str) and may_be_asked(url) and "#" not in url:
            return url
        if needed or url is not None:
            raise ProviderTrouble(f"the provider's {name} is no https URL: {str(url)[:200]!r}")
        return ""

    def _read_keys(self) -> Sequence[dict[str, Any]]:
        place = self._metadata.get().keys
        keys = self._asking.get(place).get("keys")
        if not isinstance(keys, list):
            raise ProviderTrouble(f"{place} has no keys")
        return [k for k in keys[:_MOST_KEYS] if isinstance(k, dict)]

    def _fitting(self, keys: Sequence[dict[str, Any]], kid: str | None, algorithm: str) -> Sequence[PyJWK]:
        named = [k for k in keys if _fits(k, algorithm) and kid in (None, k.get("kid"))]
        # A token that names no key was made by the only one that it can be.
        if kid is None and len(named) != 1:
            return ()
        return [key for one in named if (key := _key(one, algorithm)) is not None]


class _Kept(Generic[T]):
    """Something that is fetched when it is needed, and not again and again."""

    def __init__(self, fetch: Callable[[], T], clock: Clock) -> None:
        self._fetch, self._clock = fetch, clock
        self._value: tuple[T, datetime] | None = None
        self._tried: datetime | None = None
        self._failed: ProviderTrouble | None = None
        self._lock = Lock()

    def get(self, *, anew: bool = False) -> T:
        # Whoever waits here finds what the first one got, or why it got nothing.
        with self._lock:
            now = self._clock.now()
            if self._value is not None and not anew and now - self._value[1] < FRESH:
                return self._value[0]
            if self._tried is None or now - self._tried >= AGAIN:
                self._tried = now
                try:
                    self._value, self._failed = (self._fetch(), now), None
                except ProviderTrouble as error:
                    self._failed = error
            if self._value is not None and now - self._value[1] < STALE:
                return self._value[0]
            raise ProviderTrouble(str(self._failed))


def _fits(key: dict[str, Any], algorithm: str) -> bool:
    if key.get("kty") != KINDS[algorithm] or key.get("use", "sig") != "sig" or key.get("alg", algorithm) != algorithm:
        return False
    operations = key.get("key_ops", ["verify"])
    curve = _CURVES.get(algorithm)
    return isinstance(operations, list) and "verify" in operations and curve in (None, key.get("crv"))


def _key(said: dict[str, Any], algorithm: str) -> PyJWK | None:
    from jwt import PyJWK
    from jwt.exceptions import PyJWTError

    try:
        key = PyJWK(said, algorithm)
    except (PyJWTError, ValueError, TypeError, KeyError):
        return None
    small = KINDS[algorithm] == "RSA" and getattr(key.key, "key_size", 0) < _SMALLEST_RSA
    # A provider that publishes its private key proves nothing by it.
    return None if small or "d" in said else key
