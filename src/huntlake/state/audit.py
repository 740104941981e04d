"""A chain of what was done: each entry holds the hash of the one before, so that none can be changed unseen.

Entries are rows of a table that KQL reads. One is written in the transaction of what it is about, or neither is. The
chain of a workspace ends in its head, which is kept beside it: entries that are cut off at the end are missed too.
Who can write the database can also write a whole new chain: note the head's hash elsewhere, and compare.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, cast

import orjson

from huntlake.core.clock import Clock
from huntlake.core.errors import Unavailable
from huntlake.state.documents import Append, Json, Put, Shelf, Write
from huntlake.state.records import Author, Owner

TABLE = "HuntlakeAudit"
"""The table that the entries are rows of."""

_FIRST = "0" * 64
_TRIES = 100


class ActorKind(StrEnum):
    """Who does something."""

    PERSON = "person"
    SYSTEM = "system"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did something, in what role; `id` is a person's object id, a part's name, or a model's."""

    kind: ActorKind
    id: str
    name: str = ""
    role: str = ""

    @classmethod
    def person(cls, author: Author, role: str = "") -> Actor:
        """A person, as records know them."""
        return cls(ActorKind.PERSON, author.object_id or author.user_principal_name or author.name, author.name, role)


SYSTEM = Actor(ActorKind.SYSTEM, "huntlake", "huntlake")
"""The deterministic core."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """What was done to what: `from_state` and `to_state` where it has states, `content_hash` where it has a content.

    `responsible` is the person who answers for what a system or a model did. `details` are JSON values; nothing secret
    belongs there.
    """

    actor: Actor
    action: str
    object_type: str
    object_id: str
    object_version: int | None = None
    from_state: str = ""
    to_state: str = ""
    content_hash: str = ""
    reason: str = ""
    responsible: str = ""
    request_id: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChainHead:
    """The end of a chain: how many entries it has, and the hash of the last."""

    length: int
    hash: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What is known of a chain: its head, and what is wrong with it, by the number of the entry; empty is whole."""

    head: ChainHead
    faults: tuple[tuple[int, str], ...]


