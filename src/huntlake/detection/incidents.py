"""Incidents: alerts that belong together, and what people do about them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from huntlake.core.clock import Clock
from huntlake.core.errors import Conflict, Invalid, NotFound, PreconditionFailed
from huntlake.detection.alerts import Alert
from huntlake.detection.bookmarks import Bookmark
from huntlake.detection.entities import Entity
from huntlake.detection.severity import Severity
from huntlake.state.documents import Document, Documents, Shelf
from huntlake.state.records import ALWAYS, Author, Only, Owner, Records


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


@dataclass(frozen=True, slots=True)
class Tally:
    """What an incident holds."""

    alerts: int
    bookmarks: int
    comments: int
    products: tuple[str, ...]
    tactics: tuple[str, ...]
    techniques: tuple[str, ...]


class Incidents:
    """The incidents of every workspace, with their comments, tasks and relations."""

    def __init__(self, shelf: Shelf, clock: Clock, alerts: Records[Alert], bookmarks: Records[Bookmark]) -> None:
        self._shelf, self._clock = shelf, clock
        self._alerts, self._bookmarks = alerts, bookmarks
        self.comments = Records(shelf, clock, "incident comments", IncidentComment, _commented)
        self.tasks = Records(shelf, clock, "incident tasks", IncidentTask, _tasked)
        self.relations = Records(shelf, clock, "incident relations", IncidentRelation)
        children = (self.comments, self.tasks, self.relations)
        self._incidents = Records(shelf, clock, "incidents", Incident, _stamped, children)
        self._numbers = Documents[int](shelf, "incident numbers", lambda n: n, lambda stored: int(str(stored)))

    def list(self, owner: Owner) -> Sequence[Document[Incident]]:
        """Every incident of a workspace, by name."""
        return self._incidents.list(owner)

    def get(self, owner: Owner, name: str) -> Document[Incident]:
        """The incident of that name; `NotFound` where there is none."""
        return self._incidents.get(owner, name)

    def numbered(self, owner: Owner, number: int) -> Document[Incident]:
        """The incident of that number; `NotFound` where there is none."""
        found = next((d for d in self.list(owner) if d.value.number == number), None)
        if found is None:
            raise NotFound(f"no incident has the number {number}")
        return found

    def put(
        self, owner: Owner, name: str, value: Incident, by: Author = Author(), only: Only = ALWAYS
    ) -> tuple[Document[Incident], bool]:
        """Make an incident, or change one; see `Records.put`. A new one gets the next number."""
        while only.if_match is None:
            known = self._incidents.find(owner, name)
            if known is not None and only.create:
                break  # which says that it is there
            made = value if known else replace(value, number=self._next_number(owner))
            try:
                return self._incidents.put(owner, name, made, by, Only(known.etag) if known else Only(create=True))
            except (Conflict, PreconditionFailed):
                continue  # someone made or deleted it in between
        return self._incidents.put(owner, name, value, by, only)

    def change(
        self, owner: Owner, name: str, how: Callable[[Incident], Incident], by: Author = Author()
    ) -> Document[Incident]:
        """Replace an incident by `how` of it, which may be called several times; `NotFound` where there is none."""
        return self._incidents.change(owner, name, how, by)

    def delete(self, owner: Owner, name: str, only: Only = ALWAYS) -> bool:
        """Delete an incident with its comments, tasks and relations; its alerts and bookmarks stay."""
        return self._incidents.delete(owner, name, only)

    def relate(
        self, owner: Owner, incident: str, name: str, relation: IncidentRelation, by: Author, only: Only = ALWAYS
    ) -> tuple[Document[IncidentRelation], bool]:
        """Add an alert or a bookmark to an incident; `NotFound` where there is none of that name."""
        self._related(relation.kind).get(owner, relation.related)
        if relation.kind is RelatedKind.ALERT:
            self._alerts.change(owner, relation.related, lambda a: replace(a, incident=incident), by)
        return self.relations.put((*owner, incident), name, relation, by, only)

    def alerts(self, owner: Owner, incident: str) -> Sequence[Document[Alert]]:
        """The alerts of an incident."""
        names = self._names(owner, incident, RelatedKind.ALERT)
        return [found for n in names if (found := self._alerts.find(owner, n)) is not None]

    def bookmarks(self, owner: Owner, incident: str) -> Sequence[Document[Bookmark]]:
        """The bookmarks of an incident."""
        names = self._names(owner, incident, RelatedKind.BOOKMARK)
        return [found for n in names if (found := self._bookmarks.find(owner, n)) is not None]

    def entities(self, owner: Owner, incident: str) -> Sequence[Entity]:
        """The entities of an incident's alerts, each once."""
        found = {e.id: e for alert in self.alerts(owner, incident) for e in alert.value.entities}
        return tuple(found.values())

    def tally(self, owner: Owner, incident: str) -> Tally:
        """What an incident holds."""
        held = [d.value for d in self.alerts(owner, incident)]
        return Tally(
            alerts=len(held),
            bookmarks=len(self._names(owner, incident, RelatedKind.BOOKMARK)),
            comments=self.comments.count((*owner, incident)),
            products=_each(a.product for a in held),
            tactics=_each(t.value for a in held for t in a.tactics),
            techniques=_each(t for a in held for t in a.techniques),
        )

    def _names(self, owner: Owner, incident: str, kind: RelatedKind) -> Sequence[str]:
        return [d.value.related for d in self.relations.list((*owner, incident)) if d.value.kind is kind]

    def _related(self, kind: RelatedKind) -> Records[Alert] | Records[Bookmark]:
        return self._alerts if kind is RelatedKind.ALERT else self._bookmarks

    def _next_number(self, owner: Owner) -> int:
        try:
            return self._numbers.put(owner[0], 1, create_only=True).value
        except Conflict:
            return self._numbers.change(owner[0], lambda n: n + 1).value


def _each(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


def _stamped(incident: Incident, before: Incident | None, by: Author, now: datetime) -> Incident:
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


def _commented(comment: IncidentComment, before: IncidentComment | None, by: Author, now: datetime) -> IncidentComment:
    return replace(
        comment,
        author=before.author if before else by,
        created=before.created if before else now,
        modified=now,
    )


def _tasked(task: IncidentTask, before: IncidentTask | None, by: Author, now: datetime) -> IncidentTask:
    return replace(
        task,
        created=before.created if before else now,
        created_by=before.created_by if before else by,
        modified=now,
        modified_by=by,
    )
