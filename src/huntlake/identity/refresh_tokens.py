"""Refresh tokens: a person stays signed in for some days. Each is good for one use, and brings the next."""

from __future__ import annotations

import hmac
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from huntlake.core.clock import Clock
from huntlake.core.errors import NotFound, PreconditionFailed
from huntlake.identity.authorization_codes import BadGrant, UsedTwice
from huntlake.identity.expiring import ExpiringDocuments, digest, new_text
from huntlake.identity.users import User
from huntlake.state.documents import Shelf


@dataclass(frozen=True, slots=True)
class Family:
    """Every refresh token that came of one sign-in; `current` is the digest of the only one that is good."""

    id: str
    client_id: str
    user: str
    object_id: str
    scopes: str
    audience: str
    signed_in: datetime
    expires: datetime
    current: str


class RefreshTokens:
    """The families that are alive. A person signs in anew after `lifetime`; where it is 0 there are no such tokens."""

    def __init__(self, database: Shelf, clock: Clock, *, lifetime: timedelta = timedelta(days=14)) -> None:
        self._kept = ExpiringDocuments(database, "refresh tokens", clock, _encode, _decode, most=100_000)
        self._clock, self._lifetime = clock, lifetime

    def begin(self, id: str, client_id: str, user: User, scopes: str, audience: str, signed_in: datetime) -> str | None:
        """The first token of a family, or None where there are to be none."""
        if not self._lifetime:
            return None
        text, current = _new(id)
        expires = signed_in + self._lifetime
        self._kept.add(
            id, Family(id, client_id, user.name, user.object_id, scopes, audience, signed_in, expires, current)
        )
        return text

    def rotate(self, text: str, client_id: str) -> tuple[Family, str]:
        """What a token stands for, and the one that takes its place.

        :raises UsedTwice: it was used before; its family is gone, and with it the token that took its place
        :raises BadGrant: it isn't good, or was issued to another application
        """
        id, _, _ = text.partition(".")
        family = self._kept.find(id)
        if family is None:
            raise BadGrant("the refresh token is unknown, it has expired, or it was revoked")
        if family.client_id != client_id:
            raise BadGrant("the refresh token was issued to another application")
        document = self._kept.documents.find(id)
        if document is None:  # revoked since
            raise BadGrant("the refresh token was revoked")
        if hmac.compare_digest(document.value.current, digest(text)):
            new, kept = _new(id)
            try:
                changed = replace(document.value, current=kept)
                return self._kept.documents.put(id, changed, if_match=document.etag).value, new
            except (PreconditionFailed, NotFound):
                pass  # someone else was quicker
        self.revoke(id)
        raise UsedTwice("the refresh token has been used before: every token of that sign-in is revoked", id)

    def revoke(self, id: str) -> None:
        """End a family."""
        self._kept.documents.delete(id)

    def revoke_user(self, object_id: str) -> int:
        """End every family of a user; how many there were."""
        found = [d for d in self._kept.documents.list() if d.value.object_id == object_id]
        return sum(self._kept.documents.delete(d.name) for d in found)


def _new(id: str) -> tuple[str, str]:
    text = f"{id}.{new_text(48)}"
    return text, digest(text)


def _encode(family: Family) -> dict[str, Any]:
    return {**asdict(family), "signed_in": family.signed_in.isoformat(), "expires": family.expires.isoformat()}


def _decode(stored: dict[str, Any]) -> Family:
    times = {name: datetime.fromisoformat(stored[name]) for name in ("signed_in", "expires")}
    return Family(**{**stored, **times})
