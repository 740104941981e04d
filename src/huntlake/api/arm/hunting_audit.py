"""What was done to hunts, to be read, and verified. This contract is huntlake's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from huntlake.api.arm.hunting_acting import HUNTING, ReadOnly
from huntlake.api.arm.resource import Place, Resource
from huntlake.api.arm.wire import Part, properties_of, read
from huntlake.core.errors import NotFound, Refused
from huntlake.identity.rights import Action
from huntlake.state.audit import AuditTrail
from huntlake.state.documents import Document
from huntlake.state.records import Owner


class EntryForm:
    """An entry, by the columns of `HuntlakeAudit`."""

    def shown(self, place: Place, document: Document[Mapping[str, Any]]) -> dict[str, Any]:
        """The entry's cells, those that say nothing apart."""
        cells = {_camel(name): value for name, value in document.value.items() if value not in (None, "")}
        return {"properties": cells}

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> Mapping[str, Any]:
        """Nobody writes one."""
        raise Refused("the audit can't be written")


@dataclass(frozen=True)
class Entries(ReadOnly):
    """The entries of a workspace, by their numbers."""

    audit: AuditTrail

    def list(self, owner: Owner) -> Sequence[Document[Mapping[str, Any]]]:
        """All, the last first."""
        known = [Document(str(cells.get("Sequence")), cells, "") for cells in self.audit.read(owner)]
        return known[::-1]

    def get(self, owner: Owner, name: str) -> Document[Mapping[str, Any]]:
        """One of them."""
        for cells in self.audit.read(owner):
            if str(cells.get("Sequence")) == name:
                return Document(name, cells, "")
        raise NotFound(f"the audit has no entry `{name}`")


class Verify(Part):
    """The hash of an entry, where one was noted elsewhere."""

    expected: str = Field("", max_length=64)


def _verify(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    given = read(Verify, properties_of(body))
    found = place.services.hunting.audit.verify(place.owner, given.expected)
    faults = [{"entry": number, "fault": fault} for number, fault in found.faults]
    return 200, {"entries": found.head.length, "head": found.head.hash, "whole": not faults, "faults": faults}


def _camel(name: str) -> str:
    return name[:1].lower() + name[1:]


AUDIT: Resource[Mapping[str, Any]] = Resource(
    type="huntlake.Hunting/audit",
    path=f"{HUNTING}/audit",
    form=EntryForm(),
    store=lambda place: Entries(place.services.hunting.audit),
    filters=frozenset(
        {"properties/action", "properties/objectId", "properties/objectType", "properties/actorName", "name"}
    ),
    collection_posts={"verify": (Action.READ, _verify)},
)

RESOURCES = (AUDIT,)
