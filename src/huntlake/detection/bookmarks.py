"""Bookmarks: rows of a hunt that someone wants to keep, and why."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from huntlake.core.clock import Clock
from huntlake.core.errors import Invalid
from huntlake.detection.severity import Severity, Tactic
from huntlake.state.documents import Shelf
from huntlake.state.records import Author, Records


@dataclass(frozen=True, slots=True)
class BookmarkIncident:
    """The incident that a bookmark was added to."""

    incident_id: str = ""
    severity: Severity | None = None
    title: str = ""
    relation_name: str = ""


@dataclass(frozen=True, slots=True)
class FieldMapping:
    """Which value of a row identifies an entity, and how."""

    identifier: str
    value: str


@dataclass(frozen=True, slots=True)
class BookmarkEntity:
    """An entity that a bookmark's row names."""

    entity_type: str
    field_mappings: tuple[FieldMapping, ...] = ()


@dataclass(frozen=True, slots=True)
class Bookmark:
    """A bookmark: `query_result` is the row, as JSON text."""

    display_name: str
    query: str
    query_result: str | None = None
    notes: str | None = None
    labels: tuple[str, ...] = ()
    event_time: datetime | None = None
    query_start_time: datetime | None = None
    query_end_time: datetime | None = None
    incident_info: BookmarkIncident | None = None
    entity_mappings: tuple[BookmarkEntity, ...] = ()
    tactics: tuple[Tactic, ...] = ()
    techniques: tuple[str, ...] = ()
    created: datetime | None = None
    updated: datetime | None = None
    created_by: Author | None = None
    updated_by: Author | None = None


@dataclass(frozen=True, slots=True)
class BookmarkRelation:
    """What a bookmark belongs to, by its resource id."""

    related_resource_id: str
    related_resource_name: str = ""
    related_resource_type: str = ""
    related_resource_kind: str = ""


def bookmarks(shelf: Shelf, clock: Clock, relations: Records[BookmarkRelation]) -> Records[Bookmark]:
    """The bookmarks of each workspace."""
    return Records(shelf, clock, "bookmarks", Bookmark, _stamped, (relations,))


def bookmark_relations(shelf: Shelf, clock: Clock) -> Records[BookmarkRelation]:
    """The relations of each bookmark."""
    return Records(shelf, clock, "bookmark relations", BookmarkRelation)


def _stamped(bookmark: Bookmark, before: Bookmark | None, by: Author, now: datetime) -> Bookmark:
    start, end = bookmark.query_start_time, bookmark.query_end_time
    if start is not None and end is not None and end < start:
        raise Invalid("a bookmark's `queryEndTime` is before its `queryStartTime`")
    return replace(
        bookmark,
        created=before.created if before else now,
        created_by=before.created_by if before else by,
        updated=now,
        updated_by=by,
    )
