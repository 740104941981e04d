"""What the security products noticed: AlertInfo, AlertEvidence, SecurityAlert and SecurityIncident."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from huntlake.demo.columns import TIME
from huntlake.demo.company import settings, stable_guid
from huntlake.demo.rhythm import HOUR, MINUTE, SECOND
from huntlake.demo.world import World

TABLES = ("AlertInfo", "AlertEvidence", "SecurityAlert", "SecurityIncident")


@dataclass(frozen=True)
class Alert:
    """One alert, and what it points at: each piece of evidence is a row's columns."""

    at: int
    id: str
    title: str
    severity: str
    category: str
    techniques: Sequence[str]
    service: str
    detection: str
    incident: str
    evidence: Sequence[Mapping[str, Any]]
    closed: bool


def everyday_alerts(world: World) -> list[Alert]:
    """The alerts of an ordinary fortnight: four a day or so, nearly all of them looked at and closed."""
    kinds = settings("demo/alerts.yaml")
    dice = world.dice.named("alerts")
    moments = world.calendar.spread(dice, 4.0, weekend=0.4).tolist()
    company = world.company
    which = dice.pick(len(moments), [k["weight"] for k in kinds]).tolist()
    person = dice.below(len(moments), len(company.people)).tolist()
    found = []
    for i, (at, w, p) in enumerate(zip(moments, which, person, strict=True)):
        kind, name = kinds[w], f"everyday-{i}"
        account = company.accounts[world.person_account[p]]
        machine = company.machines[p]
        user = {
            "EntityType": "User",
            "EvidenceRole": "Impacted",
            "AccountName": account.sam,
            "AccountDomain": account.domain.lower(),
            "AccountUpn": account.upn,
            "AccountSid": account.sid,
            "AccountObjectId": account.object_id,
        }
        device = {
            "EntityType": "Machine",
            "EvidenceRole": "Impacted",
            "DeviceName": machine.fqdn,
            "DeviceId": machine.device_id,
        }
        found.append(
            Alert(
                at,
                stable_guid("alert", name, str(at)),
                kind["title"],
                kind["severity"],
                kind["category"],
                kind["techniques"],
                kind["service"],
                kind["detection"],
                name,
                [device, user] if kind["about"] == "machine" else [user],
                closed=i % 11 != 0,
            )
        )
    return found


def alert_tables(world: World, alerts: Iterable[Alert]) -> Iterator[tuple[str, Any]]:
    """The four tables of these alerts, by name."""
    ordered = sorted(alerts, key=lambda a: (a.at, a.id))
    yield "AlertInfo", _rows([_info(a) for a in ordered])
    yield "AlertEvidence", _rows([row for a in ordered for row in _evidence(a)])
    yield "SecurityAlert", _rows([_security_alert(world, a) for a in ordered])
    yield "SecurityIncident", _rows(list(_incidents(world, ordered)))


def _rows(rows: Sequence[Mapping[str, Any]]) -> Any:
    names = list(dict.fromkeys(n for r in rows for n in r))
    columns = {}
    for name in names:
        values = [r.get(name) for r in rows]
        is_time = any(isinstance(v, datetime) for v in values)
        columns[name] = pa.array(values, TIME) if is_time else pa.array(values)
    # Numbers of incidents are an `int`; whole numbers are long unless told otherwise.
    if "IncidentNumber" in columns:
        columns["IncidentNumber"] = columns["IncidentNumber"].cast(pa.int32())
    return pa.table(columns)


def moment(microseconds: int) -> datetime:
    """A time without zone, in UTC, as a column holds it."""
    whole, rest = divmod(microseconds, SECOND)
    return datetime.fromtimestamp(whole, UTC).replace(tzinfo=None, microsecond=rest)


def _info(a: Alert) -> dict[str, Any]:
    at = moment(a.at)
    return {
        "TimeGenerated": at,
        "Timestamp": at,
        "AlertId": a.id,
        "Title": a.title,
        "Category": a.category,
        "Severity": a.severity,
        "ServiceSource": a.service,
        "DetectionSource": a.detection,
        "AttackTechniques": json.dumps(list(a.techniques)),
    }


def _evidence(a: Alert) -> Iterator[dict[str, Any]]:
    at = moment(a.at)
    for evidence in a.evidence:
        yield {
            "TimeGenerated": at,
            "Timestamp": at,
            "AlertId": a.id,
            "Title": a.title,
            "Categories": json.dumps([a.category]),
            "Severity": a.severity,
            "ServiceSource": a.service,
            "DetectionSource": a.detection,
            "AttackTechniques": json.dumps(list(a.techniques)),
            "AdditionalFields": "{}",
            "EvidenceDirection": "",
            **evidence,
        }


def _entities(a: Alert) -> str:
    """The evidence as the service's entity objects."""
    found: list[dict[str, Any]] = []
    for i, e in enumerate(a.evidence, start=1):
        match e["EntityType"]:
            case "User":
                name, _, suffix = str(e.get("AccountUpn", "")).partition("@")
                found.append({"$id": str(i), "Name": name, "UPNSuffix": suffix, "Type": "account"})
            case "Machine":
                host, _, domain = str(e["DeviceName"]).partition(".")
                found.append({"$id": str(i), "HostName": host, "DnsDomain": domain, "Type": "host"})
            case "Ip":
                found.append({"$id": str(i), "Address": e["RemoteIP"], "Type": "ip"})
            case "Process":
                found.append({"$id": str(i), "CommandLine": e["ProcessCommandLine"], "Type": "process"})
            case "File":
                found.append({"$id": str(i), "Directory": e["FolderPath"], "Name": e["FileName"], "Type": "file"})
            case "Url":
                found.append({"$id": str(i), "Url": e["RemoteUrl"], "Type": "url"})
            case other:
                raise ValueError(f"`{other}` is no type of evidence")
    return json.dumps(found, separators=(",", ":"))


