"""Alerts in the form in which Defender tells them.

https://learn.microsoft.com/defender-endpoint/api/alerts
"""

from __future__ import annotations

from typing import Any

from huntlake.detection.alerts import Alert, AlertStatus
from huntlake.state.documents import Document

_STATUS = {
    AlertStatus.NEW: "New",
    AlertStatus.IN_PROGRESS: "InProgress",
    AlertStatus.RESOLVED: "Resolved",
    AlertStatus.DISMISSED: "Resolved",
}


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


def _upper(name: str) -> str | None:
    return name[:1].upper() + name[1:] or None
