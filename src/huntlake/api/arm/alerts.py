"""Alerts and entities, as they stand in other answers."""

from __future__ import annotations

from typing import Any

from huntlake.api.arm.resource import SENTINEL, Place
from huntlake.detection.alerts import Alert
from huntlake.detection.entities import Entity
from huntlake.state.documents import Document


def sentinel_of(place: Place) -> str:
    """The id of the workspace's Sentinel, which everything in it begins with."""
    return "/".join(place.path.split("/")[: SENTINEL.count("/") + 1])


def alert_resource(place: Place, document: Document[Alert]) -> dict[str, Any]:
    """An alert, which is an entity of the kind `SecurityAlert`."""
    alert = document.value
    return {
        "id": f"{sentinel_of(place)}/Entities/{document.name}",
        "name": document.name,
        "type": "Microsoft.SecurityInsights/Entities",
        "kind": "SecurityAlert",
        "properties": {
            "systemAlertId": document.name,
            "friendlyName": alert.title,
            "alertDisplayName": alert.title,
            "alertType": alert.alert_type,
            "description": alert.description,
            "severity": alert.severity,
            "status": alert.status,
            "productName": alert.product,
            "providerAlertId": document.name,
            "vendorName": alert.vendor,
            "confidenceLevel": "Unknown",
            "tactics": list(alert.tactics),
            "startTimeUtc": alert.started,
            "endTimeUtc": alert.ended,
            "timeGenerated": alert.created,
            "processingEndTime": alert.modified,
            "resourceIdentifiers": [],
            "additionalData": dict(alert.more),
        },
    }


def entity_resource(place: Place, entity: Entity) -> dict[str, Any]:
    """An entity."""
    return {
        "id": f"{sentinel_of(place)}/Entities/{entity.id}",
        "name": entity.id,
        "type": "Microsoft.SecurityInsights/Entities",
        "kind": entity.kind,
        "properties": dict(entity.properties),
    }
