"""Alerts, as Defender shows and changes them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pydantic import Field

from huntlake.api.arm.wire import Part
from huntlake.core.errors import Invalid
from huntlake.detection.alerts import Alert, AlertComment, AlertStatus
from huntlake.state.documents import Document

_STATUS = {
    AlertStatus.NEW: "New",
    AlertStatus.IN_PROGRESS: "InProgress",
    AlertStatus.RESOLVED: "Resolved",
    AlertStatus.DISMISSED: "Resolved",
}
_CLASSIFICATIONS = ("TruePositive", "InformationalExpectedActivity", "FalsePositive")


class AlertChange(Part):
    """What a PATCH may change of an alert."""

    status: str | None = Field(None, pattern="^(New|InProgress|Resolved)$")
    assigned_to: str | None = None
    classification: str | None = None
    determination: str | None = Field(None, max_length=100)
    comment: str | None = Field(None, max_length=30_000)


def alert_shown(document: Document[Alert], number: int | None) -> dict[str, Any]:
    """An alert; its incident is named by its number."""
    alert = document.value
    machine = next((e for e in alert.entities if e.kind == "Host"), None)
    return {
        "id": document.name,
        "incidentId": number,
        "investigationId": None,
        "investigationState": "UnsupportedAlertType",
        "assignedTo": alert.assigned_to or None,
        "severity": alert.severity,
        "status": _STATUS[alert.status],
        "classification": _upper(alert.classification),
        "determination": _upper(alert.determination),
        "detectionSource": "CustomDetection" if alert.rule else alert.product,
        "detectorId": alert.rule or None,
        "category": alert.tactics[0].value if alert.tactics else None,
        "threatFamilyName": None,
        "title": alert.title,
        "description": alert.description,
        "alertCreationTime": alert.created,
        "firstEventTime": alert.started,
        "lastEventTime": alert.ended,
        "lastUpdateTime": alert.modified,
        "resolvedTime": alert.resolved,
        "machineId": machine.properties.get("deviceId") if machine else None,
        "computerDnsName": machine.properties.get("hostName") if machine else None,
        "mitreTechniques": list(alert.techniques),
        "comments": [{"comment": c.text, "createdBy": c.by.name, "createdTime": c.at} for c in alert.comments],
        "evidence": [{"entityType": e.kind, **e.properties} for e in alert.entities],
    }


def changed(alert: Alert, change: AlertChange, comment: AlertComment | None) -> Alert:
    """The alert with what a PATCH says."""
    made = alert
    if change.status is not None:
        made = replace(made, status=AlertStatus(change.status))
    if change.assigned_to is not None:
        made = replace(made, assigned_to=change.assigned_to)
    if change.classification is not None:
        if change.classification not in _CLASSIFICATIONS:
            told = ", ".join(_CLASSIFICATIONS)
            raise Invalid(f"the classification `{change.classification[:60]}` is not supported; there are {told}")
        made = replace(made, classification=_lower(change.classification))
    if change.determination is not None:
        made = replace(made, determination=_lower(change.determination))
    return replace(made, comments=(*made.comments, comment)) if comment else made


def _upper(name: str) -> str | None:
    return name[:1].upper() + name[1:] or None


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]
