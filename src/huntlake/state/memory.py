"""Documents that last as long as the process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from threading import Lock

from huntlake.state.documents import ANY_ETAG, Json


class MemoryShelf:
    """A shelf without a database. Values are kept as text, so that nobody changes one that another has read."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], tuple[str, str]] = {}
        self._lock = Lock()

    def read(self, collection: str, name: str) -> tuple[Json, str] | None:
        """A document's value and ETag, or None."""
        found = self._kept.get((collection, name))
        return None if found is None else (json.loads(found[0]), found[1])

    def read_all(self, collection: str) -> Iterator[tuple[str, Json, str]]:
        """Name, value and ETag of each document, by name."""
        with self._lock:
            rows = sorted((name, *kept) for (where, name), kept in self._kept.items() if where == collection)
        return ((name, json.loads(text), etag) for name, text, etag in rows)

    def read_names(self, collection: str) -> frozenset[str]:
        """The name of each document."""
        with self._lock:
            return frozenset(name for where, name in self._kept if where == collection)

    def insert(self, collection: str, name: str, value: Json, etag: str) -> bool:
        """Add a document; False where that name is taken."""
        with self._lock:
            if (collection, name) in self._kept:
                return False
            self._kept[collection, name] = json.dumps(value), etag
            return True

    def upsert(self, collection: str, name: str, value: Json, etag: str) -> None:
        """Add a document, or replace whatever has that name."""
        with self._lock:
            self._kept[collection, name] = json.dumps(value), etag

    def update(self, collection: str, name: str, value: Json, etag: str, *, if_match: str) -> bool:
        """Replace the document whose ETag is `if_match` (`*`: any); False where there is none."""
        with self._lock:
            if not self._matches(collection, name, if_match):
                return False
            self._kept[collection, name] = json.dumps(value), etag
            return True

    def delete(self, collection: str, name: str, *, if_match: str) -> bool:
        """Delete the document whose ETag is `if_match` (`*`: any); False where there is none."""
        with self._lock:
            if not self._matches(collection, name, if_match):
                return False
            del self._kept[collection, name]
            return True

    def _matches(self, collection: str, name: str, etag: str) -> bool:
        found = self._kept.get((collection, name))
        return found is not None and etag in (ANY_ETAG, found[1])
