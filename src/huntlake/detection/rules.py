"""Analytic rules: queries that run on a schedule, and raise alerts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from huntlake.core.clock import Clock
from huntlake.core.errors import Invalid
from huntlake.detection.severity import Severity, Tactic
from huntlake.state.documents import Shelf
from huntlake.state.records import Also, Author, Owner, Records


class RuleKind(StrEnum):
    """How a rule is run: every so often over a period, or every minute over what has come in."""

    SCHEDULED = "Scheduled"
    NRT = "NRT"


class TriggerOperator(StrEnum):
    """How the number of rows is compared with the threshold."""

    GREATER_THAN = "GreaterThan"
    LESS_THAN = "LessThan"
    EQUAL = "Equal"
    NOT_EQUAL = "NotEqual"


class Aggregation(StrEnum):
    """Whether all rows make one alert, or each makes its own."""

    SINGLE_ALERT = "SingleAlert"
    ALERT_PER_RESULT = "AlertPerResult"


class Matching(StrEnum):
    """When alerts of one rule belong to the same incident."""

    ALL_ENTITIES = "AllEntities"
    ANY_ALERT = "AnyAlert"
    SELECTED = "Selected"


@dataclass(frozen=True, slots=True)
class FieldMapping:
    """The column that holds an entity's identifier."""

    identifier: str
    column_name: str


@dataclass(frozen=True, slots=True)
class EntityMapping:
    """The columns that make up an entity of one type."""

    entity_type: str
    field_mappings: tuple[FieldMapping, ...]


@dataclass(frozen=True, slots=True)
class DynamicProperty:
    """The column that overrides a property of the alert."""

    alert_property: str
    value: str


@dataclass(frozen=True, slots=True)
class DetailsOverride:
    """What of an alert's head comes from the row: formats with `{{Column}}`, and columns."""

    alert_display_name_format: str | None = None
    alert_description_format: str | None = None
    alert_tactics_column_name: str | None = None
    alert_severity_column_name: str | None = None
    alert_dynamic_properties: tuple[DynamicProperty, ...] = ()


@dataclass(frozen=True, slots=True)
class Grouping:
    """How alerts are put into incidents."""

    enabled: bool
    reopen_closed_incident: bool
    lookback_duration: timedelta
    matching_method: Matching
    group_by_entities: tuple[str, ...] = ()
    group_by_alert_details: tuple[str, ...] = ()
    group_by_custom_details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class IncidentConfiguration:
    """Whether the rule's alerts become incidents."""

    create_incident: bool
    grouping_configuration: Grouping | None = None


@dataclass(frozen=True, slots=True)
class EventGrouping:
    """How rows become alerts."""

    aggregation_kind: Aggregation


@dataclass(frozen=True, slots=True)
class SentinelEntity:
    """The column of alerts' entities, from which a rule over alerts takes its own."""

    column_name: str


@dataclass(frozen=True, slots=True)
class AnalyticRule:
    """An analytic rule. `query_frequency`, `query_period` and the trigger are a scheduled rule's."""

    kind: RuleKind
    display_name: str
    enabled: bool
    severity: Severity
    query: str
    suppression_duration: timedelta
    suppression_enabled: bool
    query_frequency: timedelta | None = None
    query_period: timedelta | None = None
    trigger_operator: TriggerOperator | None = None
    trigger_threshold: int | None = None
    description: str | None = None
    tactics: tuple[Tactic, ...] = ()
    techniques: tuple[str, ...] = ()
    sub_techniques: tuple[str, ...] = ()
    entity_mappings: tuple[EntityMapping, ...] = ()
    sentinel_entities_mappings: tuple[SentinelEntity, ...] = ()
    custom_details: Mapping[str, str] = field(default_factory=dict)
    alert_details_override: DetailsOverride | None = None
    event_grouping_settings: EventGrouping | None = None
    incident_configuration: IncidentConfiguration | None = None
    alert_rule_template_name: str | None = None
    template_version: str | None = None
    start_time_utc: datetime | None = None
    last_modified: datetime | None = None


