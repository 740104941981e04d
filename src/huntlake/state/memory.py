"""Documents that last as long as the process."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from threading import RLock

from huntlake.core.errors import LimitExceeded
from huntlake.state.documents import ANY_ETAG, DIGITS, Append, Json, Put, Remove, Write


class MemoryShelf:
    """A shelf without a database. Values are kept as text, so that nobody changes one that another has read.

    `most` bounds the characters of all of them; a write of more raises `LimitExceeded`.
    """

    def __init__(self, most: int | None = None) -> None:
        self._most, self._size = most, 0
        self._kept: dict[tuple[str, str], tuple[str, str]] = {}
        self._numbers: dict[str, int] = {}
        # By collection, so that a long history of one doesn't slow the lists of all others.
        self._names: dict[str, set[str]] = {}
        self._lock = RLock()

    def read(self, collection: str, name: str) -> tuple[Json, str] | None:
        """A document's value and ETag, or None."""
        found = self._kept.get((collection, name))
        return None if found is None else (json.loads(found[0]), found[1])

    def read_all(self, collection: str) -> Iterator[tuple[str, Json, str]]:
        """Name, value and ETag of each document, by name."""
        with self._lock:
            rows = [(name, *self._kept[collection, name]) for name in sorted(self._names.get(collection, ()))]
        return ((name, json.loads(text), etag) for name, text, etag in rows)

    def read_after(self, collection: str, name: str) -> Iterator[tuple[str, Json]]:
        """Name and value of each document whose name comes after `name`, by name."""
        with self._lock:
            later = sorted(n for n in self._names.get(collection, ()) if n > name)
            rows = [(n, self._kept[collection, n][0]) for n in later]
        return ((n, json.loads(text)) for n, text in rows)

    def read_page(self, collection: str, name: str, most: int) -> Iterator[tuple[str, Json, str]]:
        """Name, value and ETag of the first `most` documents whose names come after `name`, by name."""
        with self._lock:
            later = sorted(n for n in self._names.get(collection, ()) if n > name)[:most]
            rows = [(n, *self._kept[collection, n]) for n in later]
        return ((n, json.loads(text), etag) for n, text, etag in rows)

    def read_names(self, collection: str) -> frozenset[str]:
        """The name of each document."""
        with self._lock:
            return frozenset(self._names.get(collection, ()))

    def insert(self, collection: str, name: str, value: Json, etag: str) -> bool:
        """Add a document; False where that name is taken."""
        with self._lock:
            if (collection, name) in self._kept:
                return False
            self._keep(collection, name, value, etag)
            return True

    def upsert(self, collection: str, name: str, value: Json, etag: str) -> None:
        """Add a document, or replace whatever has that name."""
        with self._lock:
            self._keep(collection, name, value, etag)

    def update(self, collection: str, name: str, value: Json, etag: str, *, if_match: str) -> bool:
        """Replace the document whose ETag is `if_match` (`*`: any); False where there is none."""
        with self._lock:
            if not self._matches(collection, name, if_match):
                return False
            self._keep(collection, name, value, etag)
            return True

    def delete(self, collection: str, name: str, *, if_match: str) -> bool:
        """Delete the document whose ETag is `if_match` (`*`: any); False where there is none."""
        with self._lock:
            if not self._matches(collection, name, if_match):
                return False
            self._drop(collection, name)
            return True

    def write(self, writes: Sequence[Write]) -> bool:
        """Do all of it at once; False, and nothing is done, where one finds something else than it must."""
        with self._lock:
            if not all(map(self._allowed, writes)):
                return False
            for write in writes:
                match write:
                    case Put(collection, name, value, etag):
                        self._keep(collection, name, value, etag)
                    case Remove(collection, name):
                        self._drop(collection, name)
                    case Append(collection, value):
                        number = self._numbers[collection] = self._numbers.get(collection, 0) + 1
                        self._keep(collection, f"{number:0{DIGITS}}", value, "")
            return True

    def _allowed(self, write: Write) -> bool:
        match write:
            case Put(collection, name, create=True):
                return (collection, name) not in self._kept
            case Put(collection, name, if_match=str(etag)) | Remove(collection, name, etag):
                return self._matches(collection, name, etag)
            case Put() | Append():
                return True

    def _keep(self, collection: str, name: str, value: Json, etag: str) -> None:
        text = json.dumps(value)
        size = self._size + len(text) - len(self._kept.get((collection, name), ("",))[0])
        if self._most is not None and size > self._most:
            raise LimitExceeded(f"more than {self._most:,} characters are to be kept in memory")
        self._kept[collection, name], self._size = (text, etag), size
        self._names.setdefault(collection, set()).add(name)

    def _drop(self, collection: str, name: str) -> None:
        self._size -= len(self._kept.pop((collection, name))[0])
        self._names[collection].discard(name)

    def _matches(self, collection: str, name: str, etag: str) -> bool:
        found = self._kept.get((collection, name))
        return found is not None and etag in (ANY_ETAG, found[1])
