"""What detection tells the floors above it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from huntlake.detection.incidents import Incident
from huntlake.state.records import Author


class UpdateSource(StrEnum):
    """By what an incident was changed."""

    USER = "User"
    ALERT_GROUPING = "AlertGrouping"
    AUTOMATION_RULE = "AutomationRule"
    PLAYBOOK = "Playbook"


ALERT_GROUPING = Author(name="Alert grouping")
"""Who adds a rule's later alerts to an incident."""


@dataclass(frozen=True, slots=True)
class AlertCreated:
    """An alert of that name is there."""

    alert: str
    by: Author


@dataclass(frozen=True, slots=True)
class IncidentCreated:
    """An incident of that name is there, with what it holds."""

    incident: str
    by: Author


@dataclass(frozen=True, slots=True)
class IncidentUpdated:
    """An incident, or what it holds, has changed. What was `added` is named, or said in short."""

    incident: str
    before: Incident
    after: Incident
    by: Author
    added_alerts: tuple[str, ...] = ()
    added_comments: tuple[str, ...] = ()
    added_tactics: tuple[str, ...] = ()

    @property
    def source(self) -> UpdateSource:
        """By what it was changed."""
        if self.by.via:
            kind = self.by.via[-1].partition(" ")[0]
            return UpdateSource.PLAYBOOK if kind == "playbook" else UpdateSource.AUTOMATION_RULE
        return UpdateSource.ALERT_GROUPING if self.by == ALERT_GROUPING else UpdateSource.USER

    @property
    def sets_off(self) -> bool:
        """Whether rules about updates hear of it: a property has changed, or an alert, a comment or a tactic was added.

        A task isn't among these: rules that add tasks would set each other off, each time with new ones.
        """
        return bool(self.before != self.after or self.added_alerts or self.added_comments or self.added_tactics)

    @property
    def added_labels(self) -> tuple[str, ...]:
        """The tags that it has got."""
        had = {label.label_name for label in self.before.labels}
        return tuple(label.label_name for label in self.after.labels if label.label_name not in had)
