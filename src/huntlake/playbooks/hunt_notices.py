"""Notices of hunts: playbooks that tell people when a hunt waits for a review, or has found something.

How they tell it is the playbook's own business. It is set off by a request trigger, whose body says what has happened;
what happens with the hunt is decided elsewhere, by a person.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from huntlake.core.clock import Clock
from huntlake.core.errors import DomainError, Invalid, NotFound
from huntlake.playbooks.answers import plain
from huntlake.playbooks.runs.service import Runs
from huntlake.playbooks.runs.starting import Start, definition_of
from huntlake.playbooks.workflows import Workflow
from huntlake.state.documents import Document, Shelf
from huntlake.state.events import Occasion
from huntlake.state.records import Author, Records
from huntlake.wdl.definition.workflow import Trigger, TriggerType

_LOG = logging.getLogger("huntlake.playbooks")

NOBODY = Author()
VIA = "hunt notice"
"""How the runs begin by whose `via` it is known that they tell of a hunt."""


class HuntEvent(StrEnum):
    """What is told."""

    AWAITING_REVIEW = "HuntAwaitingReview"
    FINDINGS = "HuntFindings"


@dataclass(frozen=True, slots=True)
class HuntNotice:
    """Which playbook is run when something happens to a hunt, and when.

    `least_score`, from 0 to 1, is that of the best cluster that is worth telling.
    """

    playbook: str
    events: tuple[HuntEvent, ...] = tuple(HuntEvent)
    least_score: float = 0.0
    description: str = ""
    enabled: bool = True
    created: datetime | None = None
    changed: datetime | None = None
    changed_by: Author = NOBODY


class HuntNotices:
    """Runs the playbooks that tell of hunts."""

    def __init__(self, shelf: Shelf, clock: Clock, runs: Runs) -> None:
        self._runs = runs
        self.records = Records(shelf, clock, "hunt notices", HuntNotice, _stamped)

    def tell(self, occasion: Occasion, event: HuntEvent, said: Mapping[str, Any]) -> None:
        """Something has happened to a hunt: `said` is what playbooks are told, with `event` and `timeUtc` beside it.

        An occasion that is told twice runs a playbook once.
        """
        score = said.get("score")
        for notice in self.records.list((occasion.workspace,)):
            if not notice.value.enabled or event not in notice.value.events:
                continue
            if isinstance(score, float) and score < notice.value.least_score:
                continue
            try:
                self._run(occasion, notice, {"event": event.value, "timeUtc": occasion.at, **said})
            except DomainError as error:
                # Told again it would fail again; what waits is still in the queue.
                _LOG.warning("nobody is told of the hunt %s by `%s`: %s", said.get("hunt"), notice.name, error)

    def _run(self, occasion: Occasion, notice: Document[HuntNotice], body: Mapping[str, Any]) -> None:
        workflow = self._runs.workflows.find(notice.value.playbook)
        if workflow is None or workflow.value.workspace.lower() != occasion.workspace.lower():
            raise NotFound(f"the workspace has no playbook `{notice.value.playbook}`")
        start = Start(
            {"headers": {}, "body": plain(dict(body))},
            Author(name="Hunting", via=(f"{VIA} {notice.name}",)),
            _trigger(workflow).name,
            f"{occasion.id}/{notice.name.lower()}",
            occasion.at,
            house=True,
        )
        self._runs.fire(workflow, start)


def _trigger(workflow: Document[Workflow]) -> Trigger:
    for trigger in definition_of(workflow.value.definition).triggers:
        if trigger.type is TriggerType.REQUEST:
            return trigger
    raise Invalid(f"the playbook `{workflow.name}` isn't set off by a request")


def _stamped(notice: HuntNotice, before: HuntNotice | None, by: Author, now: datetime) -> HuntNotice:
    if not notice.playbook or not notice.events:
        raise Invalid("a notice says which playbook is run, and when")
    if not 0 <= notice.least_score <= 1:
        raise Invalid("a score lies between 0 and 1")
    return replace(notice, created=before.created if before else now, changed=now, changed_by=by)
