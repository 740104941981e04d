"""Automation rules: what happens by itself when an incident or an alert is made or changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from huntlake.state.records import Author


class TriggersOn(StrEnum):
    """What a rule is about."""

    INCIDENTS = "Incidents"
    ALERTS = "Alerts"


class TriggersWhen(StrEnum):
    """What must happen to it."""

    CREATED = "Created"
    UPDATED = "Updated"


class ConditionType(StrEnum):
    """What a condition looks at."""

    PROPERTY = "Property"
    PROPERTY_ARRAY = "PropertyArray"
    PROPERTY_CHANGED = "PropertyChanged"
    PROPERTY_ARRAY_CHANGED = "PropertyArrayChanged"
    BOOLEAN = "Boolean"


class ActionType(StrEnum):
    """What a rule does."""

    MODIFY_PROPERTIES = "ModifyProperties"
    RUN_PLAYBOOK = "RunPlaybook"
    ADD_INCIDENT_TASK = "AddIncidentTask"


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition: its type, and by Sentinel's names what it compares with what."""

    condition_type: ConditionType
    condition_properties: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Trigger:
    """When a rule runs."""

    is_enabled: bool
    triggers_on: TriggersOn
    triggers_when: TriggersWhen
    expiration_time_utc: datetime | None = None
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleAction:
    """A step, and by Sentinel's names what it needs to know."""

    order: int
    action_type: ActionType
    action_configuration: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AutomationRule:
    """An automation rule; those of a lower `order` run first."""

    display_name: str
    order: int
    triggering_logic: Trigger
    actions: tuple[RuleAction, ...]
    created: datetime | None = None
    created_by: Author | None = None
    modified: datetime | None = None
    modified_by: Author | None = None
