"""Automation rules, as Azure Resource Manager shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from huntlake.api.arm.resource import SENTINEL, Place, Resource
from huntlake.api.arm.wire import Moment, Part, Person, Plain
from huntlake.identity.rights import Action
from huntlake.playbooks.automation_rules import ActionType, AutomationRule, ConditionType, TriggersOn, TriggersWhen
from huntlake.state.documents import Document


class Condition(Part):
    """A condition."""

    condition_type: ConditionType
    condition_properties: Mapping[str, Any]


class Trigger(Part):
    """When a rule runs."""

    is_enabled: bool
    triggers_on: TriggersOn
    triggers_when: TriggersWhen
    expiration_time_utc: Moment | None = None
    conditions: tuple[Condition, ...] = ()


class Step(Part):
    """What a rule does."""

    order: int
    action_type: ActionType
    action_configuration: Mapping[str, Any] = Field(default_factory=dict)


class RuleProperties(Part):
    """What can be said of an automation rule."""

    SHOWN: ClassVar[frozenset[str]] = frozenset(
        {"createdTimeUtc", "lastModifiedTimeUtc", "createdBy", "lastModifiedBy"}
    )
    display_name: str = Field(min_length=1, max_length=1000)
    order: int
    triggering_logic: Trigger
    actions: tuple[Step, ...]


class RuleForm(Plain[AutomationRule]):
    """An automation rule, and who made it."""

    def properties(self, place: Place, document: Document[AutomationRule]) -> dict[str, Any]:
        rule = document.value
        by, changed_by = Person.of(rule.created_by), Person.of(rule.modified_by)
        return {
            **super().properties(place, document),
            "createdTimeUtc": rule.created,
            "lastModifiedTimeUtc": rule.modified,
            "createdBy": by.wire() if by else None,
            "lastModifiedBy": changed_by.wire() if changed_by else None,
        }


AUTOMATION_RULES: Resource[AutomationRule] = Resource(
    type="Microsoft.SecurityInsights/AutomationRules",
    path=f"{SENTINEL}/automationRules",
    form=RuleForm(RuleProperties, AutomationRule),
    store=lambda place: place.services.automation_rules,
    write=Action.AUTHOR,
    filters=frozenset({"name", "properties/displayName", "properties/order"}),
)
