"""A collection of documents: names, JSON values, and an ETag that changes whenever the value does."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from huntlake.core.errors import Conflict, NotFound, PreconditionFailed

T = TypeVar("T")
Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None
"""What JSON can say, as Python holds it."""

ANY_ETAG = "*"
"""The `if_match` that any stored version meets, as in HTTP's `If-Match: *`."""


@dataclass(frozen=True, slots=True)
class Document(Generic[T]):
    """A stored value under its name; `etag` is opaque text, new after each write."""

    name: str
    value: T
    etag: str


@dataclass(frozen=True, slots=True)
class Put:
    """A document to be stored where its ETag is `if_match` (`*`: any), with `create` only where there is none."""

    collection: str
    name: str
    value: Json
    etag: str
    if_match: str | None = None
    create: bool = False


@dataclass(frozen=True, slots=True)
class Remove:
    """A document to be deleted; one whose ETag is `if_match` (`*`: any) must be there."""

    collection: str
    name: str
    if_match: str = ANY_ETAG


@dataclass(frozen=True, slots=True)
class Append:
    """A document to be stored under the next number of its collection, written with `DIGITS` digits.

    Numbers are in the order of commits: who has read up to one never misses a lower one. None is given twice.
    """

    collection: str
    value: Json


Write = Put | Remove | Append

DIGITS = 16


class Shelf(Protocol):
    """Where documents are kept. Each method is one atomic step, also among several processes."""

    def read(self, collection: str, name: str) -> tuple[Json, str] | None: ...
    def read_all(self, collection: str) -> Iterator[tuple[str, Json, str]]: ...
    def read_names(self, collection: str) -> frozenset[str]: ...
    def insert(self, collection: str, name: str, value: Json, etag: str) -> bool: ...
    def upsert(self, collection: str, name: str, value: Json, etag: str) -> None: ...
    def update(self, collection: str, name: str, value: Json, etag: str, *, if_match: str) -> bool: ...
    def delete(self, collection: str, name: str, *, if_match: str) -> bool: ...
    def read_after(self, collection: str, name: str) -> Iterator[tuple[str, Json]]:
        """Name and value of each document whose name comes after `name`, by name."""
        ...

    def read_page(self, collection: str, name: str, most: int) -> Iterator[tuple[str, Json, str]]:
        """Name, value and ETag of the first `most` documents whose names come after `name`, by name."""
        ...

    def write(self, writes: Sequence[Write]) -> bool:
        """Do all of it at once; False, and nothing is done, where one finds something else than it must."""
        ...


class Documents(Generic[T]):
    """The documents of one collection.

    `encode` makes the JSON value that is stored (`dict`, `list`, `str`, …), `decode` the domain
    value out of it. Names are compared letter for letter.
    """

    def __init__(
        self, database: Shelf, collection: str, encode: Callable[[T], Json], decode: Callable[[Json], T]
    ) -> None:
        self._shelf = database
        self.collection = collection
        self._encode = encode
        self._decode = decode

    def get(self, name: str) -> Document[T]:
        """The document of that name; `NotFound` where there is none."""
        if (found := self.find(name)) is None:
            raise NotFound(f"no `{name}` among the {self.collection}")
        return found

    def find(self, name: str) -> Document[T] | None:
        """The document of that name, or None."""
        if (found := self._shelf.read(self.collection, name)) is None:
            return None
        value, etag = found
        return Document(name, self._decode(value), etag)

    def list(self) -> list[Document[T]]:
        """Every document, by name."""
        return [Document(name, self._decode(v), etag) for name, v, etag in self._shelf.read_all(self.collection)]

    def page(self, after: str, most: int) -> Sequence[Document[T]]:
        """The first `most` documents whose names come after `after`, by name."""
        found = self._shelf.read_page(self.collection, after, most)
        return [Document(name, self._decode(v), etag) for name, v, etag in found]

    def names(self) -> frozenset[str]:
        """The name of every document."""
        return self._shelf.read_names(self.collection)

    def put(self, name: str, value: T, *, if_match: str | None = None, create_only: bool = False) -> Document[T]:
        """Store `value` under `name`, and give it as stored.

        With `create_only` an existing document is a `Conflict`. With `if_match` the stored ETag
        must be that one (`*`: any), else `PreconditionFailed`; a missing document never matches.
        """
        encoded, etag = self._encode(value), uuid.uuid4().hex
        if create_only:
            if not self._shelf.insert(self.collection, name, encoded, etag):
                raise Conflict(f"`{name}` is already among the {self.collection}")
        elif if_match is None:
            self._shelf.upsert(self.collection, name, encoded, etag)
        elif not self._shelf.update(self.collection, name, encoded, etag, if_match=if_match):
            raise PreconditionFailed(f"`{name}` among the {self.collection} has changed since it was read")
        return Document(name, value, etag)

    def change(self, name: str, how: Callable[[T], T]) -> Document[T]:
        """Replace a document by `how` of it, again and again until nobody else came between.

        `how` may be called several times, so it must have no effect of its own.
        """
        while True:
            before = self.get(name)
            # Outside: what `how` itself refuses must not be taken for a change in between.
            value = how(before.value)
            try:
                return self.put(name, value, if_match=before.etag)
            except PreconditionFailed:
                continue  # someone wrote in between; `get` says so if they deleted it

    def delete(self, name: str, *, if_match: str | None = None) -> bool:
        """Delete; False where there was nothing. A stale `if_match` is `PreconditionFailed`."""
        if self._shelf.delete(self.collection, name, if_match=ANY_ETAG if if_match is None else if_match):
            return True
        if if_match not in (None, ANY_ETAG) and self._shelf.read(self.collection, name) is not None:
            raise PreconditionFailed(f"`{name}` among the {self.collection} has changed since it was read")
        return False