def _security_alert(world: World, a: Alert) -> dict[str, Any]:
    host = next((e["DeviceName"] for e in a.evidence if "DeviceName" in e), "")
    user = next((e["AccountUpn"] for e in a.evidence if "AccountUpn" in e), "")
    at = moment(a.at)
    return {
        "TimeGenerated": moment(a.at + 50 * SECOND),
        "StartTime": moment(a.at - 4 * MINUTE),
        "EndTime": at,
        "ProcessingEndTime": moment(a.at + 50 * SECOND),
        "SystemAlertId": stable_guid("system alert", a.id),
        "VendorOriginalId": a.id,
        "AlertName": a.title,
        "DisplayName": a.title,
        "AlertSeverity": a.severity,
        "AlertType": a.title.title().replace(" ", ""),
        "Description": f"{a.title}: {host or user}",
        "CompromisedEntity": host or user,
        "Entities": _entities(a),
        "ExtendedProperties": json.dumps({"OriginalAlertId": a.id}),
        "ProductName": a.service,
        "ProviderName": _PROVIDERS[a.service],
        "VendorName": "Microsoft",
        "Status": "Resolved" if a.closed else "New",
        "Tactics": a.category,
        "Techniques": json.dumps([t.rsplit("(", 1)[1].rstrip(")").split(".")[0] for t in a.techniques]),
        "IsIncident": False,
        "WorkspaceSubscriptionId": str(world.company.facts["subscription_id"]),
        "WorkspaceResourceGroup": "rg-monitoring",
    }


_PROVIDERS = {
    "Microsoft Defender for Endpoint": "MDATP",
    "Microsoft Defender for Office 365": "OATP",
    "Microsoft Defender for Cloud Apps": "MCAS",
    "Microsoft Defender for Identity": "Azure Advanced Threat Protection",
    "AAD Identity Protection": "IPC",
    "Microsoft Sentinel": "ASI Scheduled Alerts",
}

_ANALYSTS = ("jason.trent", "thijs.wolters")


def _incidents(world: World, alerts: Sequence[Alert]) -> Iterator[dict[str, Any]]:
    """Each incident when it is made, and again when it is closed."""
    groups: dict[str, list[Alert]] = {}
    for a in alerts:
        groups.setdefault(a.incident, []).append(a)
    subscription = str(world.company.facts["subscription_id"])
    for number, (key, members) in enumerate(groups.items(), start=4101):
        first, name = members[0], stable_guid("incident", key, members[0].id)
        severity = next(s for s in ("High", "Medium", "Low") if any(m.severity == s for m in members))
        created = first.at + 2 * MINUTE
        row: dict[str, Any] = {
            "IncidentName": name,
            "IncidentNumber": number,
            "Title": first.title if len(members) == 1 else f"{first.title}, and {len(members) - 1} more",
            "Description": "",
            "Severity": severity,
            "CreatedTime": moment(created),
            "FirstActivityTime": moment(first.at - 4 * MINUTE),
            "LastActivityTime": moment(members[-1].at),
            "AlertIds": json.dumps([stable_guid("system alert", m.id) for m in members]),
            "AdditionalData": json.dumps(
                {"alertsCount": len(members), "tactics": sorted({m.category for m in members})}
            ),
            "RelatedAnalyticRuleIds": "[]",
            "BookmarkIds": "[]",
            "Comments": "[]",
            "Labels": "[]",
            "Tasks": "[]",
            "ProviderName": "Microsoft XDR",
            "ProviderIncidentId": str(number - 4000),
            "IncidentUrl": f"https://portal.azure.example/incidents/{subscription}/{name}",
        }
        latest = moment(members[-1].at + 2 * MINUTE)
        nobody = {"Owner": '{"objectId":null,"email":null,"assignedTo":null,"userPrincipalName":null}'}
        yield {
            **row,
            **nobody,
            "TimeGenerated": latest,
            "LastModifiedTime": latest,
            "Status": "New",
            "ModifiedBy": "Incident created from alert",
        }
        closed = members[-1].at + 3 * HOUR
        if first.closed and closed < world.calendar.end:
            analyst = world.company.upn(_ANALYSTS[number % 2])
            owner = json.dumps(
                {"objectId": None, "email": analyst, "assignedTo": analyst, "userPrincipalName": analyst}
            )
            yield {
                **row,
                "TimeGenerated": moment(closed),
                "LastModifiedTime": moment(closed),
                "ClosedTime": moment(closed),
                "Status": "Closed",
                "Owner": owner,
                "ModifiedBy": analyst,
                "Classification": "BenignPositive" if number % 3 else "FalsePositive",
                "ClassificationReason": "SuspiciousButExpected" if number % 3 else "InaccurateData",
            }
