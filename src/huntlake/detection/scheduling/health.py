"""What became of runs of rules, as rows of `SentinelHealth`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from huntlake.detection.rules import Aggregation, AnalyticRule, RuleKind
from huntlake.detection.running import Run, Window
from huntlake.detection.scheduling.failures import Failure, Reason

HEALTH = "SentinelHealth"
RESOURCE_TYPE = "Analytics Rule"
_RECORDS = UUID("7a4b2f60-6d2b-4f3c-9a51-0c1f6f1d5e0b")

Append = Callable[[str, str, Sequence[Mapping[str, Any]]], object]
"""Takes rows into a table of a workspace: its name, the table's name, the rows."""

ResourceId = Callable[[str, str], str]
"""The id that Azure Resource Manager has for a rule of a workspace."""


@dataclass(frozen=True)
class Health:
    """Writes a row for each run. A run that is told again has the same `RecordId`."""

    append: Append
    resource_id: ResourceId
    workspace_id: Callable[[str], str]

    def ran(
        self, workspace: str, name: str, rule: AnalyticRule, window: Window, at: datetime, outcome: Run | Failure
    ) -> None:
        """Tell of one look at one window."""
        failure = outcome if isinstance(outcome, Failure) else None
        description = f"{failure.reason} {failure.detail}" if failure else _success(outcome, rule)
        status = "Failure" if failure else "Success"
        extended = _extended(name, rule, window, outcome)
        place = f"{workspace}/{name.lower()}/{window.until.isoformat()}/{status}/{at.isoformat() if failure else ''}"
        self._write(workspace, name, rule, at, status, description, failure.reason if failure else "", extended, place)

    def told(self, workspace: str, name: str, rule: AnalyticRule, at: datetime, reason: Reason, detail: str) -> None:
        """Tell of a rule that doesn't run, or doesn't look at all that it should."""
        place = f"{workspace}/{name.lower()}/{reason}/{detail}/{at.isoformat()}"
        self._write(
            workspace, name, rule, at, "Failure", f"{reason} {detail}".strip(), reason, {"RuleId": name.lower()}, place
        )

    def _write(
        self,
        workspace: str,
        name: str,
        rule: AnalyticRule,
        at: datetime,
        status: str,
        description: str,
        reason: str,
        extended: Mapping[str, Any],
        place: str,
    ) -> None:
        record = str(uuid5(_RECORDS, place))
        row = {
            "TimeGenerated": _moment(at),
            "OperationName": f"{'NRT' if rule.kind is RuleKind.NRT else 'Scheduled'} analytics rule run",
            "SentinelResourceId": self.resource_id(workspace, name),
            "SentinelResourceName": rule.display_name,
            "SentinelResourceKind": str(rule.kind),
            "SentinelResourceType": RESOURCE_TYPE,
            "Status": status,
            "Description": description,
            "Reason": str(reason),
            "RecordId": record,
            "WorkspaceId": self.workspace_id(workspace),
            "SourceSystem": "Azure",
            "ExtendedProperties": {**extended, "CorrelationId": record},
        }
        self.append(workspace, HEALTH, [row])


def _success(run: Run | Failure, rule: AnalyticRule) -> str:
    assert isinstance(run, Run)
    if run.triggered:
        said = f"Rule executed successfully, generating {len(run.alerts)} alert(s)."
    else:
        threshold = rule.trigger_threshold or 0
        said = (
            f"Rule executed successfully, but did not reach the threshold ({threshold}) required to generate an alert."
        )
    return " ".join((said, *(f"{note[:1].upper()}{note[1:]}." for note in run.notes)))


def _extended(name: str, rule: AnalyticRule, window: Window, outcome: Run | Failure) -> dict[str, Any]:
    run = outcome if isinstance(outcome, Run) else None
    grouping = rule.event_grouping_settings
    extended: dict[str, Any] = {
        "RuleId": name.lower(),
        "TriggerType": "NrtRun" if rule.kind is RuleKind.NRT else "Scheduled",
        "QueryStartTimeUTC": _moment(window.since),
        "QueryEndTimeUTC": _moment(window.until),
        "QueryPeriod": _span(window.until - window.since),
        "AggregationKind": str(grouping.aggregation_kind if grouping else Aggregation.SINGLE_ALERT),
        "SuppressionEnabled": str(rule.suppression_enabled),
        "SuppressionDuration": _span(rule.suppression_duration),
        "AlertsGeneratedAmount": len(run.alerts) if run else 0,
        "EntitiesGeneratedAmount": sum(len(one.alert.entities) for one in run.alerts) if run else 0,
        "QueryResultAmount": run.rows if run else 0,
    }
    if rule.query_frequency is not None:
        extended["QueryFrequency"] = _span(rule.query_frequency)
    if rule.trigger_operator is not None:
        extended |= {"TriggerOperator": str(rule.trigger_operator), "TriggerThreshold": rule.trigger_threshold}
    if not isinstance(outcome, Run):
        extended["Issues"] = [{"Code": outcome.reason.name, "Description": outcome.detail}]
    elif outcome.notes:
        extended["Issues"] = [{"Code": "NOTE", "Description": note} for note in outcome.notes]
    return extended


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _span(span: timedelta) -> str:
    """A duration as .NET writes it, `1.02:03:04`."""
    minutes, seconds = divmod(int(span.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{f'{days}.' if days else ''}{hours:02}:{minutes:02}:{seconds:02}"
