"""Why nobody was signed in, as far as the person is told."""

from __future__ import annotations

from enum import StrEnum

from huntlake.core.errors import Refused


class Trouble(StrEnum):
    """What the sign-in page has a sentence for."""

    AGAIN = "again"
    """The answer is too old, was used before, or belongs to another browser."""
    CANCELLED = "cancelled"
    """The person, or the provider, said no."""
    PROVIDER = "provider"
    """The provider is down, slow, or says what can't be believed."""
    NO_ACCOUNT = "no-account"
    """The provider vouches for somebody who has no account here."""
    CLOSED = "closed"
    """The account here was disabled or removed."""
    NOT_ALLOWED = "not-allowed"
    """The settings let other people of that provider in."""


class NotSignedInThere(Refused):
    """Nobody is signed in by that answer. The message is for whoever runs the server; a person is told `trouble`."""

    def __init__(self, trouble: Trouble, message: str) -> None:
        super().__init__(message)
        self.trouble = trouble


class ProviderTrouble(NotSignedInThere):
    """The provider didn't answer, or not as it should."""

    def __init__(self, message: str) -> None:
        super().__init__(Trouble.PROVIDER, message)
