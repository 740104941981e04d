"""Incidents with their comments, tasks and relations, as Azure Resource Manager shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import Field

from huntlake.api.arm.alerts import alert_resource, entity_resource
from huntlake.api.arm.bookmarks import bookmark_resource
from huntlake.api.arm.resource import SENTINEL, Place, Resource
from huntlake.api.arm.wire import Moment, Part, Person, Plain, properties_of, read
from huntlake.api.arm.workspaces import Fixed, Shown
from huntlake.core.errors import Invalid, NotFound
from huntlake.detection.casebook import Incidents
from huntlake.detection.incidents import (
    Classification,
    ClassificationReason,
    Incident,
    IncidentComment,
    IncidentRelation,
    IncidentStatus,
    IncidentTask,
    OwnerType,
    RelatedKind,
    TaskStatus,
)
from huntlake.detection.severity import Severity
from huntlake.detection.similarity import Similar
from huntlake.detection.timeline import Entry
from huntlake.identity.rights import Action
from huntlake.playbooks.automation import PlaybookRequested, ask_for_playbook
from huntlake.playbooks.workflows import Workflow
from huntlake.state.documents import Document
from huntlake.state.records import ALWAYS, Author, Only, Owner

TYPE = "Microsoft.SecurityInsights/Incidents"


class OwnerInfo(Part):
    """Who works on an incident."""

    object_id: str | None = None
    email: str | None = None
    assigned_to: str | None = None
    user_principal_name: str | None = None
    owner_type: OwnerType | None = None


class LabelInfo(Part):
    """A tag."""

    label_name: str = Field(min_length=1, max_length=1000)
    label_type: str = Field("User", pattern="^(User|AutoAssigned|System)$")


class IncidentProperties(Part):
    """What can be said of an incident."""

    SHOWN: ClassVar[frozenset[str]] = frozenset(
        {
            "additionalData",
            "createdTimeUtc",
            "firstActivityTimeGenerated",
            "incidentNumber",
            "incidentUrl",
            "lastActivityTimeGenerated",
            "lastModifiedTimeUtc",
            "providerIncidentId",
            "providerName",
            "relatedAnalyticRuleIds",
            "teamInformation",
        }
    )
    title: str = Field(min_length=1, max_length=1000)
    severity: Severity
    status: IncidentStatus
    description: str | None = Field(None, max_length=50_000)
    labels: tuple[LabelInfo, ...] = ()
    owner: OwnerInfo | None = None
    classification: Classification | None = None
    classification_reason: ClassificationReason | None = None
    classification_comment: str | None = Field(None, max_length=50_000)
    first_activity: Moment | None = Field(None, alias="firstActivityTimeUtc")
    last_activity: Moment | None = Field(None, alias="lastActivityTimeUtc")


class IncidentForm(Plain[Incident]):
    """An incident, and what it holds."""

    def properties(self, place: Place, document: Document[Incident]) -> dict[str, Any]:
        incident, owner = document.value, (place.here.name,)
        held = place.services.detection.incidents.tally(owner, document.name)
        above = place.path.rsplit("/", 1)[0]
        return {
            **super().properties(place, document),
            "incidentNumber": incident.number,
            "createdTimeUtc": incident.created,
            "lastModifiedTimeUtc": incident.modified,
            "incidentUrl": f"{place.base_url}{place.path}/{document.name}",
            "providerName": "Azure Sentinel",
            "providerIncidentId": str(incident.number),
            "relatedAnalyticRuleIds": [f"{above}/alertRules/{rule}" for rule in incident.rules],
            "additionalData": {
                "alertsCount": held.alerts,
                "bookmarksCount": held.bookmarks,
                "commentsCount": held.comments,
                "alertProductNames": list(held.products),
                "tactics": list(held.tactics),
                "techniques": list(held.techniques),
            },
        }


class CommentProperties(Part):
    """What can be said in a comment."""

    SHOWN: ClassVar[frozenset[str]] = frozenset({"createdTimeUtc", "lastModifiedTimeUtc", "author"})
    message: str = Field(min_length=1, max_length=30_000)


class CommentForm(Plain[IncidentComment]):
    """A comment, and whose it is."""

    def properties(self, place: Place, document: Document[IncidentComment]) -> dict[str, Any]:
        comment, author = document.value, Person.of(document.value.author)
        return {
            "message": comment.message,
            "createdTimeUtc": comment.created,
            "lastModifiedTimeUtc": comment.modified,
            "author": author.wire() if author else None,
        }


class TaskProperties(Part):
    """What can be said of a task."""

    SHOWN: ClassVar[frozenset[str]] = frozenset(
        {"createdTimeUtc", "lastModifiedTimeUtc", "createdBy", "lastModifiedBy"}
    )
    title: str = Field(min_length=1, max_length=1000)
    status: TaskStatus
    description: str | None = Field(None, max_length=30_000)


class TaskForm(Plain[IncidentTask]):
    """A task, and who made it."""

    def properties(self, place: Place, document: Document[IncidentTask]) -> dict[str, Any]:
        task = document.value
        by, changed_by = Person.of(task.created_by), Person.of(task.modified_by)
        return {
            **super().properties(place, document),
            "createdTimeUtc": task.created,
            "lastModifiedTimeUtc": task.modified,
            "createdBy": by.wire() if by else None,
            "lastModifiedBy": changed_by.wire() if changed_by else None,
        }


class PlaybookGiven(Part):
    """The playbook that is to run; `logicAppsResourceId` is what Azure calls it."""

    logic_apps_resource_id: str = Field(min_length=1, max_length=2000)
    tenant_id: str = ""


class RelationProperties(Part):
    """What a relation says."""

    SHOWN: ClassVar[frozenset[str]] = frozenset({"relatedResourceName", "relatedResourceType", "relatedResourceKind"})
    related_resource_id: str = Field(min_length=1, max_length=2000)


class RelationForm:
    """A relation: the id of an alert (among the entities) or of a bookmark of the same workspace."""

    def shown(self, place: Place, document: Document[IncidentRelation]) -> dict[str, Any]:
        """The related resource's id, name, type and kind."""
        relation = document.value
        collection = {RelatedKind.ALERT: "Entities", RelatedKind.BOOKMARK: "Bookmarks"}[relation.kind]
        sentinel = place.path.rsplit("/", 3)[0]
        return {
            "properties": {
                "relatedResourceId": f"{sentinel}/{collection}/{relation.related}",
                "relatedResourceName": relation.related,
                "relatedResourceType": f"Microsoft.SecurityInsights/{collection}",
                "relatedResourceKind": relation.kind.value if relation.kind is RelatedKind.ALERT else "",
            }
        }

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> IncidentRelation:
        """The alert or bookmark that the id names."""
        given = read(RelationProperties, properties_of(body)).related_resource_id
        sentinel = place.path.rsplit("/", 3)[0]
        above, _, related = given.rpartition("/")
        scope, _, collection = above.rpartition("/")
        kinds = {"entities": RelatedKind.ALERT, "bookmarks": RelatedKind.BOOKMARK}
        if scope.lower() != sentinel.lower() or collection.lower() not in kinds or not related:
            raise Invalid(f"`{given[:200]}` is not the id of an alert or a bookmark in this workspace")
        return IncidentRelation(kinds[collection.lower()], related)