@dataclass(frozen=True, slots=True)
class RuleAction:
    """A playbook that runs on each alert of a rule."""

    logic_app_resource_id: str
    trigger_uri: str = ""


FILE = "file"
"""By what the file of a rule is kept below it."""

GROUPED_DETAILS = ("displayname", "severity")
"""The details of an alert that alerts can be grouped by, in lower case."""

_MINUTES, _DAYS = timedelta(minutes=5), timedelta(days=14)
_HOUR_FROM = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class RuleFile:
    """The YAML that a rule was last written as: what it says besides, such as comments, the rule itself can't hold."""

    text: str


def rule_files(shelf: Shelf, clock: Clock) -> Records[RuleFile]:
    """The one file of each rule that has one, by the name `FILE`."""
    return Records(shelf, clock, "alert rule files", RuleFile)


def rule_actions(shelf: Shelf, clock: Clock) -> Records[RuleAction]:
    """The actions of each rule."""
    return Records(shelf, clock, "alert rule actions", RuleAction)


def analytic_rules(
    shelf: Shelf,
    clock: Clock,
    children: Sequence[Records[Any]] = (),
    also: Also[AnalyticRule] | None = None,
    told: Callable[[Owner], None] | None = None,
) -> Records[AnalyticRule]:
    """The analytic rules of each workspace; `children` go with them, `also` is written with each, and `told` hears."""
    return Records(shelf, clock, "alert rules", AnalyticRule, _stamped, children, also, told)


def _stamped(rule: AnalyticRule, before: AnalyticRule | None, _: Author, now: datetime) -> AnalyticRule:
    if before is not None and before.kind is not rule.kind:
        raise Invalid(f"a rule that is {before.kind} can't become {rule.kind}: delete it first")
    check(rule)
    return replace(rule, last_modified=now)


def check(rule: AnalyticRule) -> None:
    """`Invalid` for a rule whose bounds Sentinel wouldn't take either."""
    if rule.kind is RuleKind.SCHEDULED:
        _check_schedule(rule)
    if not _MINUTES <= rule.suppression_duration <= timedelta(days=1):
        raise Invalid("`suppressionDuration` lies between 5 minutes and 24 hours")
    if len(rule.entity_mappings) > 10:
        raise Invalid("a rule maps at most 10 entities")
    for mapping in rule.entity_mappings:
        if not 1 <= len(mapping.field_mappings) <= 3:
            raise Invalid(f"the entity `{mapping.entity_type}` is mapped by 1 to 3 fields")
    if len(rule.custom_details) > 20:
        raise Invalid("a rule has at most 20 custom details")
    grouping = rule.incident_configuration and rule.incident_configuration.grouping_configuration
    if grouping and not _MINUTES <= grouping.lookback_duration <= timedelta(days=7):
        raise Invalid("`lookbackDuration` lies between 5 minutes and 7 days")
    for detail in grouping.group_by_alert_details if grouping else ():
        if detail.lower() not in GROUPED_DETAILS:
            raise Invalid(f"alerts are grouped by `DisplayName` or `Severity`, not by `{detail[:60]}`")


def _check_schedule(rule: AnalyticRule) -> None:
    frequency, period = rule.query_frequency, rule.query_period
    if frequency is None or period is None:
        raise Invalid("a scheduled rule has a `queryFrequency` and a `queryPeriod`")
    if rule.trigger_operator is None or rule.trigger_threshold is None:
        raise Invalid("a scheduled rule has a `triggerOperator` and a `triggerThreshold`")
    for name, span in (("queryFrequency", frequency), ("queryPeriod", period)):
        if not _MINUTES <= span <= _DAYS:
            raise Invalid(f"`{name}` lies between 5 minutes and 14 days")
    if period < frequency:
        raise Invalid("`queryPeriod` is shorter than `queryFrequency`: rows between two runs would never be seen")
    if period >= _HOUR_FROM and frequency < timedelta(hours=1):
        raise Invalid("a rule that looks back 2 days or more runs at most once an hour")
    if not 0 <= rule.trigger_threshold <= 10_000:
        raise Invalid("`triggerThreshold` lies between 0 and 10000")
