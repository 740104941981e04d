"""Records: frozen dataclasses kept as documents, in a collection for each owner, with the hand that wrote them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Generic, TypeVar, cast

from huntlake.core.clock import Clock
from huntlake.core.errors import Conflict, NotFound, PreconditionFailed
from huntlake.state.documents import ANY_ETAG, Document, Documents, Json, Shelf

T = TypeVar("T")

Owner = tuple[str, ...]
"""Whose records: a workspace's name, and below it the name of what they belong to."""


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote a record."""

    object_id: str = ""
    name: str = ""
    email: str = ""
    user_principal_name: str = ""


@dataclass(frozen=True, slots=True)
class Only:
    """What must hold for a write to happen: nothing, a certain version (`*`: any), or that there is none yet."""

    if_match: str | None = None
    create: bool = False


ALWAYS = Only()

Stamp = Callable[[T, T | None, Author, datetime], T]
"""Makes what is stored of what was given, what was there before, who gives it, and when; `Invalid` refuses it."""


class Records(Generic[T]):
    """The records of one kind. Names are compared without regard to case; each keeps the spelling it was made with.

    `children` are records that go when the one they belong to does.
    """

    def __init__(
        self,
        shelf: Shelf,
        clock: Clock,
        kind: str,
        type: type[T],
        stamp: Stamp[T] | None = None,
        children: Sequence[Records[Any]] = (),
    ) -> None:
        self._shelf, self._clock, self._type, self._stamp = shelf, clock, type, stamp
        self._children = tuple(children)
        self.kind = kind

    def list(self, owner: Owner) -> list[Document[T]]:
        """Every record of that owner, by name."""
        return [_shown(d) for d in self._documents(owner).list()]

    def count(self, owner: Owner) -> int:
        """How many records that owner has."""
        return len(self._documents(owner).names())

    def get(self, owner: Owner, name: str) -> Document[T]:
        """The record of that name; `NotFound` where there is none."""
        if (found := self.find(owner, name)) is None:
            raise NotFound(f"no `{name}` is among the {self.kind}")
        return found

    def find(self, owner: Owner, name: str) -> Document[T] | None:
        """The record of that name, or None."""
        found = self._documents(owner).find(name.lower())
        return None if found is None else _shown(found)

    def put(
        self, owner: Owner, name: str, value: T, by: Author = Author(), only: Only = ALWAYS
    ) -> tuple[Document[T], bool]:
        """Store a record, and say whether it is new.

        `Conflict` where one is there that shouldn't be, `PreconditionFailed` where another version is there.
        """
        documents, key = self._documents(owner), name.lower()
        while True:
            before = documents.find(key)
            if before is not None and only.create:
                raise Conflict(f"`{name}` is already among the {self.kind}")
            if only.if_match is not None and (before is None or only.if_match not in (ANY_ETAG, before.etag)):
                raise PreconditionFailed(f"`{name}` among the {self.kind} has changed since it was read")
            was = before.value.value if before else None
            now = self._clock.now()
            made = self._stamp(value, was, by, now) if self._stamp else value
            kept = _Kept(before.value.name if before else name, made)
            try:
                if before is None:
                    return _shown(documents.put(key, kept, create_only=True)), True
                return _shown(documents.put(key, kept, if_match=before.etag)), False
            except (Conflict, PreconditionFailed):
                continue  # someone wrote in between

    def change(self, owner: Owner, name: str, how: Callable[[T], T], by: Author = Author()) -> Document[T]:
        """Replace a record by `how` of it, which may be called several times; `NotFound` where there is none."""
        while True:
            before = self.get(owner, name)
            value = how(before.value)
            try:
                return self.put(owner, name, value, by, Only(before.etag))[0]
            except PreconditionFailed:
                continue

    def delete(self, owner: Owner, name: str, only: Only = ALWAYS) -> bool:
        """Delete a record and what belongs to it; False where there was none, `PreconditionFailed` for a stale one."""
        gone = self._documents(owner).delete(name.lower(), if_match=only.if_match)
        if gone:
            for child in self._children:
                child.clear((*owner, name))
        return gone

    def clear(self, owner: Owner) -> None:
        """Delete every record of that owner."""
        for document in self.list(owner):
            self.delete(owner, document.name)

    def _documents(self, owner: Owner) -> Documents[_Kept[T]]:
        whose = "/".join((owner[0], *(part.lower() for part in owner[1:])))
        return Documents(self._shelf, f"{self.kind} of {whose}", self._encode, self._decode)

    @cached_property
    def _codec(self) -> Any:
        from pydantic import TypeAdapter

        return TypeAdapter(self._type)

    def _encode(self, kept: _Kept[T]) -> Json:
        return {"name": kept.name, "value": self._codec.dump_python(kept.value, mode="json")}

    def _decode(self, stored: Json) -> _Kept[T]:
        fields = cast("dict[str, Any]", stored)
        return _Kept(fields["name"], self._codec.validate_python(fields["value"]))


@dataclass(frozen=True, slots=True)
class _Kept(Generic[T]):
    name: str
    value: T


def _shown(document: Document[_Kept[T]]) -> Document[T]:
    return Document(document.value.name, document.value.value, document.etag)
