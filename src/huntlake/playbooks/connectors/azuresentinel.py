"""Microsoft Sentinel: the incidents, alerts, entities, bookmarks, watchlists and indicators of this house."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from urllib.parse import unquote

from huntlake.core.errors import Conflict, Invalid, NotFound
from huntlake.detection.incidents import (
    REASONS,
    Classification,
    ClassificationReason,
    Incident,
    IncidentComment,
    IncidentOwner,
    IncidentRelation,
    IncidentStatus,
    IncidentTask,
    Label,
    OwnerType,
    RelatedKind,
    TaskStatus,
    commented,
    stamped,
    tasked,
)
from huntlake.detection.intel.stix import gathered
from huntlake.detection.severity import Severity
from huntlake.identity.rights import Action
from huntlake.playbooks.answers import answer
from huntlake.playbooks.connectors import sentinel_shapes as shapes
from huntlake.playbooks.connectors.connector import Asked, Connector, Effect, Operation, TriggerOperation
from huntlake.playbooks.connectors.house import House, fields, name_for, wanted
from huntlake.playbooks.connectors.sentinel_watchlists import watchlist_operations
from huntlake.state.documents import Document
from huntlake.state.records import Only, Owner
from huntlake.wdl.expressions.values import text
from huntlake.wdl.runner.effects import Answer
from huntlake.workspace.workspaces import Workspace

T = TypeVar("T")

LONGEST_COMMENT = 30_000
MOST_INDICATORS = 100
"""Indicators that one upload may hold."""

_ENTITIES = (
    ("GetAccounts", "account", "Account", "Accounts"),
    ("GetHosts", "host", "Host", "Hosts"),
    ("GetIPs", "ip", "Ip", "IPs"),
    ("GetUrls", "url", "Url", "URLs"),
    ("GetFileHashes", "filehash", "FileHash", "Filehashes"),
    ("GetDNS", "dnsresolution", "DnsResolution", "Dnsresolutions"),
)
"""By operation: the end of its path, the kind of entity, and the name of the list it answers with."""

_IN_WORKSPACE = "subscriptions/{subscription}/resourceGroups/{group}/workspaces/{workspace}"


def azuresentinel(house: House) -> Connector:
    """The connector over this house."""
    sentinel = _Sentinel(house)
    return Connector(
        "azuresentinel",
        "Microsoft Sentinel",
        (*sentinel.operations(), *watchlist_operations(house)),
        (
            TriggerOperation("IncidentTrigger", "POST", "/incident-creation", "An incident is made, or a rule asks."),
            TriggerOperation("AlertTrigger", "POST", "/subscribe", "An alert is raised."),
            TriggerOperation("EntityTrigger", "POST", "/entity/{entityType}", "A person asks about an entity."),
        ),
        inside=True,
    )


@dataclass(frozen=True)
class _Sentinel:
    house: House

    def operations(self) -> tuple[Operation, ...]:
        read, write = Effect.READ, Effect.WRITE
        made = [
            Operation(id, "POST", f"/entities/{end}", f"The {name} among entities.", read, _entities(kind, name))
            for id, end, kind, name in _ENTITIES
        ]
        return (
            *made,
            Operation("GetIncidentV2", "POST", "/Incidents", "An incident by its id.", read, self.incident),
            Operation(
                "GetIncidentByAlertIdV2",
                "GET",
                f"/Incidents/{_IN_WORKSPACE}/alerts/{{alert}}",
                "The incident of an alert.",
                read,
                self.incident_of_alert,
            ),
            Operation(
                "GetIncident",
                "GET",
                "/Cases/{alert}/{subscription}/{workspace}/{group}",
                "The incident of an alert, by older names.",
                read,
                self.case,
            ),
            Operation(
                "UpdateIncident",
                "PUT",
                "/Incidents",
                "Change an incident.",
                write,
                self.update,
                self.would_update,
                atomic=True,
                known=self.incident_again,
            ),
            Operation(
                "CreateIncident",
                "PUT",
                f"/Incidents/{_IN_WORKSPACE}",
                "Make an incident.",
                write,
                self.create,
                self.would_create,
            ),
            Operation(
                "AddIncidentCommentV3",
                "POST",
                "/Incidents/Comment",
                "Comment on an incident.",
                write,
                self.comment,
                self.would_comment,
                atomic=True,
                known=self.comment_again,
            ),
            Operation(
                "AddCommentToIncidentV2",
                "PUT",
                "/Comment/{subscription}/{workspace}/{group}/{identifier}/{id}",
                "Comment on an incident, or on the one of an alert.",
                write,
                self.old_comment,
                self.would_old_comment,
                atomic=True,
            ),
            Operation(
                "ChangeIncidentStatusV2",
                "PUT",
                "/Case/{subscription}/{workspace}/{group}/{identifier}/{id}/Status/{status}",
                "Change an incident's status, by older names.",
                write,
                self.old_status,
                self.would_old_status,
                atomic=True,
            ),
            Operation(
                "ChangeIncidentSeverityV2",
                "PUT",
                "/Case/{subscription}/{workspace}/{group}/{identifier}/{id}/Severity/{severity}",
                "Change an incident's severity, by older names.",
                write,
                self.old_severity,
                self.would_old_severity,
                atomic=True,
            ),
            Operation(
                "AddIncidentTask",
                "POST",
                "/Incidents/CreateTask",
                "Add a task to an incident.",
                write,
                self.task,
                self.would_task,
                atomic=True,
                known=self.task_again,
            ),
            Operation(
                "CompleteIncidentTask",
                "POST",
                "/Incidents/CompleteTask",
                "Mark a task as done.",
                write,
                self.complete,
                self.would_complete,
                atomic=True,
            ),
            Operation(
                "CreateIncidentRelation",
                "POST",
                "/Incidents/Relation/Create",
                "Add an alert or a bookmark to an incident.",
                write,
                self.relate,
                self.would_relate,
            ),
            Operation(
                "DeleteIncidentRelation",
                "POST",
                "/Incidents/Relation/Delete",
                "Take an alert or a bookmark away from an incident.",
                write,
                self.unrelate,
                self.would_unrelate,
            ),
            Operation(
                "BookmarksList",
                "GET",
                "/Bookmarks/{subscription}/resourceGroups/{group}/workspaces/{workspace}/bookmarksList/{count}",
                "The bookmarks of a workspace.",
                read,
                self.bookmarks,
            ),
            Operation(
                "BookmarksGet",
                "GET",
                "/Bookmarks/{subscription}/resourceGroups/{group}/workspaces/{workspace}/bookmarks/{bookmark}",
                "A bookmark.",
                read,
                self.bookmark,
            ),
            Operation(
                "BookmarksDelete",
                "DELETE",
                "/Bookmarks/{subscription}/resourceGroups/{group}/workspaces/{workspace}/bookmarks/{bookmark}",
                "Delete a bookmark.",
                write,
                self.delete_bookmark,
            ),
            *(
                Operation(
                    id,
                    "POST",
                    f"{version}/ThreatIntelligence/{{workspace}}/{end}",
                    "Keep indicators of threats, in STIX.",
                    write,
                    self.upload,
                    self.would_upload,
                    atomic=True,
                )
                for id, version, end in (
                    ("UploadIndicators", "", "UploadIndicators"),
                    ("UploadIndicatorsV2", "/V2", "UploadIndicators"),
                    ("UploadStixObjects", "", "UploadStixObjects"),
                )
            ),
        )

    # -- incidents that are read -----------------------------------------------------

    def incident(self, asked: Asked) -> Answer:
        given = fields(asked, "incidentArmId")
        workspace, (name,) = self.house.resource(asked, Action.READ, wanted(given, "incidentArmId"), "Incidents")
        return self._shown(workspace, self._incidents.get((workspace.name,), name))

    def incident_of_alert(self, asked: Asked) -> Answer:
        workspace = self.house.workspace(asked, Action.READ, asked.arguments["workspace"])
        return self._shown(workspace, self._of_alert(workspace, asked.arguments["alert"]))

    def case(self, asked: Asked) -> Answer:
        workspace = self.house.workspace(asked, Action.READ, asked.arguments["workspace"])
        document = self._of_alert(workspace, asked.arguments["alert"])
        return answer(shapes.case_shown(self._incidents, (workspace.name,), document))

    # -- incidents that are changed --------------------------------------------------

    def update(self, asked: Asked) -> Answer:
        workspace, name, change = self._update(asked)
        document = self._incidents.change((workspace.name,), name, change, self.house.author(asked), asked.done)
        return self._shown(workspace, document)

    def would_update(self, asked: Asked) -> Answer:
        workspace, name, change = self._update(asked)
        return self._shown(workspace, self._as_if(asked, self._incidents.get((workspace.name,), name), change))

    def incident_again(self, asked: Asked) -> Answer:
        given = fields(asked, "incidentArmId", more=True)
        workspace, (name,) = self.house.resource(asked, Action.READ, wanted(given, "incidentArmId"), "Incidents")
        return self._shown(workspace, self._incidents.get((workspace.name,), name))

    def _update(self, asked: Asked) -> tuple[Workspace, str, Callable[[Incident], Incident]]:
        given = fields(asked, "incidentArmId", "tagsToAdd", "tagsToRemove", *_SAID)
        workspace, (name,) = self.house.resource(asked, Action.RESPOND, wanted(given, "incidentArmId"), "Incidents")
        return workspace, name, _changing(given)

    def create(self, asked: Asked) -> Answer:
        workspace, made = self._create(asked)
        owner, name = (workspace.name,), name_for(asked)
        try:
            document, _ = self._incidents.put(owner, name, made, self.house.author(asked), Only(create=True))
        except Conflict:
            # A process that died has made it, and could say so to nobody.
            document = self._incidents.get(owner, name)
        return self._shown(workspace, document)

    def would_create(self, asked: Asked) -> Answer:
        workspace, made = self._create(asked)
        now, by = asked.context.now, self.house.author(asked)
        return self._shown(workspace, Document(name_for(asked), stamped(made, None, by, now), ""))

    def _create(self, asked: Asked) -> tuple[Workspace, Incident]:
        given = fields(asked, "tagsToAdd", *_SAID)
        workspace = self.house.workspace(asked, Action.RESPOND, asked.arguments["workspace"])
        plain = Incident(text(wanted(given, "title")), Severity.MEDIUM, IncidentStatus.NEW)
        return workspace, _changing(given)(plain)

    # -- comments --------------------------------------------------------------------

    def comment(self, asked: Asked) -> Answer:
        workspace, incident, comment = self._comment(asked)
        document, _ = self._incidents.comments.put(
            (workspace.name, incident),
            name_for(asked),
            comment,
            self.house.author(asked),
            Only(create=True),
            asked.done,
        )
        return answer(shapes.comment_shown(self._id(workspace, incident), document), 201)

    def would_comment(self, asked: Asked) -> Answer:
        workspace, incident, comment = self._comment(asked)
        made = commented(comment, None, self.house.author(asked), asked.context.now)
        return answer(shapes.comment_shown(self._id(workspace, incident), Document(name_for(asked), made, "")), 201)

    def comment_again(self, asked: Asked) -> Answer:
        workspace, incident, _ = self._comment(asked)
        document = self._incidents.comments.get((workspace.name, incident), name_for(asked))
        return answer(shapes.comment_shown(self._id(workspace, incident), document), 201)

    def _comment(self, asked: Asked) -> tuple[Workspace, str, IncidentComment]:
        given = fields(asked, "incidentArmId", "message")
        workspace, (name,) = self.house.resource(asked, Action.RESPOND, wanted(given, "incidentArmId"), "Incidents")
        incident = self._incidents.get((workspace.name,), name)
        return workspace, incident.name, _comment_of(given.get("message"))

    def old_comment(self, asked: Asked) -> Answer:
        workspace, incident, comment = self._old_comment(asked)
        by = self.house.author(asked)
        owner = (workspace.name, incident)
        self._incidents.comments.put(owner, name_for(asked), comment, by, Only(create=True), asked.done)
        return Answer(body="")

    def would_old_comment(self, asked: Asked) -> Answer:
        self._old_comment(asked)
        return Answer(body="")

    def _old_comment(self, asked: Asked) -> tuple[Workspace, str, IncidentComment]:
        given = fields(asked, "Value")
        workspace, incident = self._named(asked)
        return workspace, incident.name, _comment_of(given.get("Value"))

    # -- the operations of the first version -----------------------------------------

    def old_status(self, asked: Asked) -> Answer:
        return self._old_change(asked, _old_status(asked))

    def would_old_status(self, asked: Asked) -> Answer:
        return self._old_change(asked, _old_status(asked), only_look=True)

    def old_severity(self, asked: Asked) -> Answer:
        return self._old_change(asked, {"severity": asked.arguments["severity"]})

    def would_old_severity(self, asked: Asked) -> Answer:
        return self._old_change(asked, {"severity": asked.arguments["severity"]}, only_look=True)

    def _old_change(self, asked: Asked, given: dict[str, Any], only_look: bool = False) -> Answer:
        workspace, incident = self._named(asked)
        change, by = _changing(given), self.house.author(asked)
        if only_look:
            self._as_if(asked, incident, change)
        else:
            self._incidents.change((workspace.name,), incident.name, change, by, asked.done)
        return Answer(body="")

    def _named(self, asked: Asked) -> tuple[Workspace, Document[Incident]]:
        """The incident that a path names by its number, or by one of its alerts."""
        workspace = self.house.workspace(asked, Action.RESPOND, asked.arguments["workspace"])
        identifier, id = asked.arguments["identifier"], asked.arguments["id"]
        match identifier.lower():
            case "incident":
                if not id.isdecimal():
                    raise Invalid(f"`{id[:60]}` is not the number of an incident")
                return workspace, self._incidents.numbered((workspace.name,), int(id))
            case "alert":
                return workspace, self._of_alert(workspace, id)
        raise Invalid(f"the identifier `{identifier[:60]}` is not supported: there are `Incident` and `Alert`")

    # -- tasks -----------------------------------------------------------------------

    def task(self, asked: Asked) -> Answer:
        workspace, incident, task = self._task(asked)
        document, _ = self._incidents.tasks.put(
            (workspace.name, incident), name_for(asked), task, self.house.author(asked), Only(create=True), asked.done
        )
        return answer(shapes.task_shown(self._id(workspace, incident), document), 201)

    def would_task(self, asked: Asked) -> Answer:
        workspace, incident, task = self._task(asked)
        made = tasked(task, None, self.house.author(asked), asked.context.now)
        return answer(shapes.task_shown(self._id(workspace, incident), Document(name_for(asked), made, "")), 201)

    def task_again(self, asked: Asked) -> Answer:
        workspace, incident, _ = self._task(asked)
        document = self._incidents.tasks.get((workspace.name, incident), name_for(asked))
        return answer(shapes.task_shown(self._id(workspace, incident), document), 201)

    def _task(self, asked: Asked) -> tuple[Workspace, str, IncidentTask]:
        given = fields(asked, "incidentArmId", "taskTitle", "taskDescription")
        workspace, (name,) = self.house.resource(asked, Action.RESPOND, wanted(given, "incidentArmId"), "Incidents")
        incident = self._incidents.get((workspace.name,), name)
        title, description = text(wanted(given, "taskTitle")), text(given.get("taskDescription"))
        if len(title) > 1000 or len(description) > LONGEST_COMMENT:
            raise Invalid("a task's title has at most 1,000 letters, and its description 30,000")
        return workspace, incident.name, IncidentTask(title, TaskStatus.NEW, description or None)

    def complete(self, asked: Asked) -> Answer:
        workspace, incident, name = self._completed(asked)
        document = self._incidents.tasks.change(
            (workspace.name, incident), name, _completed, self.house.author(asked), asked.done
        )
        return answer(shapes.task_shown(self._id(workspace, incident), document))

    def would_complete(self, asked: Asked) -> Answer:
        workspace, incident, name = self._completed(asked)
        task = self._incidents.tasks.get((workspace.name, incident), name)
        made = tasked(_completed(task.value), task.value, self.house.author(asked), asked.context.now)
        return answer(shapes.task_shown(self._id(workspace, incident), replace(task, value=made)))

    def _completed(self, asked: Asked) -> tuple[Workspace, str, str]:
        given = fields(asked, "taskArmId")
        workspace, (incident, task) = self.house.resource(
            asked, Action.RESPOND, wanted(given, "taskArmId"), "Incidents", "Tasks"
        )
        return workspace, incident, task

    # -- relations -------------------------------------------------------------------

    def relate(self, asked: Asked) -> Answer:
        workspace, incident, relation = self._relation(asked)
        owner = (workspace.name,)
        document = self._related((*owner, incident), relation)
        if document is None:
            by = self.house.author(asked)
            document, _ = self._incidents.relate(owner, incident, name_for(asked), relation, by)
        return self._relation_shown(workspace, incident, document)

    def would_relate(self, asked: Asked) -> Answer:
        workspace, incident, relation = self._relation(asked)
        return self._relation_shown(workspace, incident, Document(name_for(asked), relation, ""))

    def unrelate(self, asked: Asked) -> Answer:
        workspace, incident, relation = self._relation(asked)
        document = self._related((workspace.name, incident), relation)
        if document is None:
            raise NotFound("the incident has no such relation")
        self._incidents.relations.delete((workspace.name, incident), document.name, by=self.house.author(asked))
        return Answer(body="")

    def would_unrelate(self, asked: Asked) -> Answer:
        workspace, incident, relation = self._relation(asked)
        if self._related((workspace.name, incident), relation) is None:
            raise NotFound("the incident has no such relation")
        return Answer(body="")

    def _relation(self, asked: Asked) -> tuple[Workspace, str, IncidentRelation]:
        given = fields(asked, "incidentArmId", "relatedResourceId")
        workspace, (name,) = self.house.resource(asked, Action.RESPOND, wanted(given, "incidentArmId"), "Incidents")
        incident = self._incidents.get((workspace.name,), name)
        id = text(wanted(given, "relatedResourceId"))
        collection = id.rstrip("/").split("/")[-2:][0].lower()
        kinds = {"entities": RelatedKind.ALERT, "bookmarks": RelatedKind.BOOKMARK}
        if collection not in kinds:
            raise Invalid(f"`{id[:300]}` is not the id of an alert or a bookmark")
        where, (related,) = self.house.resource(asked, Action.RESPOND, id, collection)
        if where.id != workspace.id:
            raise Invalid("an incident can't be related to what is in another workspace")
        kept: Any = self._alerts if kinds[collection] is RelatedKind.ALERT else self.house.detection.bookmarks
        kept.get((workspace.name,), related)
        return workspace, incident.name, IncidentRelation(kinds[collection], related)

    def _related(self, owner: Owner, relation: IncidentRelation) -> Document[IncidentRelation] | None:
        wanted = (relation.kind, relation.related.lower())
        known = self._incidents.relations.list(owner)
        return next((d for d in known if (d.value.kind, d.value.related.lower()) == wanted), None)

    def _relation_shown(self, workspace: Workspace, incident: str, document: Document[IncidentRelation]) -> Answer:
        sentinel = self.house.sentinel(workspace)
        return answer(shapes.relation_shown(sentinel, self._id(workspace, incident), document), 201)

    # -- bookmarks, indicators -------------------------------------------------------

    def bookmarks(self, asked: Asked) -> Answer:
        workspace, count = (
            self.house.workspace(asked, Action.READ, asked.arguments["workspace"]),
            asked.arguments["count"],
        )
        if not count.isdecimal():
            raise Invalid(f"`{count[:60]}` is not a number of bookmarks")
        found = self.house.detection.bookmarks.list((workspace.name,))[: int(count[:9])]
        sentinel = self.house.sentinel(workspace)
        return answer({"value": [shapes.bookmark_shown(sentinel, d) for d in found]})

    def bookmark(self, asked: Asked) -> Answer:
        workspace = self.house.workspace(asked, Action.READ, asked.arguments["workspace"])
        document = self.house.detection.bookmarks.get((workspace.name,), asked.arguments["bookmark"])
        return answer(shapes.bookmark_shown(self.house.sentinel(workspace), document))

    def delete_bookmark(self, asked: Asked) -> Answer:
        workspace = self.house.workspace(asked, Action.AUTHOR, asked.arguments["workspace"])
        bookmarks, owner = self.house.detection.bookmarks, (workspace.name,)
        gone = bookmarks.delete(owner, asked.arguments["bookmark"], by=self.house.author(asked))
        return Answer(200 if gone else 204, body="")

    def upload(self, asked: Asked) -> Answer:
        workspace, objects, source = self._upload(asked)
        found = gathered(objects, source)
        self.house.intel.take(workspace, found, asked.done)
        return answer({"errors": [{"recordId": id, "errorMessages": [said]} for id, said in found.refused]})

    def would_upload(self, asked: Asked) -> Answer:
        _, objects, source = self._upload(asked)
        found = gathered(objects, source)
        return answer({"errors": [{"recordId": id, "errorMessages": [said]} for id, said in found.refused]})

    def _upload(self, asked: Asked) -> tuple[Workspace, list[Any], str]:
        given = fields(asked, "sourcesystem", "indicators", "stixobjects", "value")
        workspace = self.house.workspace(asked, Action.AUTHOR, asked.arguments["workspace"])
        objects = next((given[n] for n in ("stixobjects", "indicators", "value") if n in given), None)
        if not isinstance(objects, list):
            raise Invalid("the body holds no list of `indicators` or `stixobjects`")
        if len(objects) > MOST_INDICATORS:
            raise Invalid(f"an upload holds at most {MOST_INDICATORS} objects, and this one {len(objects)}")
        return workspace, objects, text(wanted(given, "sourcesystem"))

    # -- in general ------------------------------------------------------------------

    @property
    def _incidents(self) -> Any:
        return self.house.detection.incidents

    @property
    def _alerts(self) -> Any:
        return self.house.detection.alerts

    def _of_alert(self, workspace: Workspace, alert: str) -> Document[Incident]:
        owner = (workspace.name,)
        # Some designers' expressions encode an id twice.
        found = self._alerts.find(owner, alert) or self._alerts.get(owner, unquote(alert))
        if not found.value.incident:
            raise NotFound(f"the alert `{found.name}` belongs to no incident")
        incident: Document[Incident] = self._incidents.get(owner, found.value.incident)
        return incident

    def _id(self, workspace: Workspace, incident: str) -> str:
        return f"{self.house.sentinel(workspace)}/Incidents/{incident}"

    def _shown(self, workspace: Workspace, document: Document[Incident]) -> Answer:
        owner, base = (workspace.name,), self.house.base_url
        return answer(shapes.incident_shown(self.house.sentinel(workspace), self._incidents, owner, document, base))

    def _as_if(
        self, asked: Asked, document: Document[Incident], change: Callable[[Incident], Incident]
    ) -> Document[Incident]:
        by, now = self.house.author(asked), asked.context.now
        return replace(document, value=stamped(change(document.value), document.value, by, now))


def _entities(kind: str, name: str) -> Callable[[Asked], Answer]:
    return lambda asked: answer({name: shapes.of_kind(shapes.listed(asked.body), kind)})


_SAID = ("title", "description", "severity", "status", "classification", "owner", "ownerAction")


def _changing(given: Mapping[str, Any]) -> Callable[[Incident], Incident]:
    """What a body makes of an incident; `Invalid` at once where it can't be."""
    severity = _one(Severity, "severity", given.get("severity"))
    status = _one(IncidentStatus, "status", given.get("status"))
    kind, reason, comment = _classified(given.get("classification"))
    if kind is not None and status is not IncidentStatus.CLOSED:
        raise Invalid("only a closed incident is classified: `status` must be `Closed`, too")
    action = text(given.get("ownerAction")).lower()
    if action not in ("", "assign", "unassign"):
        raise Invalid(f"the owner action `{action[:60]}` is not supported; there are Assign and Unassign")
    who = text(given.get("owner")).strip()
    if action == "assign" and not who:
        raise Invalid("`ownerAction` is `Assign`, and there is no `owner`")
    add = _tags(given.get("tagsToAdd"), "TagsToAdd")
    remove = {tag.lower() for tag in _tags(given.get("tagsToRemove"), "TagsToRemove")}

    def changed(incident: Incident) -> Incident:
        made = incident
        if given.get("title") is not None:
            made = replace(made, title=text(given["title"]))
        if given.get("description") is not None:
            made = replace(made, description=text(given["description"]) or None)
        if severity is not None:
            made = replace(made, severity=severity)
        if status is not None:
            made = replace(made, status=status)
        if kind is not None:
            made = replace(
                made, classification=kind, classification_reason=reason, classification_comment=comment or None
            )
        if action == "unassign":
            made = replace(made, owner=IncidentOwner())
        elif who:
            made = replace(made, owner=_owner(who))
        had = {label.label_name.lower() for label in made.labels}
        labels = (*made.labels, *(Label(tag) for tag in add if tag.lower() not in had))
        return replace(made, labels=tuple(x for x in labels if x.label_name.lower() not in remove))

    return changed


