"""Who changed which rule, as rows of `SentinelAudit`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from typing import Any
from uuid import UUID, uuid5

from huntlake.detection.rules import AnalyticRule
from huntlake.state.documents import Write
from huntlake.state.events import Events, Occasion
from huntlake.state.records import Author, Change

AUDIT = "SentinelAudit"
_RECORDS = UUID("2c6bb7c6-0f0e-4d0e-9b0d-7f1de3b5ac11")
_STAMPED = "last_modified"


@dataclass(frozen=True, slots=True)
class RuleChanged:
    """A rule was made, changed, or, without `after`, deleted."""

    rule: str
    by: Author
    before: AnalyticRule | None = None
    after: AnalyticRule | None = None


def with_rule(events: Events, change: Change[AnalyticRule]) -> list[Write]:
    """What is written with a rule: the event that tells of it, unless nothing has changed."""
    before, after = change.before, change.after
    if before is not None and after is not None and replace(before, last_modified=after.last_modified) == after:
        return []
    return [events.append(change.owner, RuleChanged(change.name, change.by, before, after))]


@dataclass(frozen=True)
class Audit:
    """Writes a row for each change of a rule. A change that is told again has the same `CorrelationId`."""

    append: Callable[[str, str, Sequence[Mapping[str, Any]]], object]
    resource_id: Callable[[str, str], str]
    workspace_id: Callable[[str], str]

    def heard(self, occasion: Occasion, event: RuleChanged) -> None:
        """Tell of one change."""
        rule = event.after or event.before
        if rule is None:
            return
        id = self.resource_id(occasion.workspace, event.rule)
        place, _, _ = id.partition("/providers/Microsoft.SecurityInsights")
        parts = place.split("/")
        before, after = _state(event.before), _state(event.after)
        operation = "Write" if event.after else "Delete"
        row = {
            "TimeGenerated": occasion.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "OperationName": f"Microsoft.SecurityInsights/alertRules/{operation}",
            "SentinelResourceId": id,
            "SentinelResourceName": rule.display_name,
            "SentinelResourceKind": str(rule.kind),
            # The reference spells it differently here and in the table of health, and so do people's queries.
            "SentinelResourceType": "Analytic Rule",
            "Status": "Success",
            "Description": "Create or update analytics rule" if event.after else "Analytics rule deleted",
            "CorrelationId": str(uuid5(_RECORDS, occasion.id)),
            "WorkspaceId": self.workspace_id(occasion.workspace),
            "SourceSystem": "Azure",
            "ExtendedProperties": {
                "CallerName": event.by.name or event.by.object_id,
                "CallerObjectId": event.by.object_id,
                "OriginalResourceState": before,
                "UpdatedResourceState": after,
                "ResourceDiffMemberNames": sorted(k for k in {*before, *after} if before.get(k) != after.get(k)),
                "ResourceDisplayName": rule.display_name,
                "ResourceGroupName": parts[4] if len(parts) > 4 else "",
                "ResourceId": id,
                "SubscriptionId": parts[2] if len(parts) > 2 else "",
                "Uri": id,
                "WorkspaceId": place,
                "WorkspaceName": occasion.workspace,
            },
        }
        self.append(occasion.workspace, AUDIT, [row])


def _state(rule: AnalyticRule | None) -> dict[str, Any]:
    """A rule as JSON says it, without what the store itself enters."""
    from pydantic import TypeAdapter

    said = TypeAdapter(AnalyticRule).dump_python(rule, mode="json", exclude_none=True) if rule else {}
    return {k: v for k, v in said.items() if k != _STAMPED}
