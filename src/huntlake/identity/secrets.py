"""Client secrets: made here, shown once, kept only as hashes."""

from __future__ import annotations

import secrets
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from huntlake.core.errors import LimitExceeded

if TYPE_CHECKING:
    from argon2 import PasswordHasher

LIFETIME = timedelta(days=365)
"""How long a secret is good for unless something else is asked for."""


@dataclass(frozen=True, slots=True)
class Secret:
    """One secret of a principal; `hint` is its first letters, enough to tell it from another."""

    id: str
    hash: str
    hint: str
    created: datetime
    expires: datetime

    def __repr__(self) -> str:
        return f"Secret({self.hint}…, expires {self.expires:%Y-%m-%d})"


class Hasher:
    """Argon2id, a bounded number at a time.

    Each hash takes `memory` bytes, and anyone may ask for one by sending a wrong secret: what waits
    longer than `patience` seconds is turned away with `LimitExceeded`.
    """

    def __init__(self, *, concurrency: int = 2, patience: float = 10, memory: int = 19 << 20, rounds: int = 2) -> None:
        self._slots = threading.BoundedSemaphore(concurrency)
        self._patience = patience
        self._memory, self._rounds = memory, rounds

    def hash(self, secret: str) -> str:
        """The hash to keep, with its salt and parameters."""
        with self._slot() as argon2:
            return argon2.hash(secret)

    def verify(self, hash: str, secret: str) -> bool:
        """Whether `hash` was made from `secret`."""
        from argon2.exceptions import VerificationError

        with self._slot() as argon2:
            try:
                return argon2.verify(hash, secret)
            except VerificationError:
                return False

    @contextmanager
    def _slot(self) -> Iterator[PasswordHasher]:
        from argon2 import PasswordHasher

        if not self._slots.acquire(timeout=self._patience):
            raise LimitExceeded("too many secrets are being checked; try again later")
        try:
            yield PasswordHasher(time_cost=self._rounds, memory_cost=self._memory >> 10, parallelism=1)
        finally:
            self._slots.release()


def new_secret(hasher: Hasher, now: datetime, lifetime: timedelta, text: str | None = None) -> tuple[Secret, str]:
    """A secret to keep and its text, which is nowhere else and can't be had again."""
    text = text or secrets.token_urlsafe(32)
    return Secret(str(uuid.uuid4()), hasher.hash(text), text[:3], now, now + lifetime), text