def _one(values: type[T], what: str, given: Any) -> T | None:
    if given is None:
        return None
    known: Any = values
    found = next((v for v in known if v.value.lower() == text(given).strip().lower()), None)
    if found is None:
        raise Invalid(f"the {what} `{text(given)[:60]}` is not supported; there are {', '.join(known)}")
    one: T = found
    return one


def _classified(given: Any) -> tuple[Classification | None, ClassificationReason | None, str]:
    """`BenignPositive - SuspiciousButExpected`, also with blanks in the words, and what is said of it."""
    if given is None:
        return None, None, ""
    body = given if isinstance(given, Mapping) else {"ClassificationAndReason": given}
    named = {k.lower(): v for k, v in body.items()}
    if unknown := set(named) - {"classificationandreason", "classificationreasontext"}:
        raise Invalid(f"`{min(unknown)[:60]}` is not supported in `classification`")
    both = text(named.get("classificationandreason"))
    kind_text, _, reason_text = ("".join(part.split()) for part in both.partition("-"))
    kind = _one(Classification, "classification", kind_text)
    reason = _one(ClassificationReason, "classification reason", reason_text or None)
    if kind is not None and reason is not None and reason not in REASONS[kind]:
        raise Invalid(f"the classification reason `{reason}` doesn't fit `{kind}`")
    return kind, reason, text(named.get("classificationreasontext"))


