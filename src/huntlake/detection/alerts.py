"""Alerts: what a rule, or another product, has seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from huntlake.core.clock import Clock
from huntlake.detection.entities import Entity
from huntlake.detection.severity import Severity, Tactic
from huntlake.state.documents import Shelf
from huntlake.state.records import Also, Author, Owner, Records


class AlertStatus(StrEnum):
    """How far people are with an alert."""

    NEW = "New"
    IN_PROGRESS = "InProgress"
    RESOLVED = "Resolved"
    DISMISSED = "Dismissed"


@dataclass(frozen=True, slots=True)
class AlertComment:
    """What a person says about an alert."""

    text: str
    by: Author
    at: datetime


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert. Its name among the alerts is its `SystemAlertId`."""

    title: str
    severity: Severity
    description: str = ""
    status: AlertStatus = AlertStatus.NEW
    classification: str = ""
    determination: str = ""
    assigned_to: str = ""
    product: str = "Azure Sentinel"
    provider: str = "ASI Scheduled Alerts"
    vendor: str = "Microsoft"
    alert_type: str = ""
    tactics: tuple[Tactic, ...] = ()
    techniques: tuple[str, ...] = ()
    entities: tuple[Entity, ...] = ()
    incident: str = ""
    """The name of the incident it belongs to."""
    rule: str = ""
    """The name of the analytic rule that raised it."""
    started: datetime | None = None
    ended: datetime | None = None
    created: datetime | None = None
    modified: datetime | None = None
    resolved: datetime | None = None
    comments: tuple[AlertComment, ...] = ()
    more: Mapping[str, Any] = field(default_factory=dict)
    """Custom details and extended properties."""


def alerts(
    shelf: Shelf, clock: Clock, also: Also[Alert] | None = None, told: Callable[[Owner], None] | None = None
) -> Records[Alert]:
    """The alerts of each workspace."""
    return Records(shelf, clock, "alerts", Alert, _stamped, (), also, told)


def _stamped(alert: Alert, before: Alert | None, _: Author, now: datetime) -> Alert:
    closed = alert.status in (AlertStatus.RESOLVED, AlertStatus.DISMISSED)
    return replace(
        alert,
        created=before.created if before else now,
        modified=now,
        resolved=((before.resolved if before else None) or now) if closed else None,
    )
