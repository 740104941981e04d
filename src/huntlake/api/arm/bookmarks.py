"""Bookmarks and their relations, as Azure Resource Manager shows them."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from huntlake.api.arm.alerts import sentinel_of
from huntlake.api.arm.resource import SENTINEL, Place, Resource
from huntlake.api.arm.wire import Moment, Part, Person, Plain
from huntlake.detection.bookmarks import Bookmark, BookmarkRelation
from huntlake.detection.severity import Severity, Tactic
from huntlake.identity.rights import Action
from huntlake.state.documents import Document

TYPE = "Microsoft.SecurityInsights/Bookmarks"


class IncidentInfo(Part):
    """The incident that a bookmark was added to."""

    incident_id: str = ""
    severity: Severity | None = None
    title: str = ""
    relation_name: str = ""


class MappedField(Part):
    """Which value identifies an entity, and how."""

    identifier: str
    value: str


class MappedEntity(Part):
    """An entity that a bookmark's row names."""

    entity_type: str
    field_mappings: tuple[MappedField, ...] = ()


class BookmarkProperties(Part):
    """What can be said of a bookmark."""

    SHOWN: ClassVar[frozenset[str]] = frozenset({"created", "createdBy", "updated", "updatedBy"})
    display_name: str = Field(min_length=1, max_length=1000)
    query: str = Field(min_length=1, max_length=1 << 20)
    query_result: str | None = Field(None, max_length=1 << 20)
    notes: str | None = Field(None, max_length=1 << 20)
    labels: tuple[str, ...] = ()
    event_time: Moment | None = None
    query_start_time: Moment | None = None
    query_end_time: Moment | None = None
    incident_info: IncidentInfo | None = None
    entity_mappings: tuple[MappedEntity, ...] = ()
    tactics: tuple[Tactic, ...] = ()
    techniques: tuple[str, ...] = ()


class BookmarkForm(Plain[Bookmark]):
    """A bookmark, and who made it."""

    def properties(self, place: Place, document: Document[Bookmark]) -> dict[str, Any]:
        bookmark = document.value
        by, changed_by = Person.of(bookmark.created_by), Person.of(bookmark.updated_by)
        return {
            **super().properties(place, document),
            "created": bookmark.created,
            "updated": bookmark.updated,
            "createdBy": by.wire() if by else None,
            "updatedBy": changed_by.wire() if changed_by else None,
        }


class RelationProperties(Part):
    """What a relation says; the id is kept as it is given."""

    SHOWN: ClassVar[frozenset[str]] = frozenset({"relatedResourceName", "relatedResourceType", "relatedResourceKind"})
    related_resource_id: str = Field(min_length=1, max_length=2000)


class RelationForm(Plain[BookmarkRelation]):
    """A relation, with the name and the type that the id ends with."""

    def properties(self, place: Place, document: Document[BookmarkRelation]) -> dict[str, Any]:
        id = document.value.related_resource_id
        *_, collection, name = ("", "", *id.split("/"))
        return {
            "relatedResourceId": id,
            "relatedResourceName": name,
            "relatedResourceType": f"Microsoft.SecurityInsights/{collection}" if collection else "",
        }


BOOKMARKS: Resource[Bookmark] = Resource(
    type=TYPE,
    path=f"{SENTINEL}/Bookmarks",
    form=BookmarkForm(BookmarkProperties, Bookmark),
    store=lambda place: place.services.detection.bookmarks,
    write=Action.AUTHOR,
    filters=frozenset({"name", "properties/displayName", "properties/created", "properties/updated"}),
)

RELATIONS: Resource[BookmarkRelation] = Resource(
    type=f"{TYPE}/Relations",
    path=f"{SENTINEL}/Bookmarks/{{bookmark}}/relations",
    form=RelationForm(RelationProperties, BookmarkRelation),
    store=lambda place: place.services.detection.bookmark_relations,
    write=Action.AUTHOR,
)


def bookmark_resource(place: Place, document: Document[Bookmark]) -> dict[str, Any]:
    """A bookmark, as it stands in other answers."""
    return {
        "id": f"{sentinel_of(place)}/Bookmarks/{document.name}",
        "name": document.name,
        "type": TYPE,
        "etag": f'"{document.etag}"',
        **BOOKMARKS.form.shown(place, document),
    }
