"""Device codes: a program without a browser shows a short code, and a person types it into one (RFC 8628)."""

from __future__ import annotations

import secrets
import uuid
from collections import OrderedDict
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from threading import Lock
from typing import Any

from huntlake.core.clock import Clock
from huntlake.core.errors import PreconditionFailed, Refused
from huntlake.identity.expiring import ExpiringDocuments, digest, new_text
from huntlake.identity.users import User
from huntlake.state.documents import Shelf

LIFETIME = timedelta(minutes=15)
INTERVAL = timedelta(seconds=5)
# Without vowels no word comes of it, and none of these is mistaken for another.
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
_LENGTH = 9
_MOST_POLLED = 10_000


class Pending(Refused):
    """Nobody has decided yet."""


class TooSoon(Refused):
    """The program asks more often than it was told to."""


class Declined(Refused):
    """The person said no."""


class ExpiredCode(Refused):
    """The code is unknown, used up, or nobody has typed it in time."""


class Decision(Enum):
    """What became of a request."""

    WAITING = "waiting"
    APPROVED = "approved"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True)
class DeviceRequest:
    """A program's wish to act for whoever types the code. `source` is the address that it came from."""

    user_code: str
    client_id: str
    scopes: str
    audience: str
    source: str
    expires: datetime
    decision: Decision = Decision.WAITING
    user: str = ""
    object_id: str = ""
    signed_in: datetime | None = None


class DeviceCodes:
    """The requests that wait for a person."""

    def __init__(self, database: Shelf, clock: Clock) -> None:
        self._kept = ExpiringDocuments(database, "device codes", clock, _encode, _decode, most=1000)
        self._clock = clock
        self._polled: OrderedDict[str, datetime] = OrderedDict()
        self._lock = Lock()

    def begin(self, client_id: str, scopes: str, audience: str, source: str) -> tuple[str, DeviceRequest]:
        """The device code, which the program keeps to itself, and the request with the code that it shows."""
        text = new_text()
        user_code = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
        request = DeviceRequest(user_code, client_id, scopes, audience, source, self._clock.now() + LIFETIME)
        return text, self._kept.add(digest(text), request)

    def typed(self, user_code: str) -> DeviceRequest | None:
        """The request with that code, which a person may have typed with blanks, if it still waits."""
        found = self._named(user_code)
        return found[1] if found else None

    def decide(self, user_code: str, user: User, *, approved: bool) -> DeviceRequest | None:
        """Let a user decide on a request; None where it doesn't wait any more."""
        found = self._named(user_code)
        if found is None:
            return None
        name, request, etag = found
        decision = Decision.APPROVED if approved else Decision.DECLINED
        at = max(self._clock.now(), user.changed)
        decided = replace(request, decision=decision, user=user.name, object_id=user.object_id, signed_in=at)
        try:
            return self._kept.documents.put(name, decided, if_match=etag).value
        except PreconditionFailed:
            return None

    def poll(self, text: str, client_id: str) -> tuple[DeviceRequest, str]:
        """The request that a user approved, once, and a name for all that comes of it.

        :raises Refused: one of the kinds above
        """
        name = digest(text)
        request = self._kept.find(name)
        if request is None or request.client_id != client_id:
            raise ExpiredCode("the device code is unknown, it was used, or it has expired")
        if request.decision is Decision.DECLINED:
            self._kept.documents.delete(name)
            raise Declined("the person declined")
        if request.decision is Decision.WAITING:
            if self._too_soon(name):
                raise TooSoon(f"ask again after {INTERVAL.seconds} seconds")
            raise Pending("nobody has typed the code and signed in yet")
        if not self._kept.documents.delete(name):
            raise ExpiredCode("the device code was used")
        return request, str(uuid.uuid4())

    def _named(self, user_code: str) -> tuple[str, DeviceRequest, str] | None:
        wanted = "".join(c for c in user_code.upper() if c.isalnum())
        now = self._clock.now()
        for document in self._kept.documents.list():
            request = document.value
            if request.user_code == wanted and request.decision is Decision.WAITING and request.expires > now:
                return document.name, request, document.etag
        return None

    def _too_soon(self, name: str) -> bool:
        now = self._clock.now()
        with self._lock:
            before = self._polled.get(name)
            self._polled[name] = now
            self._polled.move_to_end(name)
            if len(self._polled) > _MOST_POLLED:
                self._polled.popitem(last=False)
        # A client's clock and the network make of five seconds a little less.
        return before is not None and now - before < INTERVAL * 0.8


def _encode(request: DeviceRequest) -> dict[str, Any]:
    at = request.signed_in
    return {
        **asdict(request),
        "expires": request.expires.isoformat(),
        "decision": request.decision.value,
        "signed_in": at.isoformat() if at else None,
    }


def _decode(stored: dict[str, Any]) -> DeviceRequest:
    at = stored["signed_in"]
    return DeviceRequest(
        **{
            **stored,
            "expires": datetime.fromisoformat(stored["expires"]),
            "decision": Decision(stored["decision"]),
            "signed_in": datetime.fromisoformat(at) if at else None,
        }
    )
