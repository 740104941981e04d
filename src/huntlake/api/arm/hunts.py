"""Hunts, their relations and comments, as Azure Resource Manager shows them."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from huntlake.api.arm.resource import SENTINEL, Place, Resource
from huntlake.api.arm.wire import Part, Person, Plain
from huntlake.detection.severity import Tactic
from huntlake.hunting.hunts import Hunt, HuntComment, HuntRelation, HuntStatus, HypothesisStatus
from huntlake.identity.rights import Action
from huntlake.state.documents import Document

TYPE = "Microsoft.SecurityInsights/Hunts"


class HuntOwner(Part):
    """Who hunts."""

    object_id: str | None = None
    email: str | None = None
    assigned_to: str | None = None
    user_principal_name: str | None = None
    owner_type: str | None = Field(None, pattern="^(Unknown|User|Group)$")


class HuntProperties(Part):
    """What can be said of a hunt."""

    SHOWN: ClassVar[frozenset[str]] = frozenset({"huntSequenceNumber", "createdTimeUtc", "lastModifiedTimeUtc"})
    display_name: str = Field(min_length=1, max_length=1000)
    description: str = Field(max_length=50_000)
    status: HuntStatus = HuntStatus.NEW
    hypothesis_status: HypothesisStatus = HypothesisStatus.UNKNOWN
    attack_tactics: tuple[Tactic, ...] = ()
    attack_techniques: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    owner: HuntOwner | None = None


class RelationProperties(Part):
    """What a relation says."""

    SHOWN: ClassVar[frozenset[str]] = frozenset({"relatedResourceName", "relatedResourceKind", "relationType"})
    related_resource_id: str = Field(min_length=1, max_length=2000)
    labels: tuple[str, ...] = ()


_KINDS = {
    "incidents": "Incident",
    "bookmarks": "Bookmark",
    "entities": "Entities",
    "hunts": "Hunt",
    "savedsearches": "LogAnalyticsSavedSearchQueries",
}


class RelationForm(Plain[HuntRelation]):
    """A relation, with the name and kind that the id ends with."""

    def properties(self, place: Place, document: Document[HuntRelation]) -> dict[str, Any]:
        id = document.value.related_resource_id
        *_, collection, name = ("", "", *id.split("/"))
        return {
            "relatedResourceId": id,
            "relatedResourceName": name,
            "relatedResourceKind": _KINDS.get(collection.lower(), ""),
            "relationType": collection,
            "labels": list(document.value.labels),
        }


class CommentProperties(Part):
    """What can be said in a comment."""

    SHOWN: ClassVar[frozenset[str]] = frozenset({"createdTimeUtc", "lastModifiedTimeUtc", "author"})
    message: str = Field(min_length=1, max_length=30_000)


class CommentForm(Plain[HuntComment]):
    """A comment, and whose it is."""

    def properties(self, place: Place, document: Document[HuntComment]) -> dict[str, Any]:
        comment, author = document.value, Person.of(document.value.author)
        return {
            "message": comment.message,
            "createdTimeUtc": comment.created,
            "lastModifiedTimeUtc": comment.modified,
            "author": author.wire() if author else None,
        }


HUNTS: Resource[Hunt] = Resource(
    type=TYPE,
    path=f"{SENTINEL}/Hunts",
    form=Plain(HuntProperties, Hunt),
    store=lambda place: place.services.hunts.hunts,
    write=Action.AUTHOR,
    filters=frozenset({"name", "properties/displayName", "properties/status", "properties/hypothesisStatus"}),
)

RELATIONS: Resource[HuntRelation] = Resource(
    type=f"{TYPE}/Relations",
    path=f"{SENTINEL}/Hunts/{{hunt}}/relations",
    form=RelationForm(RelationProperties, HuntRelation),
    store=lambda place: place.services.hunts.relations,
    write=Action.AUTHOR,
)

COMMENTS: Resource[HuntComment] = Resource(
    type=f"{TYPE}/Comments",
    path=f"{SENTINEL}/Hunts/{{hunt}}/comments",
    form=CommentForm(CommentProperties, HuntComment),
    store=lambda place: place.services.hunts.comments,
    write=Action.AUTHOR,
)
