"""Documents that are worth something for a while only, and are thrown away afterwards."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Generic, Protocol, TypeVar

from huntlake.core.clock import Clock
from huntlake.core.errors import Busy
from huntlake.state.documents import Documents, Json, Shelf


class Expiring(Protocol):
    """What stops being good at a moment."""

    @property
    def expires(self) -> datetime: ...


T = TypeVar("T", bound=Expiring)
_SWEEP = timedelta(minutes=1)


class ExpiringDocuments(Generic[T]):
    """At most so many documents of one kind; those that have expired are as good as gone."""

    def __init__(
        self,
        database: Shelf,
        collection: str,
        clock: Clock,
        encode: Callable[[T], dict[str, Any]],
        decode: Callable[[dict[str, Any]], T],
        *,
        most: int,
    ) -> None:
        def stored(value: T) -> Json:
            return encode(value)

        def read(value: Json) -> T:
            assert isinstance(value, dict)
            return decode(value)

        self.documents: Documents[T] = Documents(database, collection, stored, read)
        self._clock, self._most = clock, most
        self._swept: datetime | None = None
        self._lock = Lock()

    def add(self, name: str, value: T) -> T:
        """Keep a new document; `Busy` where there are too many, as when someone makes them on purpose."""
        self._sweep()
        return self.documents.put(name, value, create_only=True).value

    def find(self, name: str) -> T | None:
        """The document of that name, if it is still good."""
        found = self.documents.find(name)
        return found.value if found and found.value.expires > self._clock.now() else None

    def _sweep(self) -> None:
        now = self._clock.now()
        with self._lock:
            if self._swept is not None and now - self._swept < _SWEEP and len(self.documents.names()) < self._most:
                return
            self._swept = now
        left = 0
        for document in self.documents.list():
            if document.value.expires <= now:
                self.documents.delete(document.name)
            else:
                left += 1
        if left >= self._most:
            raise Busy("too many sign-ins are under way; try again later")


def new_text(size: int = 32) -> str:
    """A text that nobody can guess."""
    return secrets.token_urlsafe(size)


def digest(text: str) -> str:
    """What is kept of such a text: enough to know it again, and not to use it."""
    return hashlib.sha256(text.encode()).hexdigest()
