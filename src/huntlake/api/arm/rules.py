"""Analytic rules and their actions, as Azure Resource Manager shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from huntlake.api.arm.resource import SENTINEL, Place, Resource
from huntlake.api.arm.wire import Moment, Part, Plain, Span, properties_of, read, record
from huntlake.core.errors import Invalid
from huntlake.detection.rules import (
    Aggregation,
    AnalyticRule,
    Matching,
    RuleAction,
    RuleKind,
    TriggerOperator,
)
from huntlake.detection.severity import Severity, Tactic
from huntlake.identity.rights import Action
from huntlake.state.documents import Document

TYPE = "Microsoft.SecurityInsights/alertRules"
_TEXT = 1 << 20


class MappedField(Part):
    """The column that holds an identifier."""

    identifier: str
    column_name: str


class MappedEntity(Part):
    """The columns that make up an entity."""

    entity_type: str
    field_mappings: tuple[MappedField, ...]


class MappedProperty(Part):
    """The column that overrides a property of the alert."""

    alert_property: str
    value: str


class Override(Part):
    """What of an alert's head comes from the row."""

    alert_display_name_format: str | None = None
    alert_description_format: str | None = None
    alert_tactics_column_name: str | None = None
    alert_severity_column_name: str | None = None
    alert_dynamic_properties: tuple[MappedProperty, ...] = ()


class GroupingConfiguration(Part):
    """How alerts are put into incidents."""

    enabled: bool
    reopen_closed_incident: bool
    lookback_duration: Span
    matching_method: Matching
    group_by_entities: tuple[str, ...] = ()
    group_by_alert_details: tuple[str, ...] = ()
    group_by_custom_details: tuple[str, ...] = ()


class Incidents(Part):
    """Whether alerts become incidents."""

    create_incident: bool
    grouping_configuration: GroupingConfiguration | None = None


class Events(Part):
    """How rows become alerts."""

    aggregation_kind: Aggregation


class AlertEntities(Part):
    """The column of entities, in a rule over alerts."""

    column_name: str


class NrtProperties(Part):
    """What can be said of a rule that runs every minute."""

    SHOWN: ClassVar[frozenset[str]] = frozenset({"lastModifiedUtc"})
    display_name: str = Field(min_length=1, max_length=1000)
    enabled: bool
    severity: Severity
    query: str = Field(min_length=1, max_length=_TEXT)
    suppression_duration: Span
    suppression_enabled: bool
    description: str | None = Field(None, max_length=50_000)
    tactics: tuple[Tactic, ...] = ()
    techniques: tuple[str, ...] = ()
    sub_techniques: tuple[str, ...] = ()
    entity_mappings: tuple[MappedEntity, ...] = ()
    sentinel_entities_mappings: tuple[AlertEntities, ...] = ()
    custom_details: Mapping[str, str] = Field(default_factory=dict)
    alert_details_override: Override | None = None
    event_grouping_settings: Events | None = None
    incident_configuration: Incidents | None = None
    alert_rule_template_name: str | None = None
    template_version: str | None = None


class ScheduledProperties(NrtProperties):
    """What can be said of a rule that runs on a schedule."""

    query_frequency: Span
    query_period: Span
    trigger_operator: TriggerOperator
    trigger_threshold: int = Field(ge=0, le=10_000)
    start_time_utc: Moment | None = None


KINDS: Mapping[RuleKind, type[NrtProperties]] = {
    RuleKind.SCHEDULED: ScheduledProperties,
    RuleKind.NRT: NrtProperties,
}


class RuleForm:
    """A rule, in the form of its kind. Its query must be one that the workspace understands."""

    def shown(self, place: Place, document: Document[AnalyticRule]) -> dict[str, Any]:
        """The rule's kind and properties."""
        rule = document.value
        properties = KINDS[rule.kind].model_validate(rule, from_attributes=True).wire()
        return {"kind": rule.kind, "properties": {**properties, "lastModifiedUtc": rule.last_modified}}

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> AnalyticRule:
        """The rule that a body describes."""
        given = next((v for k, v in body.items() if k.lower() == "kind"), None)
        kind = next((k for k in RuleKind if isinstance(given, str) and k.lower() == given.lower()), None)
        if kind is None:
            known = " and ".join(f"`{k}`" for k in RuleKind)
            raise Invalid(f"rules of the kind `{str(given)[:60]}` are not supported: there are {known}")
        rule = record(AnalyticRule, read(KINDS[kind], properties_of(body, "kind")), kind=kind)
        place.services.queries.check(place.here, rule.query)
        return rule


class ActionProperties(Part):
    """What can be said of an action. The trigger's address holds a secret, and is never shown."""

    SHOWN: ClassVar[frozenset[str]] = frozenset({"workflowId"})
    logic_app_resource_id: str = Field(min_length=1, max_length=2000)
    trigger_uri: str | None = Field(None, max_length=4000)


class ActionForm(Plain[RuleAction]):
    """An action, without the address of its trigger."""

    def properties(self, place: Place, document: Document[RuleAction]) -> dict[str, Any]:
        id = document.value.logic_app_resource_id
        return {"logicAppResourceId": id, "workflowId": id.rsplit("/", 1)[-1]}


RULES: Resource[AnalyticRule] = Resource(
    type=TYPE,
    path=f"{SENTINEL}/alertRules",
    form=RuleForm(),
    store=lambda place: place.services.detection.rules,
    write=Action.AUTHOR,
    filters=frozenset({"name", "kind", "properties/displayName", "properties/enabled", "properties/severity"}),
)

ACTIONS: Resource[RuleAction] = Resource(
    type=f"{TYPE}/actions",
    path=f"{SENTINEL}/alertRules/{{rule}}/actions",
    form=ActionForm(ActionProperties, RuleAction),
    store=lambda place: place.services.detection.rule_actions,
    write=Action.AUTHOR,
    can_patch=False,  # the trigger's address isn't shown, and would be lost
)