@dataclass(frozen=True)
class RelationStore:
    """The relations of incidents: what is related must be there."""

    incidents: Incidents

    def list(self, owner: Owner) -> Sequence[Document[IncidentRelation]]:
        """The relations of an incident."""
        return self.incidents.relations.list(owner)

    def get(self, owner: Owner, name: str) -> Document[IncidentRelation]:
        """One relation."""
        return self.incidents.relations.get(owner, name)

    def put(
        self, owner: Owner, name: str, value: IncidentRelation, by: Author = Author(), only: Only = ALWAYS
    ) -> tuple[Document[IncidentRelation], bool]:
        """Relate something."""
        return self.incidents.relate(owner[:1], owner[1], name, value, by, only)

    def delete(self, owner: Owner, name: str, only: Only = ALWAYS) -> bool:
        """Take a relation away."""
        return self.incidents.relations.delete(owner, name, only)


def _alerts(place: Place, name: str, _: dict[str, Any]) -> tuple[int, object]:
    found = place.services.detection.incidents.alerts(place.owner, name)
    return 200, {"value": [alert_resource(place, d) for d in found]}


def _bookmarks(place: Place, name: str, _: dict[str, Any]) -> tuple[int, object]:
    found = place.services.detection.incidents.bookmarks(place.owner, name)
    return 200, {"value": [bookmark_resource(place, d) for d in found]}


def _entities(place: Place, name: str, _: dict[str, Any]) -> tuple[int, object]:
    found = place.services.detection.incidents.entities(place.owner, name)
    kinds: dict[str, int] = {}
    for entity in found:
        kinds[entity.kind] = kinds.get(entity.kind, 0) + 1
    return 200, {
        "entities": [entity_resource(place, e) for e in found],
        "metaData": [{"count": count, "entityKind": kind} for kind, count in kinds.items()],
    }


def playbook_given(place: Place, given: PlaybookGiven) -> Document[Workflow]:
    """The playbook that is meant; `NotFound` where there is none in the workspace, `Refused` who may run none."""
    place.may(Action.RUN)
    name = given.logic_apps_resource_id.rstrip("/").rpartition("/")[2]
    found = place.services.playbooks.workflows.find(name)
    if found is None or found.value.workspace != place.here.name:
        raise NotFound(f"no playbook `{name[:100]}` is in this workspace")
    return found


