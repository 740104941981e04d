"""The incidents of every workspace: what is kept of them, and what is written down when they change."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from huntlake.core.clock import Clock
from huntlake.core.errors import Conflict, NotFound, PreconditionFailed
from huntlake.detection.alerts import Alert
from huntlake.detection.bookmarks import Bookmark
from huntlake.detection.entities import Entity
from huntlake.detection.events import IncidentCreated, IncidentUpdated
from huntlake.detection.extraction import merged
from huntlake.detection.incidents import (
    Incident,
    IncidentComment,
    IncidentRelation,
    IncidentTask,
    RelatedKind,
    commented,
    stamped,
    tasked,
)
from huntlake.detection.rows import INCIDENTS, Held, incident_cells, row
from huntlake.detection.similarity import Similar, alike
from huntlake.detection.timeline import Entry, EntryKind, Timelines, changes
from huntlake.state.documents import Document, Documents, Put, Shelf, Write
from huntlake.state.events import Events
from huntlake.state.records import ALWAYS, Author, Change, Only, Owner, Records

_SIMILAR_SINCE = timedelta(days=14)
_LONGEST = 200
"""Letters of a comment or a title that the timeline repeats."""


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
    """The incidents of every workspace, with their comments, tasks, relations and timelines.

    Whatever changes one of them also writes, in one transaction, a row of `SecurityIncident`, what the timeline says of
    it, and the event that others hear.
    """

    def __init__(
        self, shelf: Shelf, clock: Clock, alerts: Records[Alert], bookmarks: Records[Bookmark], events: Events
    ) -> None:
        self._shelf, self._clock, self._events = shelf, clock, events
        self._alerts, self._bookmarks = alerts, bookmarks
        told = events.deliver
        self.timelines = Timelines(shelf)
        self.comments = Records(
            shelf, clock, "incident comments", IncidentComment, commented, (), self._with_comment, told
        )
        self.tasks = Records(shelf, clock, "incident tasks", IncidentTask, tasked, (), self._with_task, told)
        self.relations = Records(
            shelf, clock, "incident relations", IncidentRelation, None, (), self._with_relation, told
        )
        children = (self.comments, self.tasks, self.relations)
        self.records = Records(shelf, clock, "incidents", Incident, stamped, children, self._with_incident, told)
        self._numbers = Documents[int](shelf, "incident numbers", lambda n: n, lambda stored: int(str(stored)))

    def list(self, owner: Owner) -> Sequence[Document[Incident]]:
        """Every incident of a workspace, by name."""
        return self.records.list(owner)

    def get(self, owner: Owner, name: str) -> Document[Incident]:
        """The incident of that name; `NotFound` where there is none."""
        return self.records.get(owner, name)

    def find(self, owner: Owner, name: str) -> Document[Incident] | None:
        """The incident of that name, or None."""
        return self.records.find(owner, name)

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
            known = self.records.find(owner, name)
            if known is not None and only.create:
                break  # which says that it is there
            made = value if known else replace(value, number=self._next_number(owner))
            try:
                return self.records.put(owner, name, made, by, Only(known.etag) if known else Only(create=True))
            except (Conflict, PreconditionFailed):
                continue  # someone made or deleted it in between
        return self.records.put(owner, name, value, by, only)

    def opening(
        self,
        owner: Owner,
        name: str,
        value: Incident,
        by: Author,
        alert: tuple[str, Alert],
        bookmark: tuple[str, Bookmark],
    ) -> Sequence[Write]:
        """The writes that make an incident of that name, which isn't there, with an alert and a bookmark, which may be;
        nothing is written yet. To be asked for anew where they fail: somebody else has made an incident in between.
        """
        turn, at, known = self.turn(owner, name), self._clock.now(), self._alerts.find(owner, alert[0])
        told = replace(known.value if known else alert[1], incident=name)
        told_as, writes = self._alerts.prepared(owner, alert[0], told, by, known, alone=known is not None)
        if self._bookmarks.find(owner, bookmark[0]) is None:
            writes = [*writes, *self._bookmarks.prepared(owner, *bookmark, by, None)[1]]
        number, taken = self.numbering(owner, 1)
        made, puts = self.records.prepared(owner, name, replace(value, number=number), by, None, alone=True)
        added = ((RelatedKind.ALERT, alert[0]), (RelatedKind.BOOKMARK, bookmark[0]))
        for kind, related in added:
            relation, whose = f"{kind.value.lower()}-{related}", (*owner, name)
            before = self.relations.find(whose, relation)
            puts = [
                *puts,
                *self.relations.prepared(
                    whose, relation, IncidentRelation(kind, related), by, before, alone=True
                )[1],
            ]  # fmt: skip
        entries = (
            Entry(EntryKind.CREATED, f"made: {value.title[:_LONGEST]}", by, at, {"severity": value.severity}),
            Entry(EntryKind.ALERT_ADDED, told.title[:_LONGEST], by, at, {"name": alert[0]}),
            Entry(EntryKind.BOOKMARK_ADDED, bookmark[0], by, at, {"name": bookmark[0]}),
        )
        held = Held(alerts={alert[0]: told_as.value}, bookmarks=(bookmark[0],))
        event = IncidentCreated(name, by)
        return [*writes, taken, *puts, *self.recorded(owner, name, made.value, held, entries, event, at, turn)]

    def change(
        self,
        owner: Owner,
        name: str,
        how: Callable[[Incident], Incident],
        by: Author = Author(),
        beside: Sequence[Write] = (),
    ) -> Document[Incident]:
        """Replace an incident by `how` of it, which may be called several times; `NotFound` where there is none."""
        return self.records.change(owner, name, how, by, beside)

    def delete(self, owner: Owner, name: str, only: Only = ALWAYS) -> bool:
        """Delete an incident with its comments, tasks, relations and timeline; its alerts and bookmarks stay.

        So do its rows in `SecurityIncident`, which say what was.
        """
        gone = self.records.delete(owner, name, only)
        if gone:
            self.timelines.clear(owner, name)
        return gone

    def relate(
        self, owner: Owner, incident: str, name: str, relation: IncidentRelation, by: Author, only: Only = ALWAYS
    ) -> tuple[Document[IncidentRelation], bool]:
        """Add an alert or a bookmark to an incident; `NotFound` where there is none of that name."""
        whose = (*owner, incident)
        if relation.kind is RelatedKind.BOOKMARK:
            self._bookmarks.get(owner, relation.related)
            return self.relations.put(whose, name, relation, by, only)
        while True:
            alert = self._alerts.get(owner, relation.related)
            belongs = replace(alert.value, incident=incident)
            _, writes = self._alerts.prepared(owner, alert.name, belongs, by, alert, alone=True)
            if only != ALWAYS or self.relations.find(whose, name) is not None:
                # A relation of that name is checked, and replaced, as any record is.
                return self.relations.put(whose, name, relation, by, only, beside=writes)
            made, put = self.relations.prepared(whose, name, relation, by, None)
            if self._shelf.write([*writes, *put]):
                self._events.deliver(owner)
                return made, True

    def alerts(self, owner: Owner, incident: str) -> Sequence[Document[Alert]]:
        """The alerts of an incident."""
        names = self._names(owner, incident, RelatedKind.ALERT)
        return [found for n in names if (found := self._alerts.find(owner, n)) is not None]

    def bookmarks(self, owner: Owner, incident: str) -> Sequence[Document[Bookmark]]:
        """The bookmarks of an incident."""
        names = self._names(owner, incident, RelatedKind.BOOKMARK)
        return [found for n in names if (found := self._bookmarks.find(owner, n)) is not None]

    def entities(self, owner: Owner, incident: str) -> Sequence[Entity]:
        """The entities of an incident's alerts, each once, with all that the alerts know of it."""
        return merged(e for alert in self.alerts(owner, incident) for e in alert.value.entities)

    def tally(self, owner: Owner, incident: str) -> Tally:
        """What an incident holds."""
        held = Held({d.name: d.value for d in self.alerts(owner, incident)})
        return Tally(
            alerts=len(held.alerts),
            bookmarks=len(self._names(owner, incident, RelatedKind.BOOKMARK)),
            comments=self.comments.count((*owner, incident)),
            products=held.products,
            tactics=held.tactics,
            techniques=held.techniques,
        )

    def timeline(self, owner: Owner, incident: str) -> Sequence[Entry]:
        """What happened to an incident, the first first."""
        return self.timelines.list(owner, incident)

    def similar(self, owner: Owner, incident: str, most: int = 20) -> Sequence[Similar]:
        """Incidents of the last fortnight before an incident, and since, that are like it; the most like first."""
        subject, now = self.get(owner, incident), self._clock.now()
        began = subject.value.created or now
        # One look at all alerts: there may be thousands of incidents.
        entities: dict[str, list[Entity]] = {}
        for alert in self._alerts.list(owner):
            if alert.value.incident:
                entities.setdefault(alert.value.incident.lower(), []).extend(alert.value.entities)
        others = [d for d in self.list(owner) if (d.value.created or began) >= began - _SIMILAR_SINCE]
        return alike(subject, others, entities, now)[:most]

    def note(self, owner: Owner, incident: str, writes: Sequence[Write]) -> None:
        """Write what says something of an incident; `NotFound` where there is none of that name."""
        self.get(owner, incident)
        self._shelf.write(writes)
        self._events.deliver(owner)

    def note_hunt(self, owner: Owner, incident: str, hunt: str, title: str, by: Author) -> None:
        """Say on an incident's timeline, once, that a hunt was begun from it."""
        while writes := self.hunt_noted(owner, incident, hunt, title, by):
            if self._shelf.write(writes):
                return

    def hunt_noted(self, owner: Owner, incident: str, hunt: str, title: str, by: Author) -> Sequence[Write]:
        """What says, on an incident's timeline, that a hunt was begun from it: to be written with the hunt, and to be
        asked for anew where that fails. Nothing where it says so; `NotFound` where there is no such incident.
        """
        turn = self.turn(owner, incident)
        self.get(owner, incident)
        if any(e.details.get("hunt") == hunt for e in self.timeline(owner, incident)):
            return ()
        text = f"began the hunt {title[:_LONGEST]}"
        entry = Entry(EntryKind.HUNT_BEGUN, text, by, self._clock.now(), {"hunt": hunt})
        return (turn, self.timelines.append(owner, incident, entry))

    def held(self, owner: Owner, incident: str) -> Held:
        """What an incident holds now."""
        whose = (*owner, incident)
        return Held(
            alerts={d.name: d.value for d in self.alerts(owner, incident)},
            bookmarks=tuple(self._names(owner, incident, RelatedKind.BOOKMARK)),
            comments={d.name: d.value for d in sorted(self.comments.list(whose), key=lambda d: str(d.value.created))},
            tasks={d.name: d.value for d in sorted(self.tasks.list(whose), key=lambda d: str(d.value.created))},
        )

    def turn(self, owner: Owner, incident: str) -> Put:
        """What is written with a change of an incident; only one of those that are taken at the same time can be.

        It is to be taken before what the incident holds is read: else a row could say less than one before it.
        """
        turns = Documents[int](self._shelf, f"incident turns of {owner[0]}", lambda n: n, lambda n: int(str(n)))
        known = turns.find(incident.lower())
        number, etag = (known.value if known else 0) + 1, known.etag if known else None
        return Put(turns.collection, incident.lower(), number, uuid.uuid4().hex, etag, create=known is None)

    def recorded(
        self,
        owner: Owner,
        name: str,
        incident: Incident,
        held: Held,
        entries: Iterable[Entry],
        event: IncidentCreated | IncidentUpdated,
        at: datetime,
        turn: Put,
    ) -> Sequence[Write]:
        """What is written with a change of an incident: its row, its timeline, the event, and the turn."""
        return [
            turn,
            row(owner, INCIDENTS, incident_cells(name, incident, held, event.by, at)),
            *(self.timelines.append(owner, name, entry) for entry in entries),
            self._events.append(owner, event),
        ]

    def numbering(self, owner: Owner, count: int) -> tuple[int, Put]:
        """The first of so many numbers for new incidents, and what takes them; to be written with the incidents."""
        kept = self._numbers.find(owner[0])
        last = kept.value if kept else 0
        etag = kept.etag if kept else None
        taken = Put(self._numbers.collection, owner[0], last + count, uuid.uuid4().hex, etag, create=kept is None)
        return last + 1, taken

    def _with_incident(self, change: Change[Incident]) -> Sequence[Write]:
        before, after = change.before, change.after
        if after is None:
            return ()
        owner, by, at = change.owner, change.by, change.at
        turn = self.turn(owner, change.name)
        if before is None:
            entry = Entry(EntryKind.CREATED, f"made: {after.title[:_LONGEST]}", by, at, {"severity": after.severity})
            made = IncidentCreated(change.name, by)
            return self.recorded(owner, change.name, after, self.held(owner, change.name), [entry], made, at, turn)
        if replace(after, modified=before.modified, modified_by=before.modified_by) == before:
            return ()
        updated = IncidentUpdated(change.name, before, after, by)
        entries = changes(before, after, by, at)
        return self.recorded(owner, change.name, after, self.held(owner, change.name), entries, updated, at, turn)

    def _with_comment(self, change: Change[IncidentComment]) -> Sequence[Write]:
        before, after = change.before, change.after
        kinds = (EntryKind.COMMENT_ADDED, EntryKind.COMMENT_CHANGED, EntryKind.COMMENT_REMOVED)
        said = (after or before or IncidentComment("")).message
        added = (after.message,) if after is not None and before is None else ()
        return self._with_child(
            change,
            kinds,
            said,
            lambda held: replace(held, comments=_with(held.comments, change.name, after)),
            added_comments=added,
        )

    def _with_task(self, change: Change[IncidentTask]) -> Sequence[Write]:
        before, after = change.before, change.after
        kinds = (EntryKind.TASK_ADDED, EntryKind.TASK_CHANGED, EntryKind.TASK_REMOVED)
        said = after or before
        text = f"{said.title} ({said.status})" if said else ""
        return self._with_child(
            change, kinds, text, lambda held: replace(held, tasks=_with(held.tasks, change.name, after))
        )

    def _with_relation(self, change: Change[IncidentRelation]) -> Sequence[Write]:
        owner, relation = change.owner[:1], change.after or change.before
        assert relation is not None
        if relation.kind is RelatedKind.BOOKMARK:
            kinds = (EntryKind.BOOKMARK_ADDED, EntryKind.BOOKMARK_ADDED, EntryKind.BOOKMARK_REMOVED)

            def with_bookmark(held: Held) -> Held:
                others = tuple(b for b in held.bookmarks if b != relation.related)
                return replace(held, bookmarks=(*others, relation.related) if change.after else others)

            return self._with_child(change, kinds, relation.related, with_bookmark)
        kinds = (EntryKind.ALERT_ADDED, EntryKind.ALERT_ADDED, EntryKind.ALERT_REMOVED)
        alert = self._alerts.find(owner, relation.related)
        after = alert.value if alert and change.after else None
        told = alert.value.title if alert else relation.related
        tactics = set(self.held(owner, change.owner[1]).tactics)
        writes = self._with_child(
            change,
            kinds,
            told,
            lambda held: replace(held, alerts=_with(held.alerts, relation.related, after)),
            added_alerts=(relation.related,) if change.after else (),
            added_tactics=tuple(t for t in after.tactics if t not in tactics) if after else (),
        )
        if change.after is None and alert is not None and alert.value.incident.lower() == change.owner[1].lower():
            free = replace(alert.value, incident="")
            writes = [*writes, *self._alerts.prepared(owner, alert.name, free, change.by, alert, alone=True)[1]]
        return writes

    def _with_child(
        self,
        change: Change[Any],
        kinds: tuple[EntryKind, EntryKind, EntryKind],
        text: str,
        held: Callable[[Held], Held],
        **added: tuple[str, ...],
    ) -> Sequence[Write]:
        """What is written with a comment, a task or a relation; nothing where its incident is gone."""
        owner, name = change.owner[:1], change.owner[1]
        turn = self.turn(owner, name)
        if (incident := self.records.find(owner, name)) is None:
            return ()
        kind = kinds[0] if change.before is None else kinds[1] if change.after is not None else kinds[2]
        entry = Entry(kind, text[:_LONGEST], change.by, change.at, {"name": change.name})
        updated = IncidentUpdated(incident.name, incident.value, incident.value, change.by, **added)
        now = held(self.held(owner, name))
        return self.recorded(owner, incident.name, incident.value, now, [entry], updated, change.at, turn)

    def _names(self, owner: Owner, incident: str, kind: RelatedKind) -> Sequence[str]:
        return [d.value.related for d in self.relations.list((*owner, incident)) if d.value.kind is kind]

    def _next_number(self, owner: Owner) -> int:
        try:
            return self._numbers.put(owner[0], 1, create_only=True).value
        except Conflict:
            return self._numbers.change(owner[0], lambda n: n + 1).value


def _with(kept: Mapping[str, Any], name: str, value: Any) -> Mapping[str, Any]:
    others = {n: v for n, v in kept.items() if n != name}
    return {**others, name: value} if value is not None else others
