"""Analytic rules and their actions, as Azure Resource Manager shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import Field

from huntlake.api.arm.resource import SENTINEL, Place, Resource
from huntlake.api.arm.wire import Moment, Part, Plain, Span, properties_of, read, record
from huntlake.core.errors import Invalid, NotFound, Refused
from huntlake.detection.rule_files import SUPPRESSION
from huntlake.detection.rules import (
    Aggregation,
    AnalyticRule,
    Matching,
    RuleAction,
    RuleKind,
    TriggerOperator,
)
from huntlake.detection.scheduling.timetable import RunRecord
from huntlake.detection.severity import Severity, Tactic
from huntlake.identity.rights import Action
from huntlake.state.documents import Document
from huntlake.state.records import ALWAYS, Author, Only, Owner, Records

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


class DraftProperties(NrtProperties):
    """What a rule says that is being written: all that either kind has, and nothing that must be there already."""

    display_name: str = Field("", max_length=1000)
    query: str = Field("", max_length=_TEXT)
    suppression_duration: Span = SUPPRESSION
    suppression_enabled: bool = False
    query_frequency: Span | None = None
    query_period: Span | None = None
    trigger_operator: TriggerOperator | None = None
    trigger_threshold: int | None = Field(None, ge=0, le=10_000)
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
        kind = kind_of(next((v for k, v in body.items() if k.lower() == "kind"), None))
        rule = record(AnalyticRule, read(KINDS[kind], properties_of(body, "kind")), kind=kind)
        place.services.queries.check(place.here, rule.query)
        return rule


def kind_of(given: object) -> RuleKind:
    """The kind of that name, in any case; `Invalid` for another."""
    kind = next((k for k in RuleKind if isinstance(given, str) and k.lower() == given.lower()), None)
    if kind is None:
        known = " and ".join(f"`{k}`" for k in RuleKind)
        raise Invalid(f"rules of the kind `{str(given)[:60]}` are not supported: there are {known}")
    return kind


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


class Trigger(Part):
    """The end of the window over which a rule is to run."""

    execution_time_utc: Moment | None = None


@dataclass(frozen=True)
class Authored:
    """The rules, deleted in the name of the caller. One that was made of a hunt waits for its second approval."""

    place: Place

    @property
    def _rules(self) -> Records[AnalyticRule]:
        return self.place.services.detection.rules

    def list(self, owner: Owner) -> Sequence[Document[AnalyticRule]]:
        return self._rules.list(owner)

    def get(self, owner: Owner, name: str) -> Document[AnalyticRule]:
        return self._rules.get(owner, name)

    def put(
        self, owner: Owner, name: str, value: AnalyticRule, by: Author = Author(), only: Only = ALWAYS
    ) -> tuple[Document[AnalyticRule], bool]:
        if value.enabled and (hunt := self.place.services.hunting.promotions.awaiting(owner, name)):
            raise Refused(f"the rule was made of the hunt `{hunt}`: it is enabled there, by somebody else's approval")
        return self._rules.put(owner, name, value, by, only)

    def delete(self, owner: Owner, name: str, only: Only = ALWAYS) -> bool:
        return self._rules.delete(owner, name, only, self.place.author)


@dataclass(frozen=True)
class LastRuns:
    """The last runs of a rule, the newest first, named by the end of their window and when they were."""

    place: Place

    def list(self, owner: Owner) -> Sequence[Document[RunRecord]]:
        clock = self.place.services.scheduler.status(self.place.here, owner[1]).clock
        return [Document(_named(run), run, "") for run in (clock.recent if clock else ())]

    def get(self, owner: Owner, name: str) -> Document[RunRecord]:
        found = next((d for d in self.list(owner) if d.name == name), None)
        if found is None:
            raise NotFound(f"no `{name}` is among the last runs of `{owner[1]}`")
        return found

    def put(
        self, owner: Owner, name: str, value: RunRecord, by: Author = Author(), only: Only = ALWAYS
    ) -> tuple[Document[RunRecord], bool]:
        raise Refused("runs can only be read")

    def delete(self, owner: Owner, name: str, only: Only = ALWAYS) -> bool:
        raise Refused("runs can only be read")


class RunForm:
    """A run of a rule, which can only be read."""

    def shown(self, place: Place, document: Document[RunRecord]) -> dict[str, Any]:
        """What became of the window."""
        run = document.value
        properties = {
            "status": "Failure" if run.failure else "Success",
            "windowEndTimeUtc": run.until,
            "executionTimeUtc": run.at,
            "durationMs": run.milliseconds,
            "queryResultAmount": run.rows,
            "alertsGeneratedAmount": run.alerts,
            "reason": run.failure or None,
        }
        return {"properties": properties}

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> RunRecord:
        """Nothing that could be written."""
        raise Refused("runs can only be read")


def _named(run: RunRecord) -> str:
    return f"{run.until:%Y%m%dT%H%M%S}-{run.at:%Y%m%dT%H%M%S%f}"


def _trigger(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    """Run a rule once, whatever its schedule is, and answer with what it found."""
    asked = read(Trigger, properties_of(body))
    found, stored = place.services.scheduler.run_now(place.here, name, asked.execution_time_utc)
    properties = {
        "executionTimeUtc": found.window.until,
        "provisioningState": "Succeeded",
        "queryResultAmount": found.rows,
        "alerts": list(stored.alerts),
        "incidents": list(stored.incidents),
        "suppressedUntil": stored.suppressed_until,
        "issues": list(found.notes),
    }
    return 202, {"properties": properties}


RULES: Resource[AnalyticRule] = Resource(
    type=TYPE,
    path=f"{SENTINEL}/alertRules",
    form=RuleForm(),
    store=Authored,
    write=Action.AUTHOR,
    posts={"triggerRuleRun": (Action.AUTHOR, _trigger)},
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

RUNS: Resource[RunRecord] = Resource(
    type=f"{TYPE}/runs",
    path=f"{SENTINEL}/alertRules/{{rule}}/runs",
    form=RunForm(),
    store=LastRuns,
    can_patch=False,
    can_delete=False,
)
