"""Custom detections of Defender, in the form that Microsoft Graph has for them, as analytic rules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

from huntlake.core.diagnostics import did_you_mean
from huntlake.detection.marked import Fields
from huntlake.detection.rule_files import Described
from huntlake.detection.rules import (
    Aggregation,
    AnalyticRule,
    EntityMapping,
    EventGrouping,
    FieldMapping,
    RuleKind,
    TriggerOperator,
)
from huntlake.detection.severity import Severity, Tactic

_TECHNIQUE = re.compile(r"T\d{4}(\.\d{3})?")
_PERIODS = {
    "0": timedelta(),
    "5m": timedelta(minutes=5),
    "1h": timedelta(hours=1),
    "3h": timedelta(hours=3),
    "12h": timedelta(hours=12),
    "24h": timedelta(hours=24),
    "1d": timedelta(hours=24),
    "7d": timedelta(days=7),
}
_PASSED_OVER = (
    "id",
    "detectorId",
    "createdBy",
    "createdDateTime",
    "lastModifiedBy",
    "lastModifiedDateTime",
    "lastRunDetails",
    "@odata.type",
    "@odata.context",
)
_DEVICES = (
    "deviceId",
    "deviceName",
    "remoteDeviceName",
    "targetDeviceName",
    "sourceDeviceName",
    "destinationDeviceName",
)
_PARTS = (("upn", "FullName"), ("objectid", "AadUserId"), ("sid", "Sid"), ("domain", "NTDomain"), ("name", "Name"))
_TYPE = re.compile(r"#?microsoft\.graph\.security\.(\w+)", re.IGNORECASE)


def custom_detection(fields: Fields) -> Described:
    """The rule that the fields describe; what is wrong is complained of at its place, and the rule is no good then.

    Each row is an alert. A rule with the period `0` looks at each minute, and any other at each row once; Defender
    looks further back and leaves out what it has told before. What Defender would do about an alert isn't done: the
    notes of what is described name it.
    """
    fields.pass_over(*_PASSED_OVER)
    title = fields.text("displayName", required=True) or "?"
    enabled = fields.truth("isEnabled")
    condition = fields.inner("queryCondition")
    query = condition.text("queryText", required=True) if condition else None
    if condition is not None:
        condition.pass_over("lastModifiedDateTime", "@odata.type")
        condition.close()
    period = _period(fields)
    notes: list[str] = []
    action = fields.inner("detectionAction")
    template = action.inner("alertTemplate") if action else None
    if template is None:
        fields.complain("RF004", "`detectionAction` with an `alertTemplate` is missing")
    if action is not None:
        notes += _undone(action)
        action.pass_over("@odata.type")
        action.close()
    rule = AnalyticRule(
        kind=RuleKind.SCHEDULED if period else RuleKind.NRT,
        display_name=(template.text("title") if template else None) or title,
        enabled=True if enabled is None else enabled,
        severity=(template.choice("severity", Severity) if template else None) or Severity.MEDIUM,
        query=query or "",
        suppression_duration=timedelta(hours=5),
        suppression_enabled=False,
        query_frequency=period or None,
        query_period=period or None,
        trigger_operator=TriggerOperator.GREATER_THAN if period else None,
        trigger_threshold=0 if period else None,
        description=_description(template) if template else None,
        event_grouping_settings=EventGrouping(Aggregation.ALERT_PER_RESULT),
        **_attack(template),  # type: ignore[arg-type]
        entity_mappings=tuple(_assets(template)) if template else (),
    )
    category = template.text("category") if template else None
    if template is not None:
        template.pass_over("@odata.type")
        template.close()
    fields.close()
    return Described(rule, metadata={"category": category} if category else {}, notes=tuple(notes))


def _period(fields: Fields) -> timedelta:
    schedule = fields.inner("schedule")
    if schedule is None:
        fields.complain("RF004", "`schedule` is missing")
        return timedelta(hours=24)
    text = schedule.text("period", required=True) or ""
    schedule.pass_over("nextRunDateTime", "@odata.type")
    schedule.close()
    # Graph writes `1H`, and some tools `PT1H`.
    found = _PERIODS.get(re.sub(r"^pt?", "", text.strip().lower()))
    if found is None:
        schedule.complain("RF005", f"`period` can't be `{text[:20]}`", "period", "there are 0, 1H, 3H, 12H and 24H")
    return timedelta(hours=24) if found is None else found


def _undone(action: Fields) -> Iterator[str]:
    for one in action.list("responseActions"):
        found = _TYPE.fullmatch(one.text("@odata.type") or "")
        name = found[1].removesuffix("ResponseAction") if found else "of an unknown kind"
        yield f"the response action `{name}` is not supported, and not done"
    if "automatedActions" in action:
        yield "`automatedActions` are not supported, and not done"
    if "organizationalScope" in action:
        yield "`organizationalScope` is not supported: the rule looks at all devices"


def _description(template: Fields) -> str | None:
    parts = (template.text("description"), template.text("recommendedActions"))
    return "\n\n".join(p.strip() for p in parts if p) or None


def _attack(template: Fields | None) -> dict[str, tuple[object, ...]]:
    if template is None:
        return {}
    named = re.sub(r"[\s_-]", "", template.text("category") or "").lower()
    # Of Defender's categories some are no tactics, such as `Malware`.
    tactics = tuple(t for t in Tactic if t.lower() == named)
    techniques = []
    for text, node in template.marked_texts("mitreTechniques"):
        if _TECHNIQUE.fullmatch(text.strip().upper()):
            techniques.append(text.strip().upper())
        else:
            template.complain_at("RF007", f"`{text[:60]}` is no technique such as `T1059` or `T1059.001`", node)
    return {
        "tactics": tactics,
        "techniques": tuple(dict.fromkeys(t[:5] for t in techniques)),
        "sub_techniques": tuple(dict.fromkeys(t for t in techniques if "." in t)),
    }


def _assets(template: Fields) -> Iterator[EntityMapping]:
    for asset in template.list("impactedAssets"):
        found = _TYPE.fullmatch(asset.text("@odata.type", required=True) or "")
        identifier = asset.text("identifier", required=True) or ""
        asset.close()
        kind = found[1].lower() if found else ""
        column = identifier[:1].upper() + identifier[1:]
        match kind:
            case "impacteddeviceasset" if identifier in _DEVICES:
                # No identifier of a host is Defender's own: the name stands beside it.
                yield EntityMapping("Host", (FieldMapping("FullName", column.replace("DeviceId", "DeviceName")),))
            case "impacteduserasset" if part := _part(identifier):
                yield EntityMapping("Account", (FieldMapping(part, column),))
            case "impactedmailboxasset" if _part(identifier) == "FullName" or identifier.lower().endswith("address"):
                yield EntityMapping("Mailbox", (FieldMapping("MailboxPrimaryAddress", column),))
            case "impacteddeviceasset" | "impacteduserasset" | "impactedmailboxasset":
                hint = did_you_mean(identifier, _DEVICES) if kind == "impacteddeviceasset" else ""
                message = f"the identifier `{identifier[:60]}` of an asset is not supported"
                asset.complain("RF007", message, "identifier", hint)
            case _:
                asset.complain("RF007", "assets are devices, users or mailboxes", "@odata.type")


def _part(identifier: str) -> str | None:
    """The identifier of an account that a column of that name holds."""
    if "account" not in identifier.lower() and "owner" not in identifier.lower():
        return None
    return next((part for end, part in _PARTS if identifier.lower().endswith(end)), None)
