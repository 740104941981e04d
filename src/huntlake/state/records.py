"""Records: frozen dataclasses kept as documents, in a collection for each owner, with the hand that wrote them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Generic, TypeVar, cast

from huntlake.core.clock import Clock
from huntlake.core.errors import Conflict, NotFound, PreconditionFailed
from huntlake.state.documents import ANY_ETAG, Append, Document, Documents, Json, Put, Remove, Shelf, Write

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
    via: tuple[str, ...] = ()
    """The automations through which it came, the first first."""


@dataclass(frozen=True, slots=True)
class Only:
    """What must hold for a write to happen: nothing, a certain version (`*`: any), or that there is none yet."""

    if_match: str | None = None
    create: bool = False


ALWAYS = Only()

Stamp = Callable[[T, T | None, Author, datetime], T]
"""Makes what is stored of what was given, what was there before, who gives it, and when; `Invalid` refuses it."""


@dataclass(frozen=True, slots=True)
class Change(Generic[T]):
    """A record before and after a write; None where there was none, or is none any more."""

    owner: Owner
    name: str
    before: T | None
    after: T | None
    by: Author
    at: datetime


Also = Callable[[Change[T]], Sequence[Write]]
"""What is written together with a record, or not at all. It may be asked again where someone else wrote in between."""


class Records(Generic[T]):
    """The records of one kind. Names are compared without regard to case; each keeps the spelling it was made with.

    `children` are records that go when the one they belong to does; `told` hears whose records were written.
    """

    def __init__(
        self,
        shelf: Shelf,
        clock: Clock,
        kind: str,
        type: type[T],
        stamp: Stamp[T] | None = None,
        children: Sequence[Records[Any]] = (),
        also: Also[T] | None = None,
        told: Callable[[Owner], None] | None = None,
    ) -> None:
        self._shelf, self._clock, self._type, self._stamp = shelf, clock, type, stamp
        self._children, self._also, self._told = tuple(children), also, told
        self.kind = kind

    def list(self, owner: Owner) -> list[Document[T]]:
        """Every record of that owner, by name."""
        return [_shown(d) for d in self._documents(owner).list()]

    def page(self, owner: Owner, after: str, most: int) -> Sequence[Document[T]]:
        """The first `most` records of that owner whose names, as they are told apart, come after `after`; by name."""
        return [_shown(d) for d in self._documents(owner).page(after.lower(), most)]

    def names(self, owner: Owner) -> frozenset[str]:
        """The names of that owner's records, as they are told apart."""
        return self._documents(owner).names()

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
        self,
        owner: Owner,
        name: str,
        value: T,
        by: Author = Author(),
        only: Only = ALWAYS,
        beside: Sequence[Write] = (),
    ) -> tuple[Document[T], bool]:
        """Store a record, and say whether it is new; what is `beside` is written with it, or neither.

        `Conflict` where one is there that shouldn't be, or what is beside can't be; `PreconditionFailed` where another
        version is there.
        """
        while True:
            before = self.find(owner, name)
            if before is not None and only.create:
                raise Conflict(f"`{name}` is already among the {self.kind}")
            if only.if_match is not None and (before is None or only.if_match not in (ANY_ETAG, before.etag)):
                raise PreconditionFailed(f"`{name}` among the {self.kind} has changed since it was read")
            if before is None:
                # A process may have died when it had deleted a record of that name, and not yet what belonged to it.
                for child in self._children:
                    child.clear((*owner, name))
            made, writes = self.prepared(owner, name, value, by, before)
            if self._shelf.write([*writes, *beside]):
                if self._told:
                    self._told(owner)
                return made, before is None
            # Someone wrote in between: the record, which is looked at again, or what is beside it.
            for one in beside:
                if not isinstance(one, Append) and self._is_stale(one):
                    raise Conflict(f"`{one.name}` among the {one.collection} has changed since it was read")

    def prepared(
        self, owner: Owner, name: str, value: T, by: Author, before: Document[T] | None, *, alone: bool = False
    ) -> tuple[Document[T], Sequence[Write]]:
        """A record as it will be stored in place of `before`, and the writes that do so; nothing is written yet.

        With `alone` what is written together with records of this kind is left out.
        """
        documents, now = self._documents(owner), self._clock.now()
        was = before.value if before else None
        value = self._stamp(value, was, by, now) if self._stamp else value
        made = Document(before.name if before else name, value, uuid.uuid4().hex)
        kept = self._encode(_Kept(made.name, value))
        known = before.etag if before else None
        put = Put(documents.collection, name.lower(), kept, made.etag, known, create=before is None)
        also = self._also(Change(owner, made.name, was, value, by, now)) if self._also and not alone else ()
        return made, (put, *also)

    def removal(self, owner: Owner, document: Document[T]) -> Remove:
        """What deletes a record that nothing belongs to, if it is still that version; nothing is written yet."""
        return Remove(self._documents(owner).collection, document.name.lower(), document.etag)

    def change(
        self, owner: Owner, name: str, how: Callable[[T], T], by: Author = Author(), beside: Sequence[Write] = ()
    ) -> Document[T]:
        """Replace a record by `how` of it, which may be called several times; `NotFound` where there is none.

        What is `beside` is written with it, or neither.
        """
        while True:
            before = self.get(owner, name)
            value = how(before.value)
            try:
                return self.put(owner, name, value, by, Only(before.etag), beside)[0]
            except PreconditionFailed:
                continue

    def delete(self, owner: Owner, name: str, only: Only = ALWAYS, by: Author = Author()) -> bool:
        """Delete a record and what belongs to it; False where there was none, `PreconditionFailed` for a stale one."""
        while (before := self.find(owner, name)) is not None:
            if only.if_match not in (None, ANY_ETAG, before.etag):
                raise PreconditionFailed(f"`{name}` among the {self.kind} has changed since it was read")
            change = Change(owner, before.name, before.value, None, by, self._clock.now())
            also = self._also(change) if self._also else ()
            if self._shelf.write([Remove(self._documents(owner).collection, name.lower(), before.etag), *also]):
                for child in self._children:
                    child.clear((*owner, name))
                if self._told:
                    self._told(owner)
                return True
        return False

    def clear(self, owner: Owner) -> None:
        """Delete every record of that owner."""
        for document in self.list(owner):
            self.delete(owner, document.name)

    def _is_stale(self, one: Put | Remove) -> bool:
        found = self._shelf.read(one.collection, one.name)
        if isinstance(one, Remove):
            return found is None or one.if_match not in (ANY_ETAG, found[1])
        return found is not None if one.create else one.if_match is not None and (found or ("", ""))[1] != one.if_match

    def _documents(self, owner: Owner) -> Documents[_Kept[T]]:
        whose = "/".join((owner[0], *(part.lower() for part in owner[1:])))
        return Documents(self._shelf, f"{self.kind} of {whose}", self._encode, self._decode)

    @property
    def _codec(self) -> Any:
        type: Any = self._type
        return _codec(type)

    def _encode(self, kept: _Kept[T]) -> Json:
        return {"name": kept.name, "value": self._codec.dump_python(kept.value, mode="json")}

    def _decode(self, stored: Json) -> _Kept[T]:
        fields = cast("dict[str, Any]", stored)
        return _Kept(fields["name"], self._codec.validate_python(fields["value"]))


@cache
def _codec(type: Any) -> Any:
    """What reads and writes values of a type; making one takes longer than what a test of a rule stores."""
    from pydantic import TypeAdapter

    return TypeAdapter(type)


@dataclass(frozen=True, slots=True)
class _Kept(Generic[T]):
    name: str
    value: T


def _shown(document: Document[_Kept[T]]) -> Document[T]:
    return Document(document.value.name, document.value.value, document.etag)
