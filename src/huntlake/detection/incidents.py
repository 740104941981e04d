"""Incidents: alerts that belong together, and what people do about them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from huntlake.core.errors import Invalid
from huntlake.detection.severity import Severity
from huntlake.state.records import Author


class IncidentStatus(StrEnum):
    """How far people are with an incident."""

    NEW = "New"
    ACTIVE = "Active"
    CLOSED = "Closed"


class Classification(StrEnum):
    """What a closed incident turned out to be."""

    UNDETERMINED = "Undetermined"
    TRUE_POSITIVE = "TruePositive"
    BENIGN_POSITIVE = "BenignPositive"
    FALSE_POSITIVE = "FalsePositive"


class ClassificationReason(StrEnum):
    """Why it was classified so."""

    SUSPICIOUS_ACTIVITY = "SuspiciousActivity"
    SUSPICIOUS_BUT_EXPECTED = "SuspiciousButExpected"
    INCORRECT_ALERT_LOGIC = "IncorrectAlertLogic"
    INACCURATE_DATA = "InaccurateData"


REASONS = {
    Classification.UNDETERMINED: (),
    Classification.TRUE_POSITIVE: (ClassificationReason.SUSPICIOUS_ACTIVITY,),
    Classification.BENIGN_POSITIVE: (ClassificationReason.SUSPICIOUS_BUT_EXPECTED,),
    Classification.FALSE_POSITIVE: (
        ClassificationReason.INCORRECT_ALERT_LOGIC,
        ClassificationReason.INACCURATE_DATA,
    ),
}
"""The reasons that each classification can have."""


class OwnerType(StrEnum):
    """What kind of owner an incident has."""

    UNKNOWN = "Unknown"
    USER = "User"
    GROUP = "Group"


@dataclass(frozen=True, slots=True)
class IncidentOwner:
    """Who works on an incident."""

    object_id: str | None = None
    email: str | None = None
    assigned_to: str | None = None
    user_principal_name: str | None = None
    owner_type: OwnerType | None = None


@dataclass(frozen=True, slots=True)
class Label:
    """A tag; `label_type` is `User` or `AutoAssigned`."""

    label_name: str
    label_type: str = "User"


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident. `number` counts up in each workspace, and is never given twice."""

    title: str
    severity: Severity
    status: IncidentStatus
    description: str | None = None
    labels: tuple[Label, ...] = ()
    owner: IncidentOwner = IncidentOwner()
    classification: Classification | None = None
    classification_reason: ClassificationReason | None = None
    classification_comment: str | None = None
    determination: str = ""
    """What kind of thing it was, by Graph's names."""
    first_activity: datetime | None = None
    last_activity: datetime | None = None
    number: int = 0
    rules: tuple[str, ...] = ()
    """Names of the analytic rules whose alerts it holds."""
    created: datetime | None = None
    modified: datetime | None = None
    modified_by: Author | None = None
    closed: datetime | None = None


@dataclass(frozen=True, slots=True)
class IncidentComment:
    """What a person says about an incident."""

    message: str
    author: Author | None = None
    created: datetime | None = None
    modified: datetime | None = None


class TaskStatus(StrEnum):
    """Whether a task is done."""

    NEW = "New"
    COMPLETED = "Completed"


@dataclass(frozen=True, slots=True)
class IncidentTask:
    """Something to be done about an incident."""

    title: str
    status: TaskStatus
    description: str | None = None
    created: datetime | None = None
    created_by: Author | None = None
    modified: datetime | None = None
    modified_by: Author | None = None


class RelatedKind(StrEnum):
    """What an incident can be related to."""

    ALERT = "SecurityAlert"
    BOOKMARK = "Bookmark"


@dataclass(frozen=True, slots=True)
class IncidentRelation:
    """That an alert or a bookmark, by its name, belongs to an incident."""

    kind: RelatedKind
    related: str


def stamped(incident: Incident, before: Incident | None, by: Author, now: datetime) -> Incident:
    """The incident as it is kept: only a closed one is classified, and what isn't the caller's to say stays."""
    closed = incident.status is IncidentStatus.CLOSED
    kind, reason = incident.classification, incident.classification_reason
    if closed and reason is not None and (kind is None or reason not in REASONS[kind]):
        fit = ", ".join(REASONS[kind]) if kind and REASONS[kind] else "none"
        raise Invalid(
            f"the classification reason `{reason}` doesn't fit `{kind or 'no classification'}`; fitting: {fit}"
        )
    first, last = incident.first_activity, incident.last_activity
    if first is not None and last is not None and last < first:
        raise Invalid("an incident's last activity is before its first")
    return replace(
        incident,
        classification=(kind or Classification.UNDETERMINED) if closed else None,
        classification_reason=reason if closed else None,
        classification_comment=incident.classification_comment if closed else None,
        determination=incident.determination or (before.determination if before else ""),
        number=before.number if before else incident.number,
        rules=incident.rules or (before.rules if before else ()),
        created=before.created if before else now,
        modified=now,
        modified_by=by,
        closed=((before.closed if before else None) or now) if closed else None,
    )


def commented(comment: IncidentComment, before: IncidentComment | None, by: Author, now: datetime) -> IncidentComment:
    """The comment as it is kept."""
    return replace(
        comment,
        author=before.author if before else by,
        created=before.created if before else now,
        modified=now,
    )


def tasked(task: IncidentTask, before: IncidentTask | None, by: Author, now: datetime) -> IncidentTask:
    """The task as it is kept."""
    return replace(
        task,
        created=before.created if before else now,
        created_by=before.created_by if before else by,
        modified=now,
        modified_by=by,
    )
