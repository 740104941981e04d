"""What sets a tested playbook off: incidents, alerts and entities made of the few fields that a test says.

They are things of this house, and become what playbooks are told by the very code that tells them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid5

from huntlake.core.errors import Invalid
from huntlake.detection.alerts import Alert
from huntlake.detection.casebook import Tally
from huntlake.detection.entities import Entity
from huntlake.detection.entity_types import entity_type
from huntlake.detection.incidents import Incident, IncidentOwner, IncidentStatus, Label
from huntlake.detection.severity import Severity, Tactic
from huntlake.playbooks.triggers.payloads import Ground, Told, of_alert, of_entity, of_told
from huntlake.state.documents import Document

SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
GROUP = "huntlake"
WORKSPACE = "main"
WORKSPACE_ID = "00000000-0000-0000-0000-000000000001"
GROUND = Ground(WORKSPACE, WORKSPACE_ID, SUBSCRIPTION, GROUP, "https://portal.example")
_SPACE = UUID("0f6d2a0e-3a53-4d65-8f0e-0d1b9f1f9d43")

E = TypeVar("E", Severity, IncidentStatus, Tactic)


def incident(given: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The body that an incident's trigger has. What isn't given is plausible, and always the same. Raises `Invalid`."""
    fields = {k.lower(): v for k, v in given.items()}
    number = fields.get("number", 1)
    made = now - timedelta(minutes=1)
    alerts = [_alert(a, now) for a in fields.get("alerts", ())]
    who = {k.lower(): v for k, v in (fields.get("owner") or {}).items()}
    value = Incident(
        fields.get("title", "An incident"),
        _one(Severity, "severity", fields.get("severity", "Medium")),
        _one(IncidentStatus, "status", fields.get("status", "New")),
        fields.get("description", ""),
        tuple(_label(one) for one in fields.get("labels", ())),
        IncidentOwner(who.get("objectid"), who.get("email"), who.get("assignedto"), who.get("userprincipalname")),
        first_activity=made,
        last_activity=made,
        number=number,
        created=made,
        modified=made,
    )
    tactics, techniques = (tuple(map(str, fields.get(n, ()))) for n in ("tactics", "techniques"))
    products = tuple(sorted({a.value.product for a in alerts}))
    document = Document(_guid("incident", number), value, "1")
    told = Told(
        document,
        Tally(len(alerts), 0, 0, products, tactics, techniques),
        alerts,
        [_entity(e) for e in fields.get("entities", ())],
    )
    body = of_told(GROUND, told)
    body["object"]["properties"] |= dict(fields.get("properties", {}))
    return body


def alert(given: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The body that an alert's trigger has. Raises `Invalid`."""
    return of_alert(GROUND, _alert(given, now))


def entity(given: Mapping[str, Any], incident_number: Any = None) -> dict[str, Any]:
    """The body that an entity's trigger has; with the number of an incident, as if it was started there."""
    named = "" if incident_number is None else _guid("incident", incident_number)
    return of_entity(GROUND, _entity(given), named)


def _alert(given: Mapping[str, Any], now: datetime) -> Document[Alert]:
    fields = {k.lower(): v for k, v in given.items()}
    title, made = fields.get("title", "An alert"), now - timedelta(minutes=1)
    value = Alert(
        title,
        _one(Severity, "severity", fields.get("severity", "Medium")),
        fields.get("description", ""),
        product=fields.get("product", "Azure Sentinel"),
        provider=fields.get("provider", "ASI Scheduled Alerts"),
        alert_type=f"{WORKSPACE_ID}_{_guid('rule', title)}",
        tactics=tuple(_one(Tactic, "tactic", t) for t in fields.get("tactics", ())),
        techniques=tuple(map(str, fields.get("techniques", ()))),
        entities=tuple(_entity(e) for e in fields.get("entities", ())),
        started=made,
        ended=made,
        created=made,
        modified=made,
        more=dict(fields.get("details", {})),
    )
    return Document(_guid("alert", title), value, "1")


def _entity(given: Mapping[str, Any]) -> Entity:
    """An entity of which its `kind` is said, and identifiers by the names that rules map."""
    kind = entity_type(str(given.get("kind", "")))
    known = kind.identifiers if kind else {}
    made = {}
    for name, value in given.items():
        if name.lower() != "kind":
            identifier = (kind.identifier(name) if kind else None) or name
            made[known.get(identifier, identifier[:1].lower() + identifier[1:])] = value
    id = _guid("entity", sorted(map(str, made.items())))
    return Entity(id, kind.kind if kind else str(given.get("kind", "")), made)


def _label(given: Any) -> Label:
    if not isinstance(given, Mapping):
        return Label(str(given))
    return Label(str(given.get("labelName", "")), str(given.get("labelType", "User")))


def _one(type: type[E], what: str, given: Any) -> E:
    found = next((one for one in type if one.value.lower() == str(given).lower()), None)
    if found is None:
        raise Invalid(f"`{str(given)[:40]}` is no {what}; there are {', '.join(one.value for one in type)}")
    return found


def _guid(what: str, of: object) -> str:
    # JSON may write half a character, which no bytes are.
    return str(uuid5(_SPACE, f"{what} {of}".encode("utf-8", "replace").decode()))
