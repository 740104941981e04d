"""Alerts, as Defender shows and changes them."""

from __future__ import annotations

from dataclasses import replace

from pydantic import Field

from huntlake.api.arm.wire import Part
from huntlake.core.errors import Invalid
from huntlake.detection.alerts import Alert, AlertComment, AlertStatus

_CLASSIFICATIONS = ("TruePositive", "InformationalExpectedActivity", "FalsePositive")


class AlertChange(Part):
    """What a PATCH may change of an alert."""

    status: str | None = Field(None, pattern="^(New|InProgress|Resolved)$")
    assigned_to: str | None = None
    classification: str | None = None
    determination: str | None = Field(None, max_length=100)
    comment: str | None = Field(None, max_length=30_000)


def changed(alert: Alert, change: AlertChange, comment: AlertComment | None) -> Alert:
    """The alert with what a PATCH says."""
    made = alert
    if change.status is not None:
        made = replace(made, status=AlertStatus(change.status))
    if change.assigned_to is not None:
        made = replace(made, assigned_to=change.assigned_to)
    if change.classification is not None:
        if change.classification not in _CLASSIFICATIONS:
            told = ", ".join(_CLASSIFICATIONS)
            raise Invalid(f"the classification `{change.classification[:60]}` is not supported; there are {told}")
        made = replace(made, classification=_lower(change.classification))
    if change.determination is not None:
        made = replace(made, determination=_lower(change.determination))
    return replace(made, comments=(*made.comments, comment)) if comment else made


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]
