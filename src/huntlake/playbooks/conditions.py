"""The conditions of automation rules: what they look at, and whether it is so.

Texts are compared without regard to case. A property may have several values, as where an incident has several
accounts: `Equals`, `Contains`, `StartsWith` and `EndsWith` hold where any of them fits any of the condition's values,
and their `Not…` where none does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from huntlake.core.diagnostics import did_you_mean
from huntlake.core.errors import Invalid
from huntlake.detection.entities import Entity
from huntlake.detection.events import IncidentUpdated
from huntlake.detection.extraction import merged
from huntlake.detection.incidents import Incident
from huntlake.detection.rows import Held
from huntlake.playbooks.automation_rules import Condition, ConditionType, TriggersOn, TriggersWhen

_DEEPEST = 5
"""Conditions within conditions."""


@dataclass(frozen=True, slots=True)
class Case:
    """What a rule's conditions are asked about: an incident, or an alert alone, and how it was changed."""

    held: Held
    incident: Incident | None = None
    update: IncidentUpdated | None = None

    @property
    def entities(self) -> tuple[Entity, ...]:
        """The entities of its alerts."""
        return merged(e for alert in self.held.alerts.values() for e in alert.entities)

    @property
    def details(self) -> dict[str, list[str]]:
        """The custom details of its alerts."""
        found: dict[str, list[str]] = {}
        for alert in self.held.alerts.values():
            given = orjson.loads(alert.more.get("Custom Details") or "{}")
            for key, values in given.items() if isinstance(given, dict) else ():
                found.setdefault(key, []).extend(map(str, values if isinstance(values, list) else [values]))
        return found


def check(condition: Condition, on: TriggersOn, when: TriggersWhen, depth: int = 0) -> None:
    """`Invalid` for a condition that can't be asked of such a trigger."""
    given, type = condition.condition_properties, condition.condition_type
    if type in _CHANGES and when is not TriggersWhen.UPDATED:
        raise Invalid(f"a condition of the type `{type}` is about what was changed: the rule must trigger on updates")
    match type:
        case ConditionType.PROPERTY:
            _only(given, "propertyName", "operator", "propertyValues")
            _named("propertyName", given, _PROPERTIES)
            _named("operator", given, _OPERATORS)
            _values(given)
            if on is TriggersOn.ALERTS and given["propertyName"].startswith("Incident"):
                raise Invalid(f"an alert has no `{given['propertyName']}`: the rule must trigger on incidents")
        case ConditionType.PROPERTY_CHANGED:
            _only(given, "propertyName", "changeType", "operator", "propertyValues")
            _named("propertyName", given, _CHANGED)
            if given.get("changeType") is not None:
                _named("changeType", given, ("ChangedFrom", "ChangedTo"))
                _named("operator", given, _OPERATORS)
                _values(given)
        case ConditionType.PROPERTY_ARRAY_CHANGED:
            _only(given, "arrayType", "changeType")
            _named("arrayType", given, _ARRAYS_CHANGED)
            _named("changeType", given, ("Added",))
        case ConditionType.PROPERTY_ARRAY:
            _only(given, "arrayType", "arrayConditionType", "itemConditions")
            _named("arrayType", given, ("CustomDetails", "CustomDetailValues"))
            _named("arrayConditionType", given, ("AnyItem",))
            for inner in _inner(given, "itemConditions"):
                if inner.condition_type is not ConditionType.PROPERTY:
                    raise Invalid(f"an item's condition of the type `{inner.condition_type}` is not supported")
                _within(inner, on, when, depth)
                if inner.condition_properties["propertyName"] not in _ITEMS:
                    raise Invalid(f"an item's condition looks at {' or '.join(f'`{n}`' for n in _ITEMS)}")
        case ConditionType.BOOLEAN:
            _only(given, "operator", "innerConditions")
            _named("operator", given, ("And", "Or"))
            for inner in _inner(given, "innerConditions"):
                _within(inner, on, when, depth)


