"""What a playbook that is set off by an incident, an alert or an entity is given, in Sentinel's own form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from huntlake.detection.alerts import Alert
from huntlake.detection.casebook import Tally
from huntlake.detection.entities import Entity
from huntlake.detection.entity_types import ENTITY_TYPES
from huntlake.detection.incidents import Incident, IncidentComment
from huntlake.detection.service import Detection
from huntlake.playbooks.automation import Updates
from huntlake.playbooks.connectors.sentinel_shapes import alert_shown, comment_shown, entity_shown, incident_shown
from huntlake.state.documents import Document

_MOST = 1000
"""Alerts, entities and comments that an incident is given with."""
_TYPES = {t.kind.lower(): t for t in ENTITY_TYPES.values()}


@dataclass(frozen=True, slots=True)
class Ground:
    """The workspace that something happened in, as Azure names it."""

    workspace: str
    workspace_id: str
    subscription: str
    group: str
    base_url: str = ""

    @property
    def sentinel(self) -> str:
        """The resource id of its Sentinel."""
        return (
            f"/subscriptions/{self.subscription}/resourceGroups/{self.group}/providers/"
            f"Microsoft.OperationalInsights/workspaces/{self.workspace}/providers/Microsoft.SecurityInsights"
        )


@dataclass(frozen=True, slots=True)
class Told:
    """An incident with what a playbook is told of it."""

    incident: Document[Incident]
    held: Tally
    alerts: Sequence[Document[Alert]] = ()
    entities: Sequence[Entity] = ()
    comments: Sequence[Document[IncidentComment]] = ()


def of_incident(
    ground: Ground, detection: Detection, incident: Document[Incident], updates: Updates | None = None
) -> dict[str, Any]:
    """The body of the incident trigger."""
    owner, incidents, name = (ground.workspace,), detection.incidents, incident.name
    comments = incidents.comments.list((*owner, name))
    told = Told(
        incident,
        incidents.tally(owner, name),
        incidents.alerts(owner, name),
        incidents.entities(owner, name),
        comments,
    )
    return of_told(ground, told, updates)


def of_told(ground: Ground, told: Told, updates: Updates | None = None) -> dict[str, Any]:
    """The body of the incident trigger, for an incident of which all is known."""
    shown = incident_shown(ground.sentinel, told.incident, told.held, ground.base_url)
    shown["properties"] |= {
        "Alerts": [alert_shown(ground.sentinel, a) for a in told.alerts[:_MOST]],
        "relatedEntities": [entity_shown(ground.sentinel, e) for e in told.entities[:_MOST]],
        "Comments": [comment_shown(shown["id"], c) for c in told.comments[:_MOST]],
        "Bookmarks": [],
    }
    body = {"objectSchemaType": "Incident", "objectEventType": "Create", **_places(ground), "object": shown}
    if updates is not None:
        body["objectEventType"] = "Update"
        body["incidentUpdates"] = {
            "updatedFields": list(updates.fields),
            "updatedBy": {"name": updates.by, "source": updates.source.value},
            "alerts": [{"id": f"{ground.sentinel}/Entities/{a}", "name": a} for a in updates.alerts],
            "comments": [{"properties": {"message": c}} for c in updates.comments],
            "labels": [{"labelName": name} for name in updates.labels],
            "tactics": list(updates.tactics),
        }
    return _json(body)


def of_alert(ground: Ground, alert: Document[Alert]) -> dict[str, Any]:
    """The body of the alert trigger."""
    value = alert.value
    return _json(
        {
            "TenantId": ground.workspace_id,
            "WorkspaceId": ground.workspace_id,
            "WorkspaceSubscriptionId": ground.subscription,
            "WorkspaceResourceGroup": ground.group,
            "WorkspaceName": ground.workspace,
            "SystemAlertId": alert.name,
            "ProviderAlertId": alert.name,
            "AlertDisplayName": value.title,
            "AlertName": value.title,
            "AlertType": value.alert_type,
            "Description": value.description,
            "Severity": value.severity.value,
            "Status": value.status.value,
            "ProductName": value.product,
            "ProviderName": value.provider,
            "VendorName": value.vendor,
            "Tactics": ", ".join(t.value for t in value.tactics),
            "Techniques": list(value.techniques),
            "StartTimeUtc": value.started,
            "EndTimeUtc": value.ended,
            "TimeGenerated": value.created,
            "AlertUri": f"{ground.base_url}{ground.sentinel}/Entities/{alert.name}",
            "CompromisedEntity": str(value.more.get("CompromisedEntity", "")),
            "Entities": [_of_alert(e) for e in value.entities[:_MOST]],
            "ExtendedProperties": dict(value.more),
        }
    )


def of_entity(ground: Ground, entity: Entity, incident: str = "") -> dict[str, Any]:
    """The body of the entity trigger; `incident` is the name of the one in which a person looks at the entity."""
    shown = entity_shown(ground.sentinel, entity)
    type = _TYPES.get(entity.kind.lower())
    # Workflows spell what is known of an entity in both ways, and find it in any case.
    held = {k.lower() for k in entity.properties}
    spelled = {k: v for k, v in (_spelled(type.identifiers, entity) if type else {}).items() if k.lower() not in held}
    shown["properties"] = {**shown["properties"], **spelled}
    arm = f"{ground.sentinel}/Incidents/{incident}" if incident else None
    return _json({**_places(ground), "Entity": shown, "IncidentArmID": arm})


def _places(ground: Ground) -> dict[str, Any]:
    return {
        "workspaceInfo": {
            "SubscriptionId": ground.subscription,
            "ResourceGroupName": ground.group,
            "WorkspaceName": ground.workspace,
        },
        "workspaceId": ground.workspace_id,
    }


def _of_alert(entity: Entity) -> dict[str, Any]:
    type = _TYPES.get(entity.kind.lower())
    if type is None:
        return {"Type": entity.kind.lower(), **entity.properties}
    return {"$id": entity.id, "Type": type.alert_type, **_spelled(type.identifiers, entity)}


def _spelled(identifiers: Mapping[str, str], entity: Entity) -> dict[str, Any]:
    names = {property.lower(): identifier for identifier, property in identifiers.items()}
    return {names.get(name.lower(), name): value for name, value in entity.properties.items()}


def _json(body: Any) -> dict[str, Any]:
    made: dict[str, Any] = orjson.loads(orjson.dumps(body, option=orjson.OPT_UTC_Z, default=str))
    return made
