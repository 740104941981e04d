"""Authorization codes: a person has signed in, and the program that asked may have tokens, once.

RFC 6749 §4.1, with proof of possession as RFC 7636 has it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import uuid
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from huntlake.core.clock import Clock
from huntlake.core.errors import Invalid, PreconditionFailed, Refused
from huntlake.identity.expiring import ExpiringDocuments, digest, new_text
from huntlake.identity.users import User
from huntlake.state.documents import Shelf

LIFETIME = timedelta(minutes=2)
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


class BadGrant(Refused):
    """The code or the refresh token is unknown, used up, expired, or was issued to someone else."""


class UsedTwice(BadGrant):
    """A code, or a refresh token, was shown for a second time: whoever has it may have stolen it.

    `family` names all that came of the sign-in that it belongs to.
    """

    def __init__(self, message: str, family: str) -> None:
        super().__init__(message)
        self.family = family


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """What a program asks for when it sends a person here. `scopes` are as it spelled them."""

    client_id: str
    redirect_uri: str
    scopes: str
    audience: str
    challenge: str
    nonce: str = ""


@dataclass(frozen=True, slots=True)
class Code:
    """What a code stands for."""

    request: AuthorizationRequest
    user: str
    object_id: str
    family: str
    signed_in: datetime
    expires: datetime
    used: bool = False


class AuthorizationCodes:
    """The codes that are out."""

    def __init__(self, database: Shelf, clock: Clock) -> None:
        self._kept = ExpiringDocuments(database, "authorization codes", clock, _encode, _decode, most=10_000)
        self._clock = clock

    def issue(self, request: AuthorizationRequest, user: User) -> str:
        """A code for what a user has just signed in to."""
        text, now = new_text(), self._clock.now()
        signed_in = max(now, user.changed)
        self._kept.add(
            digest(text), Code(request, user.name, user.object_id, str(uuid.uuid4()), signed_in, now + LIFETIME)
        )
        return text

    def redeem(self, text: str, *, client_id: str, redirect_uri: str, verifier: str) -> Code:
        """What a code stands for, once.

        :raises UsedTwice: it was redeemed before
        :raises BadGrant: it isn't good, or the one who shows it isn't the one who asked for it
        """
        name = digest(text)
        code = self._kept.find(name)
        if code is None:
            raise BadGrant("the authorization code is unknown, or it has expired")
        if code.request.client_id != client_id or code.request.redirect_uri != redirect_uri:
            raise BadGrant("the authorization code was issued to another application, or for another redirect URI")
        if not proves(verifier, code.request.challenge):
            raise BadGrant("the code_verifier doesn't match the code_challenge of the authorization request")

        def used(kept: Code) -> Code:
            return replace(kept, used=True)

        document = self._kept.documents.find(name)
        if document is None:  # it has expired since, and was thrown away
            raise BadGrant("the authorization code is unknown, or it has expired")
        if not document.value.used:
            try:
                return self._kept.documents.put(name, used(document.value), if_match=document.etag).value
            except PreconditionFailed:
                pass  # someone else was quicker
        raise UsedTwice("the authorization code has been redeemed before", code.family)


def checked_challenge(challenge: str, method: str) -> str:
    """A code challenge as a program sends it; `Invalid` unless it is one of the method S256."""
    if not challenge:
        raise Invalid("the request has no `code_challenge`: signing in without PKCE is not supported")
    if method != "S256" or not _CHALLENGE.fullmatch(challenge):
        raise Invalid("the `code_challenge_method` is `S256`; others are not supported")
    return challenge


def proves(verifier: str, challenge: str) -> bool:
    """Whether a challenge was made from `verifier`."""
    if not _VERIFIER.fullmatch(verifier):
        return False
    made = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return hmac.compare_digest(made, challenge)


def _encode(code: Code) -> dict[str, Any]:
    return {**asdict(code), "signed_in": code.signed_in.isoformat(), "expires": code.expires.isoformat()}


def _decode(stored: dict[str, Any]) -> Code:
    return Code(
        AuthorizationRequest(**stored["request"]),
        stored["user"],
        stored["object_id"],
        stored["family"],
        datetime.fromisoformat(stored["signed_in"]),
        datetime.fromisoformat(stored["expires"]),
        stored["used"],
    )
