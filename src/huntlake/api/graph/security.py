"""Incidents and alerts, as Microsoft Graph shows and changes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from huntlake.core.errors import Invalid
from huntlake.detection.alerts import Alert, AlertStatus
from huntlake.detection.incidents import Classification, Incident, IncidentOwner, IncidentStatus, Label
from huntlake.detection.severity import Severity
from huntlake.state.documents import Document

INCIDENT_STATUS = {
    IncidentStatus.NEW: "active",
    IncidentStatus.ACTIVE: "inProgress",
    IncidentStatus.CLOSED: "resolved",
}
ALERT_STATUS = {
    AlertStatus.NEW: "new",
    AlertStatus.IN_PROGRESS: "inProgress",
    AlertStatus.RESOLVED: "resolved",
    AlertStatus.DISMISSED: "resolved",
}
CLASSIFICATION = {
    Classification.UNDETERMINED: "unknown",
    Classification.TRUE_POSITIVE: "truePositive",
    Classification.BENIGN_POSITIVE: "informationalExpectedActivity",
    Classification.FALSE_POSITIVE: "falsePositive",
}
DETERMINATIONS = frozenset(
    "unknown apt malware securityPersonnel securityTesting unwantedSoftware other multiStagedAttack "
    "compromisedAccount phishing maliciousUserActivity notMalicious notEnoughDataToValidate confirmedActivity "
    "lineOfBusinessApplication".split()
)
_SOURCES = {"Azure Sentinel": "microsoftSentinel", "Microsoft Sentinel": "microsoftSentinel"}


class _Change(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)


class IncidentChange(_Change):
    """What a PATCH may change of an incident."""

    assigned_to: str | None = None
    classification: str | None = None
    custom_tags: tuple[str, ...] | None = None
    description: str | None = Field(None, max_length=50_000)
    determination: str | None = None
    display_name: str | None = Field(None, min_length=1, max_length=1000)
    resolving_comment: str | None = Field(None, max_length=50_000)
    severity: str | None = None
    status: str | None = None
    odata_type: str | None = Field(None, alias="@odata.type")


class AlertChange(_Change):
    """What a PATCH may change of an alert."""

    assigned_to: str | None = None
    classification: str | None = None
    determination: str | None = None
    status: str | None = None
    odata_type: str | None = Field(None, alias="@odata.type")


class CommentGiven(_Change):
    """A comment."""

    comment: str = Field(min_length=1, max_length=30_000)
    odata_type: str | None = Field(None, alias="@odata.type")


def incident_shown(base: str, tenant: str, document: Document[Incident]) -> dict[str, Any]:
    """An incident; its id is its number."""
    incident = document.value
    owner = incident.owner
    return {
        "id": str(incident.number),
        "tenantId": tenant,
        "status": INCIDENT_STATUS[incident.status],
        "incidentWebUrl": f"{base}/incidents/{incident.number}",
        "redirectIncidentId": None,
        "displayName": incident.title,
        "createdDateTime": incident.created,
        "lastUpdateDateTime": incident.modified,
        "assignedTo": owner.user_principal_name or owner.email or owner.assigned_to,
        "classification": CLASSIFICATION[incident.classification or Classification.UNDETERMINED],
        "determination": incident.determination or "unknown",
        "severity": incident.severity.lower(),
        "customTags": [label.label_name for label in incident.labels if label.label_type == "User"],
        "systemTags": [label.label_name for label in incident.labels if label.label_type != "User"],
        "description": incident.description,
        "lastModifiedBy": incident.modified_by.name if incident.modified_by else None,
        "resolvingComment": incident.classification_comment,
        "summary": None,
    }


def alert_shown(base: str, tenant: str, document: Document[Alert], number: int | None) -> dict[str, Any]:
    """An alert; its incident is named by its number."""
    alert = document.value
    source = _SOURCES.get(alert.product, "unknown")
    return {
        "id": document.name,
        "providerAlertId": document.name,
        "incidentId": str(number) if number is not None else None,
        "status": ALERT_STATUS[alert.status],
        "severity": alert.severity.lower(),
        "classification": alert.classification or None,
        "determination": alert.determination or None,
        "serviceSource": source,
        "detectionSource": "scheduledAlerts" if alert.rule else source,
        "detectorId": alert.rule or None,
        "productName": alert.product,
        "tenantId": tenant,
        "title": alert.title,
        "description": alert.description,
        "recommendedActions": "",
        "category": alert.tactics[0].value if alert.tactics else None,
        "assignedTo": alert.assigned_to or None,
        "alertWebUrl": f"{base}/alerts/{document.name}",
        "incidentWebUrl": f"{base}/incidents/{number}" if number is not None else None,
        "mitreTechniques": list(alert.techniques),
        "createdDateTime": alert.created,
        "lastUpdateDateTime": alert.modified,
        "resolvedDateTime": alert.resolved,
        "firstActivityDateTime": alert.started,
        "lastActivityDateTime": alert.ended,
        "systemTags": [],
        "comments": [comment_shown(c.text, c.by.name, c.at) for c in alert.comments],
        "evidence": [],
        "customDetails": dict(alert.more),
    }


def comment_shown(text: str, by: str, at: datetime | None) -> dict[str, Any]:
    """A comment."""
    return {
        "@odata.type": "#microsoft.graph.security.alertComment",
        "comment": text,
        "createdByDisplayName": by,
        "createdDateTime": at,
    }


def changed_incident(incident: Incident, change: IncidentChange) -> Incident:
    """The incident with what a PATCH says."""
    made = incident
    if "status" in change.model_fields_set:
        made = replace(made, status=_named("status", INCIDENT_STATUS, change.status))
    if "classification" in change.model_fields_set:
        kind = _named("classification", CLASSIFICATION, change.classification)
        made = replace(made, classification=kind, classification_reason=None)
        if made.status is not IncidentStatus.CLOSED:
            raise Invalid("only a resolved incident is classified: set its `status` to `resolved`, too")
    if "determination" in change.model_fields_set:
        made = replace(made, determination=_determination(change.determination))
    if change.severity is not None:
        made = replace(made, severity=_severity(change.severity))
    if "assigned_to" in change.model_fields_set:
        who = change.assigned_to or None
        made = replace(made, owner=IncidentOwner(assigned_to=who, user_principal_name=who))
    if change.custom_tags is not None:
        others = tuple(label for label in made.labels if label.label_type != "User")
        made = replace(made, labels=(*(Label(tag) for tag in change.custom_tags), *others))
    if "description" in change.model_fields_set:
        made = replace(made, description=change.description)
    if change.display_name is not None:
        made = replace(made, title=change.display_name)
    if "resolving_comment" in change.model_fields_set:
        made = replace(made, classification_comment=change.resolving_comment)
    return made


def changed_alert(alert: Alert, change: AlertChange) -> Alert:
    """The alert with what a PATCH says."""
    made = alert
    if "status" in change.model_fields_set:
        made = replace(made, status=_named("status", ALERT_STATUS, change.status))
    if "classification" in change.model_fields_set:
        _named("classification", CLASSIFICATION, change.classification)
        made = replace(made, classification=change.classification or "")
    if "determination" in change.model_fields_set:
        made = replace(made, determination=_determination(change.determination))
    if "assigned_to" in change.model_fields_set:
        made = replace(made, assigned_to=change.assigned_to or "")
    return made


def _named(what: str, names: Mapping[Any, str], value: str | None) -> Any:
    for known, name in names.items():
        if name == value:
            return known
    raise Invalid(
        f"the {what} `{str(value)[:60]}` is not supported; there are {', '.join(dict.fromkeys(names.values()))}"
    )


def _determination(value: str | None) -> str:
    if value is not None and value not in DETERMINATIONS:
        raise Invalid(
            f"the determination `{value[:60]}` is not supported; there are {', '.join(sorted(DETERMINATIONS))}"
        )
    return value or ""


def _severity(value: str) -> Severity:
    found = next((s for s in Severity if s.lower() == value.lower()), None)
    if found is None:
        raise Invalid(
            f"the severity `{value[:60]}` is not supported; there are {', '.join(s.lower() for s in Severity)}"
        )
    return found
