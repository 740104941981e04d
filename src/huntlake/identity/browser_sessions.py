"""Sessions of people at the pages: what a browser's cookie stands for."""

from __future__ import annotations

import hmac
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from huntlake.core.clock import Clock
from huntlake.core.errors import NotFound, PreconditionFailed
from huntlake.identity.expiring import ExpiringDocuments, digest, new_text
from huntlake.identity.users import User, Users
from huntlake.state.documents import Shelf

IDLE = timedelta(hours=12)
"""A session ends when nothing was heard of it for so long."""

LONGEST = timedelta(days=7)
"""And in any case after that."""

_TIMES = ("signed_in", "seen", "ends")
_NOTED = timedelta(minutes=10)
"""How exactly it is written down when a session was last heard of."""


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """A person who has signed in with a browser; `proof` is what the pages send with each request (CSRF token)."""

    user: str
    object_id: str
    signed_in: datetime
    seen: datetime
    proof: str
    ends: datetime
    provider: str = ""
    """The outside provider that vouched for the person; empty where they gave a password."""

    @property
    def expires(self) -> datetime:
        """When it is over, unless something is heard of it."""
        return min(self.seen + IDLE, self.ends)

    def proves(self, text: str) -> bool:
        """Whether a request was made by the pages themselves, and not by another site's."""
        return hmac.compare_digest(self.proof.encode(), text.encode())


class BrowserSessions:
    """The sessions that are alive. Of a cookie only a digest is kept."""

    def __init__(self, database: Shelf, clock: Clock, users: Users) -> None:
        self._kept = ExpiringDocuments(database, "browser sessions", clock, _encode, _decode, most=100_000)
        self._clock, self._users = clock, users

    def begin(self, user: User, provider: str = "", lasts: timedelta = LONGEST) -> tuple[str, BrowserSession]:
        """A session of a person who has signed in, and the text of its cookie."""
        text, now = new_text(), self._clock.now()
        # Where everything was signed out in this very second, this came after.
        since = max(now, user.changed)
        session = BrowserSession(user.name, user.object_id, since, now, new_text(), now + min(lasts, LONGEST), provider)
        return text, self._kept.add(digest(text), session)

    def find(self, text: str) -> tuple[BrowserSession, User] | None:
        """The session of a cookie and its person, whose rights are those of now; None where it is worth nothing."""
        name = digest(text)
        session = self._kept.find(name)
        user = self._users.find(session.user) if session else None
        if session is None or user is None:
            return None
        if user.disabled or user.object_id != session.object_id or session.signed_in < user.changed:
            return None
        now = self._clock.now()
        if now - session.seen > _NOTED:
            session = self._noted(name, now) or session
        return session, user

    def end(self, text: str) -> bool:
        """End a session; False where there was none."""
        return self._kept.documents.delete(digest(text))

    def _noted(self, name: str, now: datetime) -> BrowserSession | None:
        found = self._kept.documents.find(name)
        if found is None:
            return None
        try:
            return self._kept.documents.put(name, replace(found.value, seen=now), if_match=found.etag).value
        except (PreconditionFailed, NotFound):
            return None  # another request was quicker, or it was ended


def _encode(session: BrowserSession) -> dict[str, Any]:
    return asdict(session) | {name: getattr(session, name).isoformat() for name in _TIMES}


def _decode(stored: dict[str, Any]) -> BrowserSession:
    times = {name: datetime.fromisoformat(stored[name]) for name in _TIMES if name in stored}
    times.setdefault("ends", times["signed_in"] + LONGEST)
    return BrowserSession(**{**stored, **times})