def holds(condition: Condition, case: Case) -> bool:
    """Whether it is so."""
    given = condition.condition_properties
    match condition.condition_type:
        case ConditionType.PROPERTY:
            return _compared(given, _PROPERTIES[given["propertyName"]](case), given["propertyName"])
        case ConditionType.PROPERTY_CHANGED:
            return _changed(given, case.update)
        case ConditionType.PROPERTY_ARRAY_CHANGED:
            return case.update is not None and bool(_ARRAYS_CHANGED[given["arrayType"]](case.update))
        case ConditionType.PROPERTY_ARRAY:
            inner = _inner(given, "itemConditions")
            return any(all(_item_holds(i, key, values) for i in inner) for key, values in case.details.items())
        case ConditionType.BOOLEAN:
            every = (holds(inner, case) for inner in _inner(given, "innerConditions"))
            return all(every) if given["operator"] == "And" else any(every)


def _item_holds(condition: Condition, key: str, values: Sequence[str]) -> bool:
    given = condition.condition_properties
    is_key = given["propertyName"] == "IncidentCustomDetailsKey"
    return _compared(given, [key] if is_key else values, given["propertyName"])


def _changed(given: Mapping[str, Any], update: IncidentUpdated | None) -> bool:
    if update is None:
        return False
    property = _CHANGED[given["propertyName"]]
    before, after = property(update.before), property(update.after)
    if before == after:
        return False
    match given.get("changeType"):
        case "ChangedFrom":
            return _compared(given, before, given["propertyName"])
        case "ChangedTo":
            return _compared(given, after, given["propertyName"])
        case _:
            return True


def _compared(given: Mapping[str, Any], values: Iterable[str], property: str) -> bool:
    wanted, had = [str(v) for v in given["propertyValues"]], list(values)
    if property in _IDS:
        # Rules are named by their whole resource id, or by its last part.
        wanted, had = [v.rstrip("/").rpartition("/")[2] for v in wanted], [v.rpartition("/")[2] for v in had]
    name = given["operator"]
    fits = _OPERATORS[name.removeprefix("Not")]
    found = any(fits(v.casefold(), w.casefold()) for v in had for w in wanted)
    return not found if name.startswith("Not") else found


def _within(inner: Condition, on: TriggersOn, when: TriggersWhen, depth: int) -> None:
    if depth >= _DEEPEST:
        raise Invalid(f"conditions lie at most {_DEEPEST} deep")
    check(inner, on, when, depth + 1)


def _inner(given: Mapping[str, Any], field: str) -> tuple[Condition, ...]:
    found = []
    listed = given.get(field)
    if not isinstance(listed, list) or not listed:
        raise Invalid(f"a condition has no `{field}`")
    for one in listed:
        type = one.get("conditionType") if isinstance(one, dict) else None
        properties = one.get("conditionProperties") if isinstance(one, dict) else None
        if type not in set(ConditionType) or not isinstance(properties, dict):
            raise Invalid(f"one of the `{field}` is no condition")
        found.append(Condition(ConditionType(type), properties))
    return tuple(found)


def _only(given: Mapping[str, Any], *known: str) -> None:
    for field in given:
        if field not in known:
            raise Invalid(f"the field `{field[:60]}` of a condition is not supported")


def _named(field: str, given: Mapping[str, Any], known: Iterable[str]) -> None:
    value, names = given.get(field), tuple(known)
    if value not in names:
        hint = did_you_mean(str(value), names) or f"there are {', '.join(names)}"
        raise Invalid(f"`{str(value)[:60]}` as a condition's `{field}` is not supported: {hint}")


def _values(given: Mapping[str, Any]) -> None:
    values = given.get("propertyValues")
    if not isinstance(values, list) or not values or not all(isinstance(v, str | int | bool) for v in values):
        raise Invalid("a condition has no `propertyValues`")


_CHANGES = (ConditionType.PROPERTY_CHANGED, ConditionType.PROPERTY_ARRAY_CHANGED)
_IDS = ("IncidentRelatedAnalyticRuleIds", "AlertAnalyticRuleIds")
_ITEMS = ("IncidentCustomDetailsKey", "IncidentCustomDetailsValue")

_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    name: fits
    for plain, fits in (
        ("Equals", str.__eq__),
        ("Contains", str.__contains__),
        ("StartsWith", str.startswith),
        ("EndsWith", str.endswith),
    )
    for name in (plain, f"Not{plain}")
}

_CHANGED: Mapping[str, Callable[[Incident], list[str]]] = {
    "IncidentSeverity": lambda i: [i.severity],
    "IncidentStatus": lambda i: [i.status],
    "IncidentOwner": lambda i: [
        v for v in (i.owner.object_id, i.owner.user_principal_name, i.owner.email, i.owner.assigned_to) if v
    ],
}

