"""Alerts and incidents as rows of `SecurityAlert` and `SecurityIncident`, and how their rows are kept.

Each change of an alert or an incident is a row, as it is in Sentinel: `arg_max(TimeGenerated, *)` gives the last.
Cells are JSON; what is nothing is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import orjson

from huntlake.detection.alerts import Alert
from huntlake.detection.extraction import entities_json
from huntlake.detection.incidents import Incident, IncidentComment, IncidentTask
from huntlake.state.documents import Append, Json
from huntlake.state.records import Author, Owner

ALERTS, INCIDENTS, HEALTH, AUDIT = "SecurityAlert", "SecurityIncident", "SentinelHealth", "SentinelAudit"
TABLES = (ALERTS, INCIDENTS, HEALTH, AUDIT)
"""The tables whose rows are kept so, and can be written together with what they are about."""

_COMPONENTS = {"ASI Scheduled Alerts": "Scheduled Alerts", "ASI NRT Alerts": "NRT Alerts"}


@dataclass(frozen=True, slots=True)
class Held:
    """What an incident holds at one moment, by name."""

    alerts: Mapping[str, Alert] = field(default_factory=dict)
    bookmarks: Sequence[str] = ()
    comments: Mapping[str, IncidentComment] = field(default_factory=dict)
    tasks: Mapping[str, IncidentTask] = field(default_factory=dict)

    @property
    def tactics(self) -> tuple[str, ...]:
        """The tactics of its alerts, each once."""
        return tuple(dict.fromkeys(t.value for a in self.alerts.values() for t in a.tactics))

    @property
    def techniques(self) -> tuple[str, ...]:
        """The techniques of its alerts, each once."""
        return tuple(dict.fromkeys(t for a in self.alerts.values() for t in a.techniques))

    @property
    def products(self) -> tuple[str, ...]:
        """The products that raised its alerts, each once."""
        return tuple(dict.fromkeys(a.product for a in self.alerts.values()))


def collection(workspace: str, table: str) -> str:
    """Where the rows of a table are kept, under numbers."""
    return f"rows of {workspace}/{table}"


def row(owner: Owner, table: str, cells: Mapping[str, Any]) -> Append:
    """What keeps a row: to be written with the change that it is about."""
    return Append(collection(owner[0], table), cast("Json", {k: v for k, v in cells.items() if v not in (None, "")}))


def alert_cells(name: str, alert: Alert, at: datetime) -> dict[str, Any]:
    """A row of `SecurityAlert`."""
    whole = tuple(t for t in alert.techniques if "." not in t)
    return {
        "TimeGenerated": written(at),
        "AlertName": alert.title,
        "DisplayName": alert.title,
        "AlertSeverity": alert.severity.value,
        "AlertType": alert.alert_type,
        "Description": alert.description,
        "StartTime": written(alert.started),
        "EndTime": written(alert.ended),
        "ProcessingEndTime": written(alert.created or at),
        "SystemAlertId": name,
        "VendorOriginalId": name,
        "ProductName": alert.product,
        "ProductComponentName": _COMPONENTS.get(alert.provider),
        "ProviderName": alert.provider,
        "VendorName": alert.vendor,
        "Status": alert.status.value,
        "Tactics": ", ".join(alert.tactics),
        "Techniques": _json(whole) if whole else "",
        "SubTechniques": _json([t for t in alert.techniques if "." in t]) if len(whole) < len(alert.techniques) else "",
        "Entities": entities_json(alert.entities) if alert.entities else "",
        "ExtendedProperties": _json(dict(alert.more)),
        "IsIncident": False,
        "SourceSystem": "Detection",
        "Type": ALERTS,
    }


def incident_cells(name: str, incident: Incident, held: Held, by: Author, at: datetime) -> dict[str, Any]:
    """A row of `SecurityIncident`."""
    owner = incident.owner
    return {
        "TimeGenerated": written(at),
        "IncidentName": name,
        "IncidentNumber": incident.number,
        "Title": incident.title,
        "Description": incident.description,
        "Severity": incident.severity.value,
        "Status": incident.status.value,
        "Classification": incident.classification,
        "ClassificationReason": incident.classification_reason,
        "ClassificationComment": incident.classification_comment,
        "Owner": _json(
            {
                "objectId": owner.object_id,
                "email": owner.email,
                "assignedTo": owner.assigned_to,
                "userPrincipalName": owner.user_principal_name,
            }
        ),
        "ProviderName": "Azure Sentinel",
        "ProviderIncidentId": str(incident.number),
        "FirstActivityTime": written(incident.first_activity),
        "LastActivityTime": written(incident.last_activity),
        "FirstModifiedTime": written(incident.created),
        "LastModifiedTime": written(at),
        "CreatedTime": written(incident.created),
        "ClosedTime": written(incident.closed),
        "RelatedAnalyticRuleIds": _json(incident.rules),
        "AlertIds": _json(tuple(held.alerts)),
        "BookmarkIds": _json(tuple(held.bookmarks)),
        "Comments": _json([_comment(n, c) for n, c in held.comments.items()]),
        "Tasks": _json([_task(n, t) for n, t in held.tasks.items()]),
        "Labels": _json([{"labelName": x.label_name, "labelType": x.label_type} for x in incident.labels]),
        "AdditionalData": _json(
            {
                "alertsCount": len(held.alerts),
                "bookmarksCount": len(held.bookmarks),
                "commentsCount": len(held.comments),
                "alertProductNames": held.products,
                "tactics": held.tactics,
                "techniques": held.techniques,
            }
        ),
        "ModifiedBy": by.name,
        "SourceSystem": "Azure",
        "Type": INCIDENTS,
    }


def written(at: datetime | None) -> str | None:
    """A time as a cell holds it."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat() if at else None


def _comment(name: str, comment: IncidentComment) -> dict[str, Any]:
    return {
        "id": name,
        "message": comment.message,
        "createdTimeUtc": comment.created,
        "lastModifiedTimeUtc": comment.modified,
        "author": _author(comment.author),
    }


def _task(name: str, task: IncidentTask) -> dict[str, Any]:
    return {
        "id": name,
        "title": task.title,
        "description": task.description,
        "status": task.status,
        "createdTimeUtc": task.created,
        "lastModifiedTimeUtc": task.modified,
        "createdBy": _author(task.created_by),
    }


def _author(by: Author | None) -> dict[str, str | None] | None:
    if by is None:
        return None
    return {"objectId": by.object_id or None, "name": by.name, "email": by.email or None}


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
