"""What runs the rules, and what is told of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from huntlake.assembly.analytics import appending
from huntlake.core.clock import Clock

if TYPE_CHECKING:
    from huntlake.assembly.analytics import Analytics
    from huntlake.core.settings import Settings
    from huntlake.detection.scheduling.service import Scheduler
    from huntlake.detection.service import Detection
    from huntlake.identity.tenant import Subscription
    from huntlake.state.database import Database
    from huntlake.state.records import Owner
    from huntlake.workspace.workspaces import Workspaces


def scheduler_over(
    state: Database,
    clock: Clock,
    settings: Settings,
    analytics: Analytics,
    detection: Detection,
    workspaces: Workspaces,
    subscription: Subscription,
    holding: Callable[[Owner], Mapping[str, str]],
) -> Scheduler:
    from huntlake.detection.auditing import Audit, RuleChanged
    from huntlake.detection.scheduling.health import Health
    from huntlake.detection.scheduling.service import Scheduler
    from huntlake.detection.scheduling.working import Pace

    append = appending(analytics, workspaces)

    def resource_id(workspace: str, rule: str) -> str:
        return (
            f"/subscriptions/{subscription.id}/resourceGroups/{subscription.group}/providers/"
            f"Microsoft.OperationalInsights/workspaces/{workspace}/providers/Microsoft.SecurityInsights/"
            f"alertRules/{rule}"
        )

    def workspace_id(workspace: str) -> str:
        return workspaces.get(workspace).id

    detection.events.listen(RuleChanged, Audit(append, resource_id, workspace_id).heard)
    return Scheduler(
        state,
        clock,
        detection.rules,
        detection.raising,
        detection.events,
        analytics.queries,
        workspaces.list,
        Health(append, resource_id, workspace_id),
        Pace(
            settings.rules_at_once,
            timedelta(seconds=settings.rule_timeout),
            timedelta(days=settings.catch_up_days),
        ),
        holding=holding,
    )