_ARRAYS_CHANGED: Mapping[str, Callable[[IncidentUpdated], Sequence[str]]] = {
    "Alerts": lambda u: u.added_alerts,
    "Labels": lambda u: u.added_labels,
    "Tactics": lambda u: u.added_tactics,
    "Comments": lambda u: u.added_comments,
}

Looked = Callable[[Case], Iterable[str]]


def _of_incident(look: Callable[[Incident], Iterable[str]]) -> Looked:
    return lambda case: look(case.incident) if case.incident else ()


def _of_entities(kind: str, property: str) -> Looked:
    return lambda case: [
        str(e.properties[property]) for e in case.entities if e.kind == kind and e.properties.get(property) is not None
    ]


def _subscriptions(case: Case) -> list[str]:
    found = []
    for id in _of_entities("AzureResource", "resourceId")(case):
        parts = id.strip("/").split("/")
        if len(parts) > 1 and parts[0].lower() == "subscriptions":
            found.append(parts[1])
    return found


_ENTITIES = """
    AccountAadTenantId Account aadTenantId
    AccountAadUserId Account aadUserId
    AccountName Account accountName
    AccountNTDomain Account ntDomain
    AccountPUID Account puid
    AccountSid Account sid
    AccountObjectGuid Account objectGuid
    AccountUPNSuffix Account upnSuffix
    AzureResourceResourceId AzureResource resourceId
    CloudApplicationAppId CloudApplication appId
    CloudApplicationAppName CloudApplication appName
    DNSDomainName DnsResolution domainName
    FileDirectory File directory
    FileName File fileName
    FileHashValue FileHash hashValue
    HostAzureID Host azureID
    HostName Host hostName
    HostNetBiosName Host netBiosName
    HostNTDomain Host ntDomain
    HostOSVersion Host osVersion
    IoTDeviceId IoTDevice deviceId
    IoTDeviceName IoTDevice deviceName
    IoTDeviceType IoTDevice deviceType
    IoTDeviceVendor IoTDevice manufacturer
    IoTDeviceModel IoTDevice model
    IoTDeviceOperatingSystem IoTDevice operatingSystem
    IPAddress Ip address
    MailboxDisplayName Mailbox displayName
    MailboxPrimaryAddress Mailbox mailboxPrimaryAddress
    MailboxUPN Mailbox upn
    MailMessageDeliveryAction MailMessage deliveryAction
    MailMessageDeliveryLocation MailMessage deliveryLocation
    MailMessageRecipient MailMessage recipient
    MailMessageSenderIP MailMessage senderIP
    MailMessageSubject MailMessage subject
    MailMessageP1Sender MailMessage p1Sender
    MailMessageP2Sender MailMessage p2Sender
    MalwareCategory Malware category
    MalwareName Malware malwareName
    ProcessCommandLine Process commandLine
    ProcessId Process processId
    RegistryKey RegistryKey key
    RegistryValueData RegistryValue valueData
    Url Url url
"""

_PROPERTIES: Mapping[str, Looked] = {
    "IncidentTitle": _of_incident(lambda i: [i.title]),
    "IncidentDescription": _of_incident(lambda i: [i.description or ""]),
    "IncidentSeverity": _of_incident(lambda i: [i.severity]),
    "IncidentStatus": _of_incident(lambda i: [i.status]),
    "IncidentRelatedAnalyticRuleIds": _of_incident(lambda i: i.rules),
    "IncidentTactics": lambda case: case.held.tactics,
    "IncidentLabel": _of_incident(lambda i: [label.label_name for label in i.labels]),
    "IncidentProviderName": _of_incident(lambda i: ["Azure Sentinel"]),
    "IncidentUpdatedBySource": lambda case: [case.update.source] if case.update else (),
    "IncidentCustomDetailsKey": lambda case: case.details,
    "IncidentCustomDetailsValue": lambda case: [v for values in case.details.values() for v in values],
    "AlertProductNames": lambda case: case.held.products,
    "AlertAnalyticRuleIds": lambda case: [a.rule for a in case.held.alerts.values() if a.rule],
    "AzureResourceSubscriptionId": _subscriptions,
    **{
        name: _of_entities(kind, property)
        for name, kind, property in (line.split() for line in _ENTITIES.strip().splitlines())
    },
}
