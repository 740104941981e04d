"""Tickets: what a page of the sign-in knows when it comes back, without anything kept here in between."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from huntlake.core.clock import Clock
from huntlake.core.errors import Invalid
from huntlake.identity.keys import ALGORITHM, SigningKeys

LIFETIME = timedelta(minutes=15)
_TYPE = "sign-in-ticket+jwt"


class Tickets:
    """Signed notes that are good for a while, and only in the browser that was given them.

    The browser shows it by a cookie, whose text nobody else knows: a page elsewhere can't send a ticket in its name.
    """

    def __init__(self, keys: SigningKeys, clock: Clock) -> None:
        self._keys, self._clock = keys, clock

    def issue(self, kind: str, facts: dict[str, Any], browser: str) -> str:
        """A ticket for the browser whose cookie says `browser`."""
        import jwt

        key = self._keys.current()
        claims = {
            "kind": kind,
            "facts": facts,
            "browser": _digest(browser),
            "until": int((self._clock.now() + LIFETIME).timestamp()),
        }
        return jwt.encode(claims, key.private, ALGORITHM, {"kid": key.kid, "typ": _TYPE})

    def read(self, kind: str, ticket: str, browser: str) -> dict[str, Any]:
        """What a ticket says; `Invalid` unless it is ours, of that kind, in time, and this browser's."""
        import jwt

        stale = Invalid("this page is out of date, or cookies are blocked; go back to the program and begin again")
        try:
            header = jwt.get_unverified_header(ticket)
            key = self._keys.public(header.get("kid", ""))
            if key is None or header.get("typ") != _TYPE:
                raise stale
            claims: dict[str, Any] = jwt.decode(ticket, key, algorithms=[ALGORITHM])
        except (jwt.PyJWTError, ValueError):
            raise stale from None
        late = datetime.fromtimestamp(claims["until"], UTC) <= self._clock.now()
        if late or claims["kind"] != kind or not hmac.compare_digest(claims["browser"], _digest(browser)):
            raise stale
        facts: dict[str, Any] = claims["facts"]
        return facts


def new_browser() -> str:
    """The text of a cookie."""
    return secrets.token_urlsafe(24)


def _digest(browser: str) -> str:
    return hashlib.sha256(browser.encode()).hexdigest()
