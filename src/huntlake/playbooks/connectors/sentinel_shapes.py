"""Incidents, alerts, comments and entities as Sentinel's connector shows them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from huntlake.detection.alerts import Alert
from huntlake.detection.bookmarks import Bookmark
from huntlake.detection.casebook import Incidents, Tally
from huntlake.detection.entities import Entity
from huntlake.detection.entity_types import ENTITY_TYPES, EntityType
from huntlake.detection.incidents import Incident, IncidentComment, IncidentRelation, IncidentTask, RelatedKind
from huntlake.state.documents import Document
from huntlake.state.records import Author, Owner

SENTINEL = "Microsoft.SecurityInsights"
_KINDS = {t.kind.lower(): t for t in ENTITY_TYPES.values()}
_ALERT_TYPES = {t.alert_type.lower(): t for t in ENTITY_TYPES.values()}
ENTITY_LISTS = (
    ("GetAccounts", "account", "Account", "Accounts"),
    ("GetHosts", "host", "Host", "Hosts"),
    ("GetIPs", "ip", "Ip", "IPs"),
    ("GetUrls", "url", "Url", "URLs"),
    ("GetFileHashes", "filehash", "FileHash", "Filehashes"),
    ("GetDNS", "dnsresolution", "DnsResolution", "Dnsresolutions"),
)
"""By operation: the end of its path, the kind of entity, and the name of the list it answers with."""
_NUMBERED = frozenset({"$id", "type", "kind"})


def incident_shown(sentinel: str, document: Document[Incident], held: Tally, base_url: str = "") -> dict[str, Any]:
    """An incident and what it holds; `sentinel` is the resource id of its workspace's Sentinel."""
    incident, name = document.value, document.name
    who = incident.owner
    properties = {
        "title": incident.title,
        "description": incident.description,
        "severity": incident.severity.value,
        "status": incident.status.value,
        "classification": incident.classification,
        "classificationReason": incident.classification_reason,
        "classificationComment": incident.classification_comment,
        "owner": {
            "objectId": who.object_id,
            "email": who.email,
            "assignedTo": who.assigned_to,
            "userPrincipalName": who.user_principal_name,
        },
        "labels": [{"labelName": x.label_name, "labelType": x.label_type} for x in incident.labels],
        "firstActivityTimeUtc": incident.first_activity,
        "lastActivityTimeUtc": incident.last_activity,
        "createdTimeUtc": incident.created,
        "lastModifiedTimeUtc": incident.modified,
        "incidentNumber": incident.number,
        "incidentUrl": f"{base_url}{sentinel}/Incidents/{name}",
        "providerName": "Azure Sentinel",
        "providerIncidentId": str(incident.number),
        "relatedAnalyticRuleIds": [f"{sentinel}/alertRules/{rule}" for rule in incident.rules],
        "additionalData": {
            "alertsCount": held.alerts,
            "bookmarksCount": held.bookmarks,
            "commentsCount": held.comments,
            "alertProductNames": list(held.products),
            "tactics": list(held.tactics),
            "techniques": list(held.techniques),
        },
    }
    return {
        "id": f"{sentinel}/Incidents/{name}",
        "name": name,
        "etag": f'"{document.etag}"',
        "type": f"{SENTINEL}/Incidents",
        "properties": {k: v for k, v in properties.items() if v is not None},
    }


def case_shown(incidents: Incidents, owner: Owner, document: Document[Incident]) -> dict[str, Any]:
    """An incident by the names that it had in the connector's first version."""
    incident = document.value
    return {
        "properties": {
            "Status": incident.status.value,
            "Labels": [x.label_name for x in incident.labels],
            "Title": incident.title,
            "Description": incident.description,
            "StartTimeUtc": incident.first_activity,
            "EndTimeUtc": incident.last_activity,
            "LastUpdatedTimeUtc": incident.modified,
            "CaseNumber": str(incident.number),
            "CreatedTimeUtc": incident.created,
            "Severity": incident.severity.value,
            "RelatedAlertIds": [d.name for d in incidents.alerts(owner, document.name)],
        }
    }


def alert_shown(sentinel: str, document: Document[Alert]) -> dict[str, Any]:
    """An alert, which is an entity of the kind `SecurityAlert`."""
    alert = document.value
    return {
        "id": f"{sentinel}/Entities/{document.name}",
        "name": document.name,
        "type": f"{SENTINEL}/Entities",
        "kind": "SecurityAlert",
        "properties": {
            "systemAlertId": document.name,
            "friendlyName": alert.title,
            "alertDisplayName": alert.title,
            "alertType": alert.alert_type,
            "description": alert.description,
            "severity": alert.severity.value,
            "status": alert.status.value,
            "productName": alert.product,
            "providerAlertId": document.name,
            "vendorName": alert.vendor,
            "confidenceLevel": "Unknown",
            "tactics": [t.value for t in alert.tactics],
            "startTimeUtc": alert.started,
            "endTimeUtc": alert.ended,
            "timeGenerated": alert.created,
            "processingEndTime": alert.modified,
            "resourceIdentifiers": [],
            # Whatever isn't a text is told as JSON within one.
            "additionalData": {n: v if isinstance(v, str) else json.dumps(v) for n, v in alert.more.items()},
        },
    }


def comment_shown(incident: str, document: Document[IncidentComment]) -> dict[str, Any]:
    """A comment; `incident` is the resource id of its incident."""
    comment = document.value
    properties = {
        "message": comment.message,
        "createdTimeUtc": comment.created,
        "lastModifiedTimeUtc": comment.modified,
        "author": author_shown(comment.author),
    }
    return _resource(f"{incident}/Comments", "Incidents/Comments", document, properties)