class AuditTrail:
    """The chains of every workspace."""

    def __init__(self, shelf: Shelf, clock: Clock) -> None:
        self._shelf, self._clock = shelf, clock

    def entries(self, owner: Owner, *entries: AuditEntry) -> Sequence[Write]:
        """What keeps entries: to be written with what they are about, and asked for anew where that fails."""
        workspace = owner[0]
        head, etag = self._head(workspace)
        rows: list[Write] = []
        for entry in entries:
            cells = _cells(entry, self._clock.now(), head)
            head = ChainHead(head.length + 1, str(cells["Hash"]))
            rows.append(Append(_rows(workspace), cast("Json", cells)))
        kept: Json = {"length": head.length, "hash": head.hash}
        return (Put(_head_of(workspace), _HEAD, kept, uuid.uuid4().hex, etag, create=etag is None), *rows)

    def append(self, owner: Owner, *entries: AuditEntry, beside: Sequence[Write] = ()) -> None:
        """Keep entries, with what is `beside`; `Unavailable` where others write all the time, or what is beside can't
        be.
        """
        for _ in range(_TRIES):
            if self._shelf.write([*self.entries(owner, *entries), *beside]):
                return
        raise Unavailable("the audit can't be written: others write it all the time")

    def head(self, owner: Owner) -> ChainHead:
        """The end of a workspace's chain."""
        return self._head(owner[0])[0]

    def verify(self, owner: Owner, expected: str = "") -> Verification:
        """Recompute a workspace's whole chain. `expected` is the hash of an entry that was noted elsewhere: who can
        write the database could have written all of the chain anew, but not with that hash in it.
        """
        faults: list[tuple[int, str]] = []
        known, unreadable = self._known_head(owner)
        before, seen, offset = ChainHead(0, _FIRST), 0, None
        passed, noted = before == known, not expected
        for name, cells in self._stored(owner):
            seen += 1
            number = int(name) if name.isdecimal() else 0
            offset = number - seen if offset is None else offset
            if cells.get("Sequence") != seen or number - seen != offset:
                faults.append((seen, f"its number is {cells.get('Sequence')}, and should be {seen}"))
            if cells.get("PreviousHash") != before.hash:
                faults.append((seen, "it doesn't follow the entry before it"))
            if not _is_whole(cells):
                faults.append((seen, "it isn't what was written"))
            before = ChainHead(seen, str(cells.get("Hash")))
            passed, noted = passed or before == known, noted or before.hash == expected.lower()
        # Others may have written in the meantime: the chain goes at least to the first head, and at most to the second.
        after, _ = self._known_head(owner)
        if unreadable:
            faults.append((seen, "where the chain ends can't be read"))
        elif seen < known.length:
            faults.append((seen + 1, f"{known.length - seen} entries are missing at the end"))
        elif seen > after.length:
            faults.append((after.length + 1, f"{seen - after.length} entries are there that nobody has written"))
        elif not passed or (seen == after.length and before != after):
            faults.append((seen, "it isn't the entry that the chain ended with"))
        if not noted:
            faults.append((seen, f"no entry has the hash {expected}, which was noted: the chain is another one"))
        return Verification(after, tuple(faults))

    def read(self, owner: Owner) -> Iterator[Mapping[str, Any]]:
        """The entries of a workspace, the first first, as rows of the table."""
        return (cells for _, cells in self._stored(owner))

    def _stored(self, owner: Owner) -> Iterator[tuple[str, dict[str, Any]]]:
        """Name and cells of each row; no cells where it isn't one any more."""
        where, last = _rows(owner[0]), ""
        try:
            for last, stored in self._shelf.read_after(where, ""):
                yield last, _cells_of(stored)
        except ValueError:
            # One isn't JSON any more: those behind it are read one by one.
            for name in sorted(n for n in self._shelf.read_names(where) if n > last):
                try:
                    found = self._shelf.read(where, name)
                except ValueError:
                    found = None
                yield name, _cells_of(found[0] if found else None)

    def _known_head(self, owner: Owner) -> tuple[ChainHead, bool]:
        """The end of a chain, and whether it can't be read."""
        try:
            return self.head(owner), False
        except Unavailable:
            return ChainHead(0, _FIRST), True

    def _head(self, workspace: str) -> tuple[ChainHead, str | None]:
        try:
            found = self._shelf.read(_head_of(workspace), _HEAD)
            if found is None:
                return ChainHead(0, _FIRST), None
            kept = cast("dict[str, Any]", found[0])
            return ChainHead(int(kept["length"]), str(kept["hash"])), found[1]
        except (ValueError, TypeError, KeyError):
            raise Unavailable(
                f"where the audit of `{workspace}` ends can't be read: nothing can be added to it"
            ) from None


_HEAD = "head"


def _head_of(workspace: str) -> str:
    return f"audit head of {workspace}"


def _rows(workspace: str) -> str:
    return f"rows of {workspace}/{TABLE}"


def _cells(entry: AuditEntry, at: datetime, head: ChainHead) -> dict[str, Any]:
    cells: dict[str, Any] = {
        "TimeGenerated": at.astimezone(UTC).isoformat(),
        "Sequence": head.length + 1,
        "ActorKind": entry.actor.kind.value,
        "ActorId": entry.actor.id,
        "ActorName": entry.actor.name,
        "ActorRole": entry.actor.role,
        "Action": entry.action,
        "ObjectType": entry.object_type,
        "ObjectId": entry.object_id,
        "ObjectVersion": entry.object_version,
        "FromState": entry.from_state,
        "ToState": entry.to_state,
        "ContentHash": entry.content_hash,
        "Reason": entry.reason,
        "ResponsibleAnalyst": entry.responsible,
        "RequestId": entry.request_id,
        # As text: what a database makes of numbers within JSON must not change what was hashed.
        "Details": orjson.dumps(entry.details, option=orjson.OPT_SORT_KEYS).decode() if entry.details else "",
        "PreviousHash": head.hash,
    }
    return {**cells, "Hash": _hash(cells)}


def _cells_of(stored: Json) -> dict[str, Any]:
    return cast("dict[str, Any]", stored) if isinstance(stored, dict) else {}


def _is_whole(cells: Mapping[str, Any]) -> bool:
    try:
        return bool(cells.get("Hash") == _hash(cells))
    except TypeError:  # a number that nobody has written
        return False


def _hash(cells: Mapping[str, Any]) -> str:
    said = {name: value for name, value in cells.items() if name != "Hash"}
    return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()
