"""What sets a tested playbook off: triggers' outputs, made of the few fields that a test says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from huntlake.detection.entity_types import EntityType, entity_type

SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
GROUP = "huntlake"
WORKSPACE = "main"
WORKSPACE_ID = "00000000-0000-0000-0000-000000000001"
_SPACE = UUID("0f6d2a0e-3a53-4d65-8f0e-0d1b9f1f9d43")
_INSIGHTS = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.OperationalInsights/workspaces/"
    f"{WORKSPACE}/providers/Microsoft.SecurityInsights"
)
_WORKSPACE_INFO = {"SubscriptionId": SUBSCRIPTION, "ResourceGroupName": GROUP, "WorkspaceName": WORKSPACE}
_LISTS = {
    "account": "Accounts",
    "host": "Hosts",
    "ip": "IPs",
    "url": "URLs",
    "filehash": "Filehashes",
    "dns": "DNSResolutions",
}
"""By the last part of the connector's path `/entities/…`, the name of the list it answers with."""


def incident(given: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The body that an incident's trigger has. What isn't given is plausible, and always the same."""
    fields = {k.lower(): v for k, v in given.items()}
    number = fields.get("number", 1)
    id = f"{_INSIGHTS}/Incidents/{_guid('incident', number)}"
    made = _moment(now - timedelta(minutes=1))
    alerts = [_alert(a, now) for a in fields.get("alerts", ())]
    entities = [related(e) for e in fields.get("entities", ())]
    properties = {
        "title": fields.get("title", "An incident"),
        "description": fields.get("description", ""),
        "severity": fields.get("severity", "Medium"),
        "status": fields.get("status", "New"),
        "owner": fields.get("owner", {"objectId": None, "email": None, "assignedTo": None, "userPrincipalName": None}),
        "labels": [
            t if isinstance(t, Mapping) else {"labelName": t, "labelType": "User"} for t in fields.get("labels", ())
        ],
        "firstActivityTimeUtc": made,
        "lastActivityTimeUtc": made,
        "lastModifiedTimeUtc": made,
        "createdTimeUtc": made,
        "incidentNumber": number,
        "incidentUrl": f"https://portal.example/incidents/{number}",
        "providerName": "Azure Sentinel",
        "providerIncidentId": str(number),
        "additionalData": {
            "alertsCount": len(alerts),
            "bookmarksCount": 0,
            "commentsCount": 0,
            "alertProductNames": sorted({a["properties"]["productName"] for a in alerts}),
            "tactics": list(fields.get("tactics", ())),
            "techniques": list(fields.get("techniques", ())),
        },
        "relatedAnalyticRuleIds": [],
        "Alerts": alerts,
        "Bookmarks": [],
        "Comments": [],
        "relatedEntities": entities,
    }
    return {
        "eventUniqueId": _guid("event", number),
        "objectSchemaType": "Incident",
        "objectEventType": "Create",
        "workspaceInfo": _WORKSPACE_INFO,
        "workspaceId": WORKSPACE_ID,
        "object": {
            "id": id,
            "name": id.rpartition("/")[2],
            "etag": '"1"',
            "type": "Microsoft.SecurityInsights/Incidents",
            "properties": properties | dict(fields.get("properties", {})),
        },
    }


def alert(given: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The body that an alert's trigger has."""
    fields = {k.lower(): v for k, v in given.items()}
    name = fields.get("title", "An alert")
    moment = _moment(now - timedelta(minutes=1))
    return {
        "WorkspaceId": WORKSPACE_ID,
        "WorkspaceSubscriptionId": SUBSCRIPTION,
        "WorkspaceResourceGroup": GROUP,
        "SystemAlertId": _guid("alert", name),
        "ProviderAlertId": _guid("provider alert", name),
        "AlertDisplayName": name,
        "AlertType": f"{WORKSPACE_ID}_{_guid('rule', name)}",
        "Description": fields.get("description", ""),
        "Severity": fields.get("severity", "Medium"),
        "ProductName": fields.get("product", "Azure Sentinel"),
        "ProviderName": fields.get("provider", "ASI Scheduled Alerts"),
        "TimeGenerated": moment,
        "StartTimeUtc": moment,
        "EndTimeUtc": moment,
        "AlertUri": "https://portal.example/alerts/1",
        "Entities": [_in_alert(e) for e in fields.get("entities", ())],
        "ExtendedProperties": dict(fields.get("details", {})),
        "Tactics": list(fields.get("tactics", ())),
    }


def entity(given: Mapping[str, Any], incident_number: Any = None) -> dict[str, Any]:
    """The body that an entity's trigger has; with the number of an incident, as if it was started there."""
    id = None if incident_number is None else f"{_INSIGHTS}/Incidents/{_guid('incident', incident_number)}"
    kind, identifiers = _identified(given)
    return {
        "workspaceInfo": _WORKSPACE_INFO,
        "workspaceId": WORKSPACE_ID,
        "IncidentArmID": id,
        "Entity": {"kind": kind.kind if kind else given.get("kind", ""), "properties": identifiers},
    }


def related(given: Mapping[str, Any]) -> dict[str, Any]:
    """An entity among those of an incident; `given` has its `kind`, and identifiers by the names that rules map."""
    kind, identifiers = _identified(given)
    named = dict(identifiers)
    if kind is not None:
        named = {kind.identifiers.get(n, n[:1].lower() + n[1:]): v for n, v in identifiers.items()}
    name = _guid("entity", sorted(map(str, named.items())))
    friendly = next((str(v) for v in named.values() if isinstance(v, str)), "")
    return {
        "id": f"{_INSIGHTS}/Entities/{name}",
        "name": name,
        "type": "Microsoft.SecurityInsights/Entities",
        "kind": kind.kind if kind else given.get("kind", ""),
        "properties": {"friendlyName": friendly, **named},
    }


def of_kind(kind: str, entities: Any) -> dict[str, Any] | None:
    """What the connector answers that is asked for the entities of one kind among those of an incident.

    `kind` is the last part of its path. None where there is no such kind.
    """
    name = _LISTS.get(kind.lower())
    wanted = {"dns": "DNS"}.get(kind.lower(), kind)
    type = entity_type(wanted)
    if name is None or type is None:
        return None
    rules = {p.lower(): i for i, p in type.identifiers.items()}
    found = []
    for one in entities if isinstance(entities, Sequence) else ():
        if isinstance(one, Mapping) and str(one.get("kind", "")).lower() == type.kind.lower():
            properties = one.get("properties") or {}
            found.append({rules.get(n.lower(), n[:1].upper() + n[1:]): v for n, v in properties.items()})
    for one in found:
        if "AdditionalData" in one:
            one["additionalData"] = one.pop("AdditionalData")
    return {name: found}


def _identified(given: Mapping[str, Any]) -> tuple[EntityType | None, dict[str, Any]]:
    kind = entity_type(str(given.get("kind", "")))
    made = {}
    for name, value in given.items():
        if name.lower() != "kind":
            made[(kind.identifier(name) if kind else None) or name] = value
    return kind, made


def _alert(given: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    body = alert(given, now)
    return {
        "id": f"{_INSIGHTS}/Entities/{body['SystemAlertId']}",
        "name": body["SystemAlertId"],
        "type": "Microsoft.SecurityInsights/Entities",
        "kind": "SecurityAlert",
        "properties": {
            "alertDisplayName": body["AlertDisplayName"],
            "friendlyName": body["AlertDisplayName"],
            "description": body["Description"],
            "severity": body["Severity"],
            "productName": body["ProductName"],
            "alertType": body["AlertType"],
            "alertLink": body["AlertUri"],
            "systemAlertId": body["SystemAlertId"],
            "providerAlertId": body["ProviderAlertId"],
            "startTimeUtc": body["StartTimeUtc"],
            "endTimeUtc": body["EndTimeUtc"],
            "timeGenerated": body["TimeGenerated"],
            "tactics": body["Tactics"],
            "additionalData": body["ExtendedProperties"],
        },
    }


def _in_alert(given: Mapping[str, Any]) -> dict[str, Any]:
    kind, identifiers = _identified(given)
    return {"$id": _guid("entity", sorted(map(str, identifiers.items()))), **identifiers} | (
        {"Type": kind.alert_type} if kind else {"Type": given.get("kind", "")}
    )


def _guid(what: str, of: object) -> str:
    # JSON may write half a character, which no bytes are.
    return str(uuid5(_SPACE, f"{what} {of}".encode("utf-8", "replace").decode()))


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
