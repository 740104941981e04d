"""Hunts, as Sentinel keeps them: what was looked for, why, by whom, and what it led to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from huntlake.core.clock import Clock
from huntlake.detection.severity import Tactic
from huntlake.state.documents import Shelf
from huntlake.state.records import Author, Records


class HuntStatus(StrEnum):
    """How far a hunt is."""

    NEW = "New"
    ACTIVE = "Active"
    CLOSED = "Closed"
    BACKLOG = "Backlog"
    APPROVED = "Approved"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    IN_PROGRESS = "InProgress"


class HypothesisStatus(StrEnum):
    """What the hunt says of its hypothesis."""

    UNKNOWN = "Unknown"
    INVALIDATED = "Invalidated"
    VALIDATED = "Validated"


@dataclass(frozen=True, slots=True)
class HuntOwner:
    """Who hunts."""

    object_id: str | None = None
    email: str | None = None
    assigned_to: str | None = None
    user_principal_name: str | None = None
    owner_type: str | None = None


@dataclass(frozen=True, slots=True)
class Hunt:
    """A hunt."""

    display_name: str
    description: str
    status: HuntStatus = HuntStatus.NEW
    hypothesis_status: HypothesisStatus = HypothesisStatus.UNKNOWN
    attack_tactics: tuple[Tactic, ...] = ()
    attack_techniques: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    owner: HuntOwner | None = None
    created: datetime | None = None
    created_by: Author | None = None
    modified: datetime | None = None


@dataclass(frozen=True, slots=True)
class HuntRelation:
    """A query, bookmark, incident or entity that a hunt uses or has found, by its resource id."""

    related_resource_id: str
    related_resource_name: str = ""
    related_resource_kind: str = ""
    relation_type: str = ""
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HuntComment:
    """What a person says about a hunt."""

    message: str
    author: Author | None = None
    created: datetime | None = None
    modified: datetime | None = None


@dataclass(frozen=True)
class Hunts:
    """The hunts of every workspace, what they are related to, and what is said of them."""

    hunts: Records[Hunt]
    relations: Records[HuntRelation]
    comments: Records[HuntComment]

    @classmethod
    def over(cls, shelf: Shelf, clock: Clock) -> Hunts:
        """The hunts kept on that shelf."""
        relations = Records(shelf, clock, "hunt relations", HuntRelation)
        comments = Records(shelf, clock, "hunt comments", HuntComment, _commented)
        return cls(Records(shelf, clock, "hunts", Hunt, _stamped, (relations, comments)), relations, comments)


def _stamped(hunt: Hunt, before: Hunt | None, by: Author, now: datetime) -> Hunt:
    return replace(
        hunt,
        created=before.created if before else now,
        created_by=before.created_by if before else by,
        modified=now,
    )


def _commented(comment: HuntComment, before: HuntComment | None, by: Author, now: datetime) -> HuntComment:
    return replace(
        comment, author=before.author if before else by, created=before.created if before else now, modified=now
    )
