"""Asking a provider: over TLS, for a short time, for few bytes, and nobody else."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from functools import cached_property
from time import monotonic
from typing import TYPE_CHECKING, Any

import orjson

from huntlake.identity.oidc.troubles import ProviderTrouble

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

MOST_READ = 1 << 20
_CONNECTING = 4.0


class Asking:
    """Requests to one provider. A redirect is not followed: what it answers is for this server alone."""

    def __init__(self, authorities: Path | None = None, *, seconds: float = 8) -> None:
        self._authorities, self._seconds = authorities, seconds

    def get(self, url: str, token: str = "") -> dict[str, Any]:
        """The JSON object there."""
        status, answer = self._ask("GET", url, {"Authorization": f"Bearer {token}"} if token else {})
        if status != 200:
            raise ProviderTrouble(f"{url} answers with status {status}")
        return answer

    def post(self, url: str, form: Mapping[str, str], basic: tuple[str, str] | None) -> tuple[int, dict[str, Any]]:
        """Status and JSON object of what a form is answered with."""
        return self._ask("POST", url, {}, form, basic)

    def _ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        form: Mapping[str, str] | None = None,
        basic: tuple[str, str] | None = None,
    ) -> tuple[int, dict[str, Any]]:
        import httpx

        deadline = monotonic() + self._seconds
        # What comes packed could be far larger than what is counted.
        sent = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "huntlake", **headers}
        timeout = httpx.Timeout(self._seconds, connect=_CONNECTING)
        try:
            # A proxy of the environment would hear secrets and tokens.
            with (
                httpx.Client(verify=self._trust, timeout=timeout, follow_redirects=False, trust_env=False) as client,
                client.stream(method, url, headers=sent, data=form, auth=basic) as response,
            ):
                return response.status_code, self._read(response, url, deadline)
        except httpx.TimeoutException:
            raise ProviderTrouble(f"{url} took too long to answer") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            raise ProviderTrouble(f"{url} can't be reached: {str(error)[:200] or type(error).__name__}") from None

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        trust = ssl.create_default_context()
        if self._authorities is not None:
            try:
                trust.load_verify_locations(cafile=self._authorities)
            except (OSError, ssl.SSLError) as error:
                raise ProviderTrouble(f"{self._authorities} can't be read as certificates: {error}") from None
        return trust

    def _read(self, response: httpx.Response, url: str, deadline: float) -> dict[str, Any]:
        if 300 <= response.status_code < 400:
            raise ProviderTrouble(f"{url} leads elsewhere, and is not followed")
        if response.headers.get("content-encoding", "identity").lower() not in ("", "identity"):
            raise ProviderTrouble(f"{url} answers packed, which was not asked for")
        read = bytearray()
        for piece in response.iter_raw():
            read += piece
            if len(read) > MOST_READ:
                raise ProviderTrouble(f"the answer of {url} is larger than {MOST_READ} bytes")
            # Each piece in time is not all of them in time.
            if monotonic() > deadline:
                raise ProviderTrouble(f"{url} took too long to answer")
        try:
            answer = orjson.loads(bytes(read))
        except orjson.JSONDecodeError:
            raise ProviderTrouble(f"{url} answers with status {response.status_code}, and not with JSON") from None
        if not isinstance(answer, dict):
            raise ProviderTrouble(f"{url} doesn't answer with a JSON object")
        return answer
