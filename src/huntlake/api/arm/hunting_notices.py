"""Which playbooks tell people of hunts. This contract is huntlake's own."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from huntlake.api.arm.hunting_acting import HUNTING
from huntlake.api.arm.resource import Place, Resource
from huntlake.api.arm.wire import Part, Person, Plain
from huntlake.identity.rights import Action
from huntlake.playbooks.hunt_notices import HuntEvent, HuntNotice
from huntlake.state.documents import Document


class NoticeProperties(Part):
    """What can be said of a notice."""

    SHOWN: ClassVar[frozenset[str]] = frozenset({"createdTimeUtc", "lastModifiedTimeUtc", "lastModifiedBy"})
    playbook: str = Field(min_length=1, max_length=200)
    events: tuple[HuntEvent, ...] = Field(tuple(HuntEvent), min_length=1)
    least_score: float = Field(0.0, ge=0, le=1)
    description: str = Field("", max_length=10_000)
    enabled: bool = True


class NoticeForm(Plain[HuntNotice]):
    """A notice, and who wrote it last."""

    def properties(self, place: Place, document: Document[HuntNotice]) -> dict[str, Any]:
        """The notice's properties."""
        notice = document.value
        by = Person.of(notice.changed_by)
        return {
            **super().properties(place, document),
            "createdTimeUtc": notice.created,
            "lastModifiedTimeUtc": notice.changed,
            "lastModifiedBy": by.wire() if by else None,
        }


NOTICES: Resource[HuntNotice] = Resource(
    type="huntlake.Hunting/notices",
    path=f"{HUNTING}/notices",
    form=NoticeForm(NoticeProperties, HuntNotice),
    store=lambda place: place.services.playbooks.hunt_notices.records,
    read=Action.WATCH,
    write=Action.MANAGE,
)

RESOURCES = (NOTICES,)
