"""Who signed in and out, by what, from where, and what was refused: a chain of its own in the audit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from huntlake.core.clock import Clock
from huntlake.identity.users import User
from huntlake.state.audit import Actor, ActorKind, AuditEntry, AuditTrail, ChainHead, Verification
from huntlake.state.documents import Shelf
from huntlake.state.records import Owner

CHAIN: Owner = ("sign-ins of people",)
"""No workspace can be named so."""

TABLE = "HuntlakeSignIns"
"""The table that the entries are rows of, in every workspace the same."""

PASSWORD = "password"
_WINDOW, _MOST_REFUSED = timedelta(minutes=1), 120
_SHOWN = 320


class SignInJournal:
    """Writes the chain. Of refused attempts it keeps so many a minute, and how many it left out: anybody makes them."""

    def __init__(self, database: Shelf, clock: Clock) -> None:
        self._trail = AuditTrail(database, clock)
        self._clock = clock
        self._window: tuple[datetime, int] = (clock.now(), 0)
        self._left_out = 0
        self._lock = Lock()

    def signed_in(self, user: User, by: str, *, source: str, application: str) -> None:
        """A person is about to be signed in, by a password or by the provider of that name."""
        roles = [f"{g.role.value} in {g.workspace_id}" for g in user.grants]
        details = {"by": by, "source": source, "application": application, "roles": roles}
        self._write(Actor(ActorKind.PERSON, user.object_id, user.name), "user/signIn", user.name, "", details)

    def refused(self, name: str, by: str, reason: str, *, source: str, application: str) -> None:
        """Somebody was not; `name` is what they said, empty where they said none."""
        with self._lock:
            now = self._clock.now()
            began, count = self._window
            self._window = (now, 1) if now - began >= _WINDOW else (began, count + 1)
            if self._window[1] > _MOST_REFUSED:
                self._left_out += 1
                return
            left_out, self._left_out = self._left_out, 0
        details: dict[str, Any] = {"by": by, "source": source, "application": application}
        if left_out:
            details["leftOutBefore"] = left_out
        self._write(Actor(ActorKind.PERSON, "", ""), "user/signInRefused", name[:_SHOWN], reason[:_SHOWN], details)

    def signed_out(self, user: User, *, source: str, application: str) -> None:
        """A person has ended their session."""
        details = {"source": source, "application": application}
        self._write(Actor(ActorKind.PERSON, user.object_id, user.name), "user/signOut", user.name, "", details)

    def read(self) -> Iterator[Mapping[str, Any]]:
        """The entries, the first first."""
        return self._trail.read(CHAIN)

    def head(self) -> ChainHead:
        """The end of the chain."""
        return self._trail.head(CHAIN)

    def verify(self, expected: str = "") -> Verification:
        """Recompute the whole chain, as `AuditTrail.verify` does."""
        return self._trail.verify(CHAIN, expected)

    def _write(self, actor: Actor, action: str, name: str, reason: str, details: Mapping[str, Any]) -> None:
        self._trail.append(CHAIN, AuditEntry(actor, action, "user", name, reason=reason, details=details))
