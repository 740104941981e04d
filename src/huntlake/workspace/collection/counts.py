"""How many records each rule has seen, and what became of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic
from typing import Any, cast

from huntlake.core.errors import NotFound
from huntlake.state.documents import Documents, Json, Shelf

_EVERY = 5.0
_MOST_FIELDS = 100


@dataclass(frozen=True)
class Counts:
    """Numbers of records. A record that goes into two tables counts once as received, and twice as stored."""

    received: int = 0
    stored: int = 0
    dropped: int = 0
    """Records of which the transformation made no row."""
    rejected: int = 0
    """Records that didn't fit, and lie in the dead letters."""
    unknown: Mapping[str, int] = field(default_factory=dict)
    """Fields that were left out, as no stream or table knows them, and of how many records."""

    def __add__(self, other: Counts) -> Counts:
        unknown = Counter(self.unknown) + Counter(other.unknown)
        return Counts(
            self.received + other.received,
            self.stored + other.stored,
            self.dropped + other.dropped,
            self.rejected + other.rejected,
            dict(unknown.most_common(_MOST_FIELDS)),
        )


class Ledger:
    """The counts of every rule, by its immutable id. What was counted in the last seconds a crash may forget."""

    def __init__(self, database: Shelf) -> None:
        self._documents = Documents(database, "collection counts", _encode, _decode)
        self._fresh: dict[str, Counts] = {}
        self._written = monotonic()
        self._lock = Lock()

    def add(self, id: str, counts: Counts) -> None:
        """Count."""
        with self._lock:
            self._fresh[id] = self._fresh.get(id, Counts()) + counts
            due = monotonic() - self._written > _EVERY
        if due:
            self.write()

    def of(self, id: str) -> Counts:
        """What was counted of a rule, by all processes that have written it down."""
        found = self._documents.find(id)
        with self._lock:
            fresh = self._fresh.get(id, Counts())
        return (found.value if found else Counts()) + fresh

    def forget(self, id: str) -> None:
        """Forget a rule."""
        with self._lock:
            self._fresh.pop(id, None)
        self._documents.delete(id)

    def write(self) -> None:
        """Write down what was counted."""
        with self._lock:
            fresh, self._fresh, self._written = self._fresh, {}, monotonic()
        for id, counts in fresh.items():
            try:
                self._documents.change(id, lambda before, more=counts: before + more)  # type: ignore[misc]
            except NotFound:
                self._documents.put(id, counts)


def _encode(counts: Counts) -> Json:
    return {
        "received": counts.received,
        "stored": counts.stored,
        "dropped": counts.dropped,
        "rejected": counts.rejected,
        "unknown": dict(counts.unknown),
    }


def _decode(stored: Json) -> Counts:
    return Counts(**cast("dict[str, Any]", stored))
