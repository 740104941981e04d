"""The timeline of an incident: everything that happened to it, in order, and by whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, cast

from huntlake.detection.incidents import Incident, IncidentOwner
from huntlake.state.documents import ANY_ETAG, Append, Json, Shelf
from huntlake.state.records import Author, Owner


class EntryKind(StrEnum):
    """What an entry is about."""

    CREATED = "Created"
    CHANGED = "Changed"
    ALERT_ADDED = "AlertAdded"
    ALERT_REMOVED = "AlertRemoved"
    BOOKMARK_ADDED = "BookmarkAdded"
    BOOKMARK_REMOVED = "BookmarkRemoved"
    COMMENT_ADDED = "CommentAdded"
    COMMENT_CHANGED = "CommentChanged"
    COMMENT_REMOVED = "CommentRemoved"
    TASK_ADDED = "TaskAdded"
    TASK_CHANGED = "TaskChanged"
    TASK_REMOVED = "TaskRemoved"
    PLAYBOOK_REQUESTED = "PlaybookRequested"
    PLAYBOOK_STARTED = "PlaybookStarted"
    PLAYBOOK_ENDED = "PlaybookEnded"
    APPROVAL_ASKED = "ApprovalAsked"
    APPROVAL_DECIDED = "ApprovalDecided"
    HUNT_BEGUN = "HuntBegun"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened. `text` says it in words, `details` for programs."""

    kind: EntryKind
    text: str
    by: Author
    at: datetime
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Timelines:
    """The timelines of all incidents."""

    shelf: Shelf

    def append(self, owner: Owner, incident: str, entry: Entry) -> Append:
        """What keeps an entry: to be written with the change that it is about."""
        by = entry.by
        stored = {
            "kind": entry.kind.value,
            "text": entry.text,
            "by": {"object_id": by.object_id, "name": by.name, "email": by.email, "via": list(by.via)},
            "at": entry.at.isoformat(),
            "details": dict(entry.details),
        }
        return Append(_collection(owner, incident), cast("Json", stored))

    def list(self, owner: Owner, incident: str) -> tuple[Entry, ...]:
        """The entries of an incident, the first first."""
        return tuple(_entry(cast("Any", v)) for _, v in self.shelf.read_after(_collection(owner, incident), ""))

    def clear(self, owner: Owner, incident: str) -> None:
        """Forget the timeline of an incident that is gone."""
        collection = _collection(owner, incident)
        for name in self.shelf.read_names(collection):
            self.shelf.delete(collection, name, if_match=ANY_ETAG)


def changes(before: Incident, after: Incident, by: Author, at: datetime) -> Iterator[Entry]:
    """An entry for each property of an incident that has become another."""
    for property in _PROPERTIES:
        was, now = _text(getattr(before, property)), _text(getattr(after, property))
        if was != now:
            said = f"{_WORDS.get(property, property)}: {was or 'none'} → {now or 'none'}"
            yield Entry(EntryKind.CHANGED, said, by, at, {"property": property, "from": was, "to": now})


_PROPERTIES = (
    "title",
    "severity",
    "status",
    "description",
    "owner",
    "labels",
    "classification",
    "classification_reason",
    "classification_comment",
    "determination",
)
_WORDS = {
    "labels": "tags",
    "classification_reason": "reason",
    "classification_comment": "comment on closing",
}


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case IncidentOwner():
            return value.user_principal_name or value.email or value.assigned_to or value.object_id or ""
        case tuple():
            return ", ".join(label.label_name for label in value)
        case _:
            return str(value)


def _entry(stored: Mapping[str, Any]) -> Entry:
    by = stored["by"]
    author = Author(by["object_id"], by["name"], by["email"], via=tuple(by["via"]))
    at = datetime.fromisoformat(stored["at"])
    return Entry(EntryKind(stored["kind"]), stored["text"], author, at, stored["details"])


def _collection(owner: Owner, incident: str) -> str:
    return f"incident timeline of {owner[0]}/{incident.lower()}"
