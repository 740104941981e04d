"""Tokens by OAuth's client credentials, kept until shortly before they end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Lock
from urllib.parse import quote

from huntlake.core.clock import Clock
from huntlake.core.errors import Refused, Unavailable
from huntlake.engines.cancellation import Cancellation
from huntlake.workspace.remote.transport import Call, Transport, message_of

_EARLY = timedelta(minutes=2)


class TokenSource:
    """The token of one client for one scope. `secret` gives the secret when it is needed, and isn't kept."""

    def __init__(
        self,
        transport: Transport,
        authority: str,
        tenant: str,
        client: str,
        scope: str,
        secret: Callable[[], str],
        clock: Clock,
    ) -> None:
        self._transport, self._clock = transport, clock
        self._url = f"{authority}/{quote(tenant, safe='')}/oauth2/v2.0/token"
        self._client, self._scope, self._secret = client, scope, secret
        self._lock = Lock()
        self._token, self._until = "", datetime.min

    def token(self, cancellation: Cancellation | None = None) -> str:
        """A token that is good for a while; `Refused` where the credentials aren't taken."""
        with self._lock:
            if not self._token or self._clock.now() >= self._until:
                self._token, lifetime = self._fetched(cancellation)
                self._until = self._clock.now() + lifetime - min(_EARLY, lifetime / 2)
            return self._token

    def forget(self, token: str) -> None:
        """Fetch another one next time: this was not taken."""
        with self._lock:
            if self._token == token:
                self._token = ""

    def _fetched(self, cancellation: Cancellation | None) -> tuple[str, timedelta]:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._client,
            "client_secret": self._secret(),
            "scope": self._scope,
        }
        answer = self._transport.send(
            Call("POST", self._url, form=form, timeout=timedelta(seconds=30), cancellation=cancellation)
        )
        if answer.status in (400, 401, 403):
            raise Refused(f"{self._url} gives no token for the client {self._client}: {message_of(answer)}")
        if answer.status != 200:
            raise Unavailable(f"{self._url} answers {answer.status} when asked for a token")
        body = answer.json()
        token = body.get("access_token") if isinstance(body, dict) else None
        if not isinstance(token, str) or not token:
            raise Unavailable(f"{self._url} answers without a token")
        try:
            seconds = int(body.get("expires_in") or 0)
        except (TypeError, ValueError):
            seconds = 0
        return token, timedelta(seconds=max(0, seconds))