def task_shown(incident: str, document: Document[IncidentTask]) -> dict[str, Any]:
    """A task; `incident` is the resource id of its incident."""
    task = document.value
    properties = {
        "title": task.title,
        "description": task.description,
        "status": task.status.value,
        "createdTimeUtc": task.created,
        "lastModifiedTimeUtc": task.modified,
        "createdBy": author_shown(task.created_by),
        "lastModifiedBy": author_shown(task.modified_by),
    }
    return _resource(f"{incident}/Tasks", "Incidents/Tasks", document, properties)


def relation_shown(sentinel: str, incident: str, document: Document[IncidentRelation]) -> dict[str, Any]:
    """That an alert or a bookmark belongs to an incident."""
    relation = document.value
    is_alert = relation.kind is RelatedKind.ALERT
    collection = "Entities" if is_alert else "Bookmarks"
    properties = {
        "relatedResourceId": f"{sentinel}/{collection}/{relation.related}",
        "relatedResourceName": relation.related,
        "relatedResourceType": f"{SENTINEL}/{collection}",
        "relatedResourceKind": relation.kind.value if is_alert else "",
    }
    return _resource(f"{incident}/relations", "Incidents/relations", document, properties)


def bookmark_shown(sentinel: str, document: Document[Bookmark]) -> dict[str, Any]:
    """A bookmark."""
    bookmark = document.value
    info = bookmark.incident_info
    properties = {
        "displayName": bookmark.display_name,
        "query": bookmark.query,
        "queryResult": bookmark.query_result,
        "notes": bookmark.notes,
        "labels": list(bookmark.labels),
        "eventTime": bookmark.event_time,
        "queryStartTime": bookmark.query_start_time,
        "queryEndTime": bookmark.query_end_time,
        "incidentInfo": {
            "incidentId": info.incident_id,
            "severity": info.severity,
            "title": info.title,
            "relationName": info.relation_name,
        }
        if info
        else None,
        "created": bookmark.created,
        "createdBy": author_shown(bookmark.created_by),
        "updated": bookmark.updated,
        "updatedBy": author_shown(bookmark.updated_by),
    }
    return _resource(f"{sentinel}/Bookmarks", "Bookmarks", document, properties)


def entity_shown(sentinel: str, entity: Entity) -> dict[str, Any]:
    """An entity as an incident's `relatedEntities` hold it."""
    return {
        "id": f"{sentinel}/Entities/{entity.id}",
        "name": entity.id,
        "type": f"{SENTINEL}/Entities",
        "kind": entity.kind,
        "properties": {"friendlyName": _friendly(entity), **entity.properties},
    }


def _friendly(entity: Entity) -> str:
    """What people call an entity: the first text of those that identify it."""
    type = _KINDS.get(entity.kind.lower())
    held = {k.lower(): v for k, v in entity.properties.items()}
    named = [held.get(p.lower()) for p in type.identifiers.values()] if type else []
    return next((v for v in (*named, *held.values()) if isinstance(v, str) and v), entity.kind)


def author_shown(author: Author | None) -> dict[str, str] | None:
    """Who wrote something."""
    if author is None:
        return None
    told = {k: v for k, v in asdict(author).items() if isinstance(v, str) and v}
    names = {"object_id": "objectId", "user_principal_name": "userPrincipalName"}
    return {names.get(k, k): v for k, v in told.items()}


def listed(given: Any) -> list[Mapping[str, Any]]:
    """The entities that an incident or an alert holds: a list, or the JSON text of one."""
    if isinstance(given, str):
        try:
            given = json.loads(given) if given.strip() else []
        except ValueError:
            given = None
    if given is None:
        return []
    if isinstance(given, Mapping):
        given = [given]
    return [one for one in given if isinstance(one, Mapping)] if isinstance(given, Sequence) else []


def of_kind(entities: Iterable[Mapping[str, Any]], kind: str) -> list[dict[str, Any]]:
    """Those of one kind, as alerts spell what is known of them: `Address`, `HostName`, `UPNSuffix`."""
    found = []
    for one in entities:
        type = _type(one)
        if type is None or type.kind.lower() != kind.lower():
            continue
        properties = _own(one, "properties")
        held = properties if isinstance(properties, Mapping) else one
        spelled = _spelled(type, held)
        found.append({**spelled, "Type": type.alert_type})
    return found


def entities_at(end: str, given: Any) -> dict[str, Any] | None:
    """What the connector answers at `/entities/{end}` of the entities that it is given; None where it has no such."""
    for _, path, kind, name in ENTITY_LISTS:
        if path.lower() == end.lower():
            return {name: of_kind(listed(given), kind)}
    return None


def _type(entity: Mapping[str, Any]) -> EntityType | None:
    kind, type = _own(entity, "kind"), _own(entity, "type")
    return _KINDS.get(str(kind).lower()) if kind else _ALERT_TYPES.get(str(type).lower())


def _own(entity: Mapping[str, Any], name: str) -> Any:
    return next((v for k, v in entity.items() if k.lower() == name), None)


def _spelled(type: EntityType, held: Mapping[str, Any]) -> dict[str, Any]:
    names = {property.lower(): identifier for identifier, property in type.identifiers.items()}
    names |= {identifier.lower(): identifier for identifier in type.identifiers}
    made = {}
    for name, value in held.items():
        if name.lower() in _NUMBERED:
            continue
        made[names.get(name.lower(), name)] = value
    return made


def _resource(collection: str, type: str, document: Document[Any], properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"{collection}/{document.name}",
        "name": document.name,
        "etag": f'"{document.etag}"',
        "type": f"{SENTINEL}/{type}",
        "properties": {k: v for k, v in properties.items() if v is not None},
    }
