"""Notices: playbooks that tell people when something waits for them.

How they tell it is the playbook's own business: a mail, a message, a webhook. It is set off by a request trigger, whose
body says what is asked, by whom, and where it can be decided; it decides nothing itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from huntlake.core.clock import Clock
from huntlake.core.errors import DomainError, Invalid, NotFound
from huntlake.playbooks.answers import plain
from huntlake.playbooks.approvals import Approval, ApprovalRequested, Approvals, Kind, Status
from huntlake.playbooks.runs.service import Runs
from huntlake.playbooks.runs.starting import Start, definition_of
from huntlake.playbooks.workflows import Workflow
from huntlake.state.documents import Document, Shelf
from huntlake.state.events import Occasion
from huntlake.state.records import Author, Records
from huntlake.wdl.definition.workflow import Trigger, TriggerType

_LOG = logging.getLogger("huntlake.playbooks")

NOBODY = Author()
VIA = "approval notice"
"""How the runs begin by whose `via` it is known that they tell of an approval."""


@dataclass(frozen=True, slots=True)
class ApprovalNotice:
    """Which playbook is run when something waits for a person, and for what.

    Patterns have `*` and `?`, and any case.
    """

    playbook: str
    kinds: tuple[Kind, ...] = (Kind.APPROVAL, Kind.QUESTION)
    workflow: str = "*"
    """Pattern of the name of the playbook that asks."""
    connector: str = "*"
    """Pattern of the connector whose operation waits."""
    description: str = ""
    enabled: bool = True
    created: datetime | None = None
    changed: datetime | None = None
    changed_by: Author = NOBODY


def approval_notices(shelf: Shelf, clock: Clock) -> Records[ApprovalNotice]:
    """The notices of each workspace, by name."""
    return Records(shelf, clock, "approval notices", ApprovalNotice, _stamped)


class Notices:
    """Runs the playbooks that tell of what waits."""

    def __init__(
        self, records: Records[ApprovalNotice], approvals: Approvals, runs: Runs, base: Callable[[], str]
    ) -> None:
        self._approvals, self._runs, self._base = approvals, runs, base
        self.records = records

    def heard(self, occasion: Occasion, event: ApprovalRequested) -> None:
        """Something waits for a person."""
        owner = (occasion.workspace,)
        try:
            approval = self._approvals.get(owner, event.approval)
        except NotFound:
            return
        # What tells of approvals may need one itself: nobody is told of that, or it never ended.
        if approval.value.status is not Status.PENDING or any(v.startswith(VIA) for v in approval.value.asked_by.via):
            return
        for notice in self.records.list(owner):
            if _fits(notice.value, approval.value):
                try:
                    self._run(occasion, notice, approval)
                except DomainError as error:
                    # Told again it would fail again; what waits is still to be seen in the pages.
                    _LOG.warning("nobody is told of the approval %s by `%s`: %s", approval.name, notice.name, error)

    def _run(self, occasion: Occasion, notice: Document[ApprovalNotice], approval: Document[Approval]) -> None:
        workflow = self._runs.workflows.find(notice.value.playbook)
        if workflow is None or workflow.value.workspace.lower() != occasion.workspace.lower():
            raise NotFound(f"the workspace has no playbook `{notice.value.playbook}`")
        trigger = _trigger(workflow)
        by = Author(name="Approval", via=(f"{VIA} {notice.name}",))
        outputs = {"headers": {}, "body": shown(approval, self._base())}
        start = Start(
            outputs,
            by,
            trigger.name,
            f"{occasion.id}/{notice.name.lower()}",
            occasion.at,
            incident=approval.value.incident,
            house=True,
        )
        self._runs.fire(workflow, start)


def shown(approval: Document[Approval], base: str) -> dict[str, Any]:
    """What a playbook is told of something that waits; `base` is where people see this server."""
    value = approval.value
    made: dict[str, Any] = plain(
        {
            "approval": approval.name,
            "kind": value.kind.value,
            "summary": value.summary,
            "text": value.text,
            "workflow": value.workflow,
            "run": value.run,
            "action": value.action,
            "incident": value.incident,
            "connector": value.connector,
            "operation": value.operation,
            "effect": value.effect,
            "inputs": dict(value.inputs),
            "inputsHash": value.hash,
            "reasons": list(value.reasons),
            "requestedBy": value.asked_by.name or value.asked_by.object_id,
            "requestedTimeUtc": value.asked,
            "expirationTimeUtc": value.expires,
            "approvers": sorted({a for group in value.approvers for a in group}),
            "recipients": value.recipients,
            "options": [o.title or o.name for o in value.options],
            "url": f"{base}/app/playbooks?view=approvals" if base else "",
        }
    )
    return made


def _fits(notice: ApprovalNotice, approval: Approval) -> bool:
    pairs = ((approval.workflow, notice.workflow), (approval.connector, notice.connector))
    return (
        notice.enabled
        and approval.kind in notice.kinds
        and all(fnmatchcase(name.lower(), pattern.lower()) for name, pattern in pairs)
    )


def _trigger(workflow: Document[Workflow]) -> Trigger:
    for trigger in definition_of(workflow.value.definition).triggers:
        if trigger.type is TriggerType.REQUEST:
            return trigger
    raise Invalid(f"the playbook `{workflow.name}` isn't set off by a request")


def _stamped(notice: ApprovalNotice, before: ApprovalNotice | None, by: Author, now: datetime) -> ApprovalNotice:
    if not notice.playbook or not notice.kinds:
        raise Invalid("a notice says which playbook is run, and for what")
    return replace(notice, created=before.created if before else now, changed=now, changed_by=by)
