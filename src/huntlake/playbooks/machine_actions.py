"""The ledger of actions on machines: who asked for what, and what became of it.

Nothing here touches a machine. A person, or an executor that a person has configured, takes a pending action and says
how it ended.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from huntlake.core.clock import Clock
from huntlake.core.errors import Conflict, Invalid, PreconditionFailed
from huntlake.state.documents import Document, Shelf
from huntlake.state.records import Author, Only, Owner, Records


class ActionType(StrEnum):
    """What is to be done, as Defender names it."""

    ISOLATE = "Isolate"
    UNISOLATE = "Unisolate"
    SCAN = "RunAntiVirusScan"
    COLLECT = "CollectInvestigationPackage"
    RESTRICT = "RestrictCodeExecution"
    UNRESTRICT = "UnrestrictCodeExecution"
    QUARANTINE = "StopAndQuarantineFile"
    OFFBOARD = "Offboard"


class ActionStatus(StrEnum):
    """How far an action is."""

    PENDING = "Pending"
    IN_PROGRESS = "InProgress"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    TIMED_OUT = "TimeOut"
    CANCELLED = "Cancelled"


NEXT = {
    ActionStatus.PENDING: frozenset(ActionStatus) - {ActionStatus.PENDING},
    ActionStatus.IN_PROGRESS: frozenset(ActionStatus) - {ActionStatus.PENDING, ActionStatus.IN_PROGRESS},
}
"""What an action can become; one that has ended stays as it is."""


class AlreadyActive(Conflict):
    """The machine has an action of that type that hasn't ended."""


@dataclass(frozen=True, slots=True)
class MachineAction:
    """One action on one machine."""

    type: ActionType
    machine_id: str
    computer_dns_name: str
    requestor: str
    comment: str
    scope: str = ""
    external_id: str = ""
    source: str = "PublicApi"
    sha1: str = ""
    status: ActionStatus = ActionStatus.PENDING
    error_code: int = 0
    created: datetime | None = None
    updated: datetime | None = None
    decided_by: str = ""
    """Who took it, or said how it ended."""
    decision_comment: str = ""
    cancellation_requestor: str = ""
    cancellation_comment: str = ""
    cancelled: datetime | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing will become of it any more."""
        return self.status not in NEXT


class MachineActions:
    """The actions of every workspace."""

    def __init__(self, shelf: Shelf, clock: Clock) -> None:
        self._clock = clock
        self._actions = Records(shelf, clock, "machine actions", MachineAction, _stamped)
        self._turns = Records(shelf, clock, "machine action turns", _Turn)

    def list(self, owner: Owner) -> list[Document[MachineAction]]:
        """Every action of a workspace, by id."""
        return self._actions.list(owner)

    def get(self, owner: Owner, id: str) -> Document[MachineAction]:
        """The action of that id; `NotFound` where there is none."""
        return self._actions.get(owner, id)

    def ask(self, owner: Owner, action: MachineAction) -> Document[MachineAction]:
        """Ask for an action. Asked again with the same external id, it is the same action.

        `AlreadyActive` where the machine has one of that type that hasn't ended.
        """
        key = f"{action.machine_id} {action.type}"
        while True:
            turn = self._turns.find(owner, key)
            for known in self.list(owner):
                other = known.value
                if (other.machine_id, other.type) != (action.machine_id, action.type):
                    continue
                if action.external_id and other.external_id == action.external_id:
                    return known
                if not other.ended:
                    raise AlreadyActive(f"the action {known.name} of that type hasn't ended on this machine")
            id = str(uuid.uuid4())
            made, _ = self._actions.put(owner, id, action)
            try:
                # Of two who ask at once, one writes here first; the other takes its action back, and looks again.
                self._turns.put(owner, key, _Turn(id), only=Only(turn.etag) if turn else Only(create=True))
            except (Conflict, PreconditionFailed):
                self._actions.delete(owner, id)
                continue
            return made

    def decide(
        self, owner: Owner, id: str, status: ActionStatus, by: str, comment: str = "", error_code: int = 0
    ) -> Document[MachineAction]:
        """Say how far an action is; `Conflict` where it can't become that any more."""

        def decided(action: MachineAction) -> MachineAction:
            _check(action, status)
            return replace(action, status=status, decided_by=by, decision_comment=comment, error_code=error_code)

        return self._actions.change(owner, id, decided)

    def cancel(self, owner: Owner, id: str, by: str, comment: str) -> Document[MachineAction]:
        """Call an action off; one that is cancelled already stays so. `Conflict` where it has ended otherwise."""

        def cancelled(action: MachineAction) -> MachineAction:
            if action.status is ActionStatus.CANCELLED:
                return action
            _check(action, ActionStatus.CANCELLED)
            return replace(
                action,
                status=ActionStatus.CANCELLED,
                cancellation_requestor=by,
                cancellation_comment=comment,
                cancelled=self._clock.now(),
            )

        return self._actions.change(owner, id, cancelled)


@dataclass(frozen=True, slots=True)
class _Turn:
    """The last action of a type on a machine."""

    id: str


def _check(action: MachineAction, status: ActionStatus) -> None:
    if status not in NEXT.get(action.status, frozenset()):
        raise Conflict(f"an action that is {action.status} can't become {status}")


def _stamped(action: MachineAction, before: MachineAction | None, _: Author, now: datetime) -> MachineAction:
    if not action.comment.strip():
        raise Invalid("an action needs a `Comment` that says why")
    return replace(action, created=before.created if before else now, updated=now)
