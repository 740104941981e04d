"""Analytic rules as files hold them: the public YAML form, and Azure Resource Manager's JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import yaml

from huntlake.core.diagnostics import did_you_mean
from huntlake.core.errors import Invalid
from huntlake.detection.durations import duration
from huntlake.detection.entity_types import ENTITY_TYPES, entity_type
from huntlake.detection.marked import Fields
from huntlake.detection.rules import (
    Aggregation,
    AnalyticRule,
    DetailsOverride,
    DynamicProperty,
    EntityMapping,
    EventGrouping,
    FieldMapping,
    Grouping,
    IncidentConfiguration,
    Matching,
    RuleKind,
    SentinelEntity,
    TriggerOperator,
    check,
)
from huntlake.detection.severity import Severity, Tactic

SUPPRESSION = timedelta(hours=5)
_LOOKBACK = timedelta(hours=5)
_TECHNIQUE = re.compile(r"T\d{4}(\.\d{3})?")
OPERATORS = {
    "gt": TriggerOperator.GREATER_THAN,
    "lt": TriggerOperator.LESS_THAN,
    "eq": TriggerOperator.EQUAL,
    "ne": TriggerOperator.NOT_EQUAL,
}
_PASSED_OVER = (
    "id",
    "name",
    "version",
    "requiredDataConnectors",
    "dataTypes",
    "status",
    "metadata",
    "tags",
    "author",
    "etag",
    "type",
    "lastModifiedUtc",
)
"""What a file says about a rule that changes nothing that it does."""


@dataclass(frozen=True)
class Described:
    """A rule, and what its file says about it besides."""

    rule: AnalyticRule
    data_types: tuple[str, ...] = ()
    """The tables of its required data connectors."""
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    """What the file asks for that isn't done."""


def analytic_rule(fields: Fields, kind: str | None) -> Described:
    """The rule that the fields describe; what is wrong is complained of at its place, and the rule is no good then.

    Azure Resource Manager's `kind` stands beside the fields; None is the YAML form, where it is one of them and may be
    missing, for what is old is scheduled.
    """
    fields.pass_over(*_PASSED_OVER)
    title = fields.text("displayName" if kind is not None else "name", required=True)
    if kind is None:
        runs = fields.choice("kind", RuleKind) if "kind" in fields else RuleKind.SCHEDULED
    else:
        runs = next((k for k in RuleKind if k.lower() == kind.lower()), None)
        if runs is None:
            fields.complain("RF005", f"rules of the kind `{kind[:60]}` are not supported")
    query = fields.text("query", required=True)
    if "severity" not in fields:
        fields.complain("RF004", "`severity` is missing")
    techniques, sub_techniques = _techniques(fields)
    suppressed = fields.truth("suppressionEnabled")
    enabled = fields.truth("enabled")
    rule = AnalyticRule(
        kind=runs or RuleKind.SCHEDULED,
        display_name=title or "?",
        enabled=True if enabled is None else enabled,
        severity=fields.choice("severity", Severity) or Severity.MEDIUM,
        query=query or "",
        suppression_duration=_span(fields, "suppressionDuration") or SUPPRESSION,
        suppression_enabled=bool(suppressed),
        query_frequency=_span(fields, "queryFrequency"),
        query_period=_span(fields, "queryPeriod"),
        trigger_operator=fields.choice("triggerOperator", TriggerOperator, OPERATORS),
        trigger_threshold=fields.number("triggerThreshold"),
        description=fields.text("description"),
        tactics=_tactics(fields),
        techniques=techniques,
        sub_techniques=sub_techniques,
        entity_mappings=tuple(found for m in fields.list("entityMappings") if (found := _entity(m))),
        sentinel_entities_mappings=tuple(_sentinel_entity(m) for m in fields.list("sentinelEntitiesMappings")),
        custom_details=fields.map("customDetails"),
        alert_details_override=_override(fields),
        event_grouping_settings=_event_grouping(fields),
        incident_configuration=_incidents(fields),
        alert_rule_template_name=fields.text("alertRuleTemplateName"),
        template_version=fields.text("templateVersion") or fields.text("version"),
        start_time_utc=fields.value("startTimeUtc", _moment, "a time in ISO 8601"),
    )
    described = Described(rule, _data_types(fields), _tags(fields), _metadata(fields))
    fields.close()
    _check(fields, rule)
    return described


def _check(fields: Fields, rule: AnalyticRule) -> None:
    try:
        check(rule)
    except Invalid as error:
        # The message names the field that it is about, and that is the place.
        named = re.search(r"`(\w+)`", str(error))
        fields.complain("RF006", str(error), named[1] if named and named[1] in fields else "")