def _tags(given: Any, name: str) -> list[str]:
    """The tags of `{"TagsToAdd": [{"Tag": "…"}]}`; empty ones are none."""
    if isinstance(given, Mapping):
        given = next((v for k, v in given.items() if k.lower() == name.lower()), None)
    if given is None:
        return []
    if not isinstance(given, list):
        raise Invalid(f"`{name}` is not a list of tags")
    found = []
    for one in given:
        tag = next((v for k, v in one.items() if k.lower() == "tag"), None) if isinstance(one, Mapping) else one
        if said := text(tag).strip():
            found.append(said[:1000])
    return list(dict.fromkeys(found))


def _owner(who: str) -> IncidentOwner:
    if "@" in who:
        return IncidentOwner(email=who, assigned_to=who, user_principal_name=who, owner_type=OwnerType.USER)
    return IncidentOwner(object_id=who, assigned_to=who)


def _comment_of(given: Any) -> IncidentComment:
    message = given if isinstance(given, str) else text(given)
    if not message.strip():
        raise Invalid("a comment has a text")
    if len(message) > LONGEST_COMMENT:
        raise Invalid(f"a comment has at most {LONGEST_COMMENT:,} letters, and this one {len(message):,}")
    return IncidentComment(message)


def _completed(task: IncidentTask) -> IncidentTask:
    return replace(task, status=TaskStatus.COMPLETED)


_CLOSED_AS = {
    "resolved": "TruePositive - SuspiciousActivity",
    "truepositive": "TruePositive - SuspiciousActivity",
    "falsepositive": "FalsePositive - IncorrectAlertLogic",
    "dismissed": "Undetermined",
    "other": "Undetermined",
    "undetermined": "Undetermined",
    "": "Undetermined",
}
"""Why an incident was closed, by the words of the connector's first version."""


def _old_status(asked: Asked) -> dict[str, Any]:
    given = fields(asked, "CloseReason", "CloseReasonText") if asked.body not in (None, "") else {}
    status = asked.arguments["status"]
    if status.lower() != "closed":
        return {"status": status}
    reason = "".join(text(given.get("CloseReason")).split()).lower()
    if reason not in _CLOSED_AS:
        raise Invalid(f"the reason `{text(given.get('CloseReason'))[:60]}` for closing is not supported")
    said = text(given.get("CloseReasonText"))
    return {
        "status": status,
        "classification": {"ClassificationAndReason": _CLOSED_AS[reason], "ClassificationReasonText": said},
    }