def _run_playbook(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    services, given = place.services, read(PlaybookGiven, body)
    incidents, now = services.detection.incidents, services.clock.now()
    incident = incidents.get(place.owner, name).name
    playbook_given(place, given)
    wanted = PlaybookRequested(given.logic_apps_resource_id, given.tenant_id, incident, "", "", place.author)
    incidents.note(place.owner, incident, ask_for_playbook(services.detection, now, place.owner, wanted))
    return 204, None


def _entries(place: Place) -> Fixed:
    """The timeline of the incident that the path names, by number."""
    owner, incident = place.owner[:1], place.owner[1]
    incidents = place.services.detection.incidents
    incidents.get(owner, incident)
    return Fixed(lambda: [(f"{n:06}", e) for n, e in enumerate(incidents.timeline(owner, incident), start=1)])


def _entry(_: Place, entry: Entry) -> dict[str, Any]:
    by = Person.of(entry.by)
    return {
        "properties": {
            "timeUtc": entry.at,
            "kind": entry.kind,
            "text": entry.text,
            "author": by.wire() if by else None,
            "details": dict(entry.details),
        }
    }


def _likes(place: Place) -> Fixed:
    """What is like the incident that the path names, by place, the most like first."""
    found = place.services.detection.incidents.similar(place.owner[:1], place.owner[1])
    return Fixed(lambda: [(f"{n:03}", s) for n, s in enumerate(found, start=1)])


def _like(place: Place, similar: Similar) -> dict[str, Any]:
    incident, other = similar.document.value, similar.document.name
    above = place.path.rsplit("/", 2)[0]
    return {
        "properties": {
            "incidentId": f"{above}/{other}",
            "incidentName": other,
            "incidentNumber": incident.number,
            "title": incident.title,
            "severity": incident.severity,
            "status": incident.status,
            "classification": incident.classification,
            "classificationReason": incident.classification_reason,
            "classificationComment": incident.classification_comment,
            "createdTimeUtc": incident.created,
            "score": similar.score,
            "reasons": list(similar.reasons),
            "sameRule": similar.same_rule,
            "secondsApart": int(similar.apart.total_seconds()),
            "entities": [entity_resource(place, e) for e in similar.entities],
        }
    }


_FILTERS = (
    "title severity status classification classificationReason incidentNumber description "
    "createdTimeUtc lastModifiedTimeUtc firstActivityTimeUtc lastActivityTimeUtc labels providerIncidentId "
    "providerName relatedAnalyticRuleIds owner owner/email owner/assignedTo owner/objectId owner/userPrincipalName"
)

INCIDENTS: Resource[Incident] = Resource(
    type=TYPE,
    path=f"{SENTINEL}/Incidents",
    form=IncidentForm(IncidentProperties, Incident),
    store=lambda place: place.services.detection.incidents,
    write=Action.RESPOND,
    posts={
        "alerts": (Action.READ, _alerts),
        "bookmarks": (Action.READ, _bookmarks),
        "entities": (Action.READ, _entities),
        "runPlaybook": (Action.RESPOND, _run_playbook),
    },
    filters=frozenset({"name", *(f"properties/{name}" for name in _FILTERS.split())}),
)

COMMENTS: Resource[IncidentComment] = Resource(
    type=f"{TYPE}/Comments",
    path=f"{SENTINEL}/Incidents/{{incident}}/Comments",
    form=CommentForm(CommentProperties, IncidentComment),
    store=lambda place: place.services.detection.incidents.comments,
    write=Action.RESPOND,
    filters=frozenset({"name", "properties/message", "properties/createdTimeUtc", "properties/lastModifiedTimeUtc"}),
)

TASKS: Resource[IncidentTask] = Resource(
    type=f"{TYPE}/Tasks",
    path=f"{SENTINEL}/Incidents/{{incident}}/Tasks",
    form=TaskForm(TaskProperties, IncidentTask),
    store=lambda place: place.services.detection.incidents.tasks,
    write=Action.RESPOND,
    filters=frozenset({"name", "properties/title", "properties/status", "properties/createdTimeUtc"}),
)

RELATIONS: Resource[IncidentRelation] = Resource(
    type=f"{TYPE}/Relations",
    path=f"{SENTINEL}/Incidents/{{incident}}/relations",
    form=RelationForm(),
    store=lambda place: RelationStore(place.services.detection.incidents),
    write=Action.RESPOND,
    filters=frozenset(
        {"name", "properties/relatedResourceId", "properties/relatedResourceType", "properties/relatedResourceKind"}
    ),
)

TIMELINE: Resource[Any] = Resource(
    type=f"{TYPE}/Timeline",
    path=f"{SENTINEL}/Incidents/{{incident}}/timeline",
    form=Shown(_entry),
    store=_entries,
)

SIMILAR: Resource[Any] = Resource(
    type=f"{TYPE}/Similar",
    path=f"{SENTINEL}/Incidents/{{incident}}/similar",
    form=Shown(_like),
    store=_likes,
)