def _span(fields: Fields, name: str) -> timedelta | None:
    return fields.value(name, duration, "a duration such as `PT5M` or `5m`")


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _tactics(fields: Fields) -> tuple[Tactic, ...]:
    known = {t.lower(): t for t in Tactic}
    found = []
    for text, node in fields.marked_texts("tactics"):
        tactic = known.get(re.sub(r"[\s_-]", "", text).lower())
        if tactic is None:
            fields.complain_at("RF007", f"no tactic is named `{text[:60]}`", node, did_you_mean(text, Tactic))
        elif tactic not in found:
            found.append(tactic)
    return tuple(found)


def _techniques(fields: Fields) -> tuple[tuple[str, ...], tuple[str, ...]]:
    found: list[str] = []
    for name in ("relevantTechniques", "techniques", "subTechniques"):
        for text, node in fields.marked_texts(name):
            technique = text.strip().upper()
            if not _TECHNIQUE.fullmatch(technique):
                fields.complain_at("RF007", f"`{text[:60]}` is no technique such as `T1059` or `T1059.001`", node)
            else:
                found.append(technique)
    return tuple(dict.fromkeys(t[:5] for t in found)), tuple(dict.fromkeys(t for t in found if "." in t))


def _entity(fields: Fields) -> EntityMapping | None:
    name = fields.text("entityType", required=True)
    type = entity_type(name) if name else None
    if name and type is None:
        hint = did_you_mean(name, ENTITY_TYPES)
        fields.complain("RF007", f"no entity type is named `{name[:60]}`", "entityType", hint)
    mapped = []
    for one in fields.list("fieldMappings"):
        identifier, column = one.text("identifier", required=True), one.text("columnName", required=True)
        one.close()
        known = type.identifier(identifier) if type and identifier else None
        if type and identifier and known is None:
            hint = did_you_mean(identifier, type.identifiers) or f"there are {', '.join(type.identifiers)}"
            one.complain("RF007", f"{type.name} has no identifier `{identifier[:60]}`", "identifier", hint)
        if known and column:
            mapped.append(FieldMapping(known, column))
    fields.close()
    return EntityMapping(type.name, tuple(mapped)) if type else None


def _sentinel_entity(fields: Fields) -> SentinelEntity:
    found = SentinelEntity(fields.text("columnName", required=True) or "")
    fields.close()
    return found


def _override(fields: Fields) -> DetailsOverride | None:
    given = fields.inner("alertDetailsOverride")
    if given is None:
        return None
    dynamic = []
    for one in given.list("alertDynamicProperties"):
        property, value = one.text("alertProperty", required=True), one.text("value", required=True)
        one.close()
        dynamic.append(DynamicProperty(property or "", value or ""))
    found = DetailsOverride(
        given.text("alertDisplayNameFormat"),
        given.text("alertDescriptionFormat"),
        given.text("alertTacticsColumnName"),
        given.text("alertSeverityColumnName"),
        tuple(dynamic),
    )
    given.close()
    return found


def _event_grouping(fields: Fields) -> EventGrouping | None:
    given = fields.inner("eventGroupingSettings")
    if given is None:
        return None
    kind = given.choice("aggregationKind", Aggregation)
    given.close()
    return EventGrouping(kind) if kind else None


def _incidents(fields: Fields) -> IncidentConfiguration | None:
    given = fields.inner("incidentConfiguration")
    if given is None:
        return None
    create = given.truth("createIncident")
    grouping = given.inner("groupingConfiguration")
    found = IncidentConfiguration(True if create is None else create, _grouping(grouping) if grouping else None)
    given.close()
    return found


def _grouping(fields: Fields) -> Grouping:
    found = Grouping(
        bool(fields.truth("enabled")),
        bool(fields.truth("reopenClosedIncident")),
        _span(fields, "lookbackDuration") or _LOOKBACK,
        fields.choice("matchingMethod", Matching) or Matching.ALL_ENTITIES,
        tuple(_entity_name(fields, text) for text in fields.texts("groupByEntities")),
        fields.texts("groupByAlertDetails"),
        fields.texts("groupByCustomDetails"),
    )
    fields.close()
    return found


def _entity_name(fields: Fields, text: str) -> str:
    type = entity_type(text)
    if type is None:
        hint = did_you_mean(text, ENTITY_TYPES)
        fields.complain("RF007", f"no entity type is named `{text[:60]}`", "groupByEntities", hint)
    return type.name if type else text


def _data_types(fields: Fields) -> tuple[str, ...]:
    node = fields.find("requiredDataConnectors")
    one = fields.inner("requiredDataConnectors") if isinstance(node, yaml.MappingNode) else None
    connectors = fields.list("requiredDataConnectors") if one is None else [one]
    return tuple(dict.fromkeys(text for connector in connectors for text in connector.texts("dataTypes")))


def _tags(fields: Fields) -> tuple[str, ...]:
    node = fields.find("tags")
    items = node.value if isinstance(node, yaml.SequenceNode) else []
    return tuple(str(v.value) for v in items if isinstance(v, yaml.ScalarNode))


def _metadata(fields: Fields) -> dict[str, str]:
    node = fields.find("metadata")
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return {str(k.value): str(v.value) for k, v in pairs if isinstance(v, yaml.ScalarNode)}
