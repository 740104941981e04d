"""Incidents, as Sentinel's connector reads and changes them; by the names of its first version, too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from huntlake.core.errors import Conflict, Invalid
from huntlake.detection.incidents import (
    REASONS,
    Classification,
    ClassificationReason,
    Incident,
    IncidentOwner,
    IncidentStatus,
    Label,
    OwnerType,
    stamped,
)
from huntlake.detection.severity import Severity
from huntlake.identity.rights import Action
from huntlake.playbooks.answers import answer
from huntlake.playbooks.connectors import sentinel_shapes as shapes
from huntlake.playbooks.connectors.connector import Asked, Effect, Operation
from huntlake.playbooks.connectors.house import fields, name_for, wanted
from huntlake.playbooks.connectors.sentinel_house import SentinelHouse
from huntlake.state.documents import Document
from huntlake.state.records import Only
from huntlake.wdl.expressions.values import text
from huntlake.wdl.runner.effects import Answer
from huntlake.workspace.workspaces import Workspace

T = TypeVar("T")

IN_WORKSPACE = "subscriptions/{subscription}/resourceGroups/{group}/workspaces/{workspace}"


@dataclass(frozen=True)
class SentinelIncidents(SentinelHouse):
    """Incidents."""

    def operations(self) -> tuple[Operation, ...]:
        """What can be asked of them."""
        read, write = Effect.READ, Effect.WRITE
        return (
            Operation("GetIncidentV2", "POST", "/Incidents", "An incident by its id.", read, self.incident),
            Operation(
                "GetIncidentByAlertIdV2",
                "GET",
                f"/Incidents/{IN_WORKSPACE}/alerts/{{alert}}",
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
                f"/Incidents/{IN_WORKSPACE}",
                "Make an incident.",
                write,
                self.create,
                self.would_create,
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
                "AddLabels",
                "PUT",
                "/Case/{subscription}/{workspace}/{group}/{identifier}/{id}/AddLabels",
                "Add tags to an incident, by older names.",
                write,
                self.old_labels,
                self.would_old_labels,
                atomic=True,
            ),
        )

    def incident(self, asked: Asked) -> Answer:
        given = fields(asked, "incidentArmId")
        workspace, (name,) = self.house.resource(asked, Action.READ, wanted(given, "incidentArmId"), "Incidents")
        return self.shown(workspace, self.incidents.get((workspace.name,), name))

    def incident_of_alert(self, asked: Asked) -> Answer:
        workspace = self.house.workspace(asked, Action.READ, asked.arguments["workspace"])
        return self.shown(workspace, self.of_alert(workspace, asked.arguments["alert"]))

    def case(self, asked: Asked) -> Answer:
        workspace = self.house.workspace(asked, Action.READ, asked.arguments["workspace"])
        document = self.of_alert(workspace, asked.arguments["alert"])
        return answer(shapes.case_shown(self.incidents, (workspace.name,), document))

    def update(self, asked: Asked) -> Answer:
        workspace, name, change = self._update(asked)
        document = self.incidents.change((workspace.name,), name, change, self.house.author(asked), asked.done)
        return self.shown(workspace, document)

    def would_update(self, asked: Asked) -> Answer:
        workspace, name, change = self._update(asked)
        return self.shown(workspace, self.as_if(asked, self.incidents.get((workspace.name,), name), change))

    def incident_again(self, asked: Asked) -> Answer:
        given = fields(asked, "incidentArmId", more=True)
        workspace, (name,) = self.house.resource(asked, Action.READ, wanted(given, "incidentArmId"), "Incidents")
        return self.shown(workspace, self.incidents.get((workspace.name,), name))

    def _update(self, asked: Asked) -> tuple[Workspace, str, Callable[[Incident], Incident]]:
        given = fields(asked, "incidentArmId", "tagsToAdd", "tagsToRemove", *_SAID)
        workspace, (name,) = self.house.resource(asked, Action.RESPOND, wanted(given, "incidentArmId"), "Incidents")
        return workspace, name, _changing(given)

    def create(self, asked: Asked) -> Answer:
        workspace, made = self._create(asked)
        owner, name = (workspace.name,), name_for(asked)
        try:
            document, _ = self.incidents.put(owner, name, made, self.house.author(asked), Only(create=True))
        except Conflict:
            # A process that died has made it, and could say so to nobody.
            document = self.incidents.get(owner, name)
        return self.shown(workspace, document)

    def would_create(self, asked: Asked) -> Answer:
        workspace, made = self._create(asked)
        now, by = asked.context.now, self.house.author(asked)
        return self.shown(workspace, Document(name_for(asked), stamped(made, None, by, now), ""))

    def _create(self, asked: Asked) -> tuple[Workspace, Incident]:
        given = fields(asked, "tagsToAdd", *_SAID)
        workspace = self.house.workspace(asked, Action.RESPOND, asked.arguments["workspace"])
        plain = Incident(text(wanted(given, "title")), Severity.MEDIUM, IncidentStatus.NEW)
        return workspace, _changing(given)(plain)

    def old_status(self, asked: Asked) -> Answer:
        return self._old_change(asked, _old_status(asked))

    def would_old_status(self, asked: Asked) -> Answer:
        return self._old_change(asked, _old_status(asked), only_look=True)

    def old_severity(self, asked: Asked) -> Answer:
        return self._old_change(asked, {"severity": asked.arguments["severity"]})

    def would_old_severity(self, asked: Asked) -> Answer:
        return self._old_change(asked, {"severity": asked.arguments["severity"]}, only_look=True)

    def old_labels(self, asked: Asked) -> Answer:
        return self._old_change(asked, {"tagsToAdd": _tags(_labels(asked), "Labels", "label")})

    def would_old_labels(self, asked: Asked) -> Answer:
        return self._old_change(asked, {"tagsToAdd": _tags(_labels(asked), "Labels", "label")}, only_look=True)

    def _old_change(self, asked: Asked, given: dict[str, Any], only_look: bool = False) -> Answer:
        workspace, incident = self.named(asked)
        change, by = _changing(given), self.house.author(asked)
        if only_look:
            self.as_if(asked, incident, change)
        else:
            self.incidents.change((workspace.name,), incident.name, change, by, asked.done)
        return Answer(body="")


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


def _labels(asked: Asked) -> Any:
    return wanted(fields(asked, "Labels"), "Labels")


def _tags(given: Any, name: str, key: str = "tag") -> list[str]:
    """The tags of `{"TagsToAdd": [{"Tag": "…"}]}`; empty ones are none."""
    if isinstance(given, Mapping):
        given = next((v for k, v in given.items() if k.lower() == name.lower()), None)
    if given is None:
        return []
    if not isinstance(given, list):
        raise Invalid(f"`{name}` is not a list of tags")
    found = []
    for one in given:
        tag = next((v for k, v in one.items() if k.lower() == key), None) if isinstance(one, Mapping) else one
        if said := text(tag).strip():
            found.append(said[:1000])
    return list(dict.fromkeys(found))


def _owner(who: str) -> IncidentOwner:
    if "@" in who:
        return IncidentOwner(email=who, assigned_to=who, user_principal_name=who, owner_type=OwnerType.USER)
    return IncidentOwner(object_id=who, assigned_to=who)


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
