"""What stops the hunting of a workspace, or of all: a person's word."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from huntlake.core.clock import Clock
from huntlake.core.errors import Conflict, NotFound, Refused
from huntlake.hunting.lifecycle.acting import Acting
from huntlake.hunting.lifecycle.states import By
from huntlake.state.audit import Actor, AuditEntry, AuditTrail
from huntlake.state.documents import Shelf, Write
from huntlake.state.records import Change, Owner, Records

EVERYWHERE: Owner = ("all workspaces",)
"""Whose stop is everybody's. No workspace can have this name: it holds a blank."""

_NAME = "stop"


@dataclass(frozen=True, slots=True)
class Stop:
    """That no hunt runs: since when, by whom, and why; `lifted` where they run again."""

    reason: str
    at: datetime
    actor: Actor
    lifted: bool = False


class Stops:
    """The stops that persons have made. `workspaces` names those whose audit tells of one that is for all; `rules`
    those of a workspace that were made of hunts, which it stops, too.
    """

    def __init__(
        self,
        shelf: Shelf,
        clock: Clock,
        audit: AuditTrail,
        workspaces: Callable[[], Iterable[str]],
        rules: Callable[[Owner], Iterable[str]] = lambda owner: (),
    ) -> None:
        self._clock, self._audit, self._workspaces, self._rules = clock, audit, workspaces, rules
        self._records = Records(shelf, clock, "hunting stops", Stop, also=self._beside)

    def why(self, owner: Owner) -> str:
        """Why no hunt of a workspace runs; nothing where they may."""
        for whose, where in ((EVERYWHERE, "everywhere"), (owner[:1], "in this workspace")):
            found = self._records.find(whose, _NAME)
            if found is not None and not found.value.lifted:
                return f"hunting is stopped {where} since {found.value.at:%Y-%m-%d %H:%M} UTC: {found.value.reason}"
        return ""

    def stop(self, owner: Owner, by: Acting, reason: str) -> None:
        """Let no hunt begin from now on, nor a rule that was made of one; whoever may hunt or approve may say so."""
        if not by.is_person or not by.parts & {By.PERSON, By.APPROVER}:
            raise Refused("only a person who may hunt or approve hunts stops hunting")
        self._put(owner, by, reason, lifted=False)

    def lift(self, owner: Owner, by: Acting, reason: str) -> None:
        """Let hunts and their rules run again; only who may approve hunts may say so."""
        if not by.is_person or By.APPROVER not in by.parts:
            raise Refused("only a person who may approve hunts lets hunting go on")
        found = self._records.find(owner[:1], _NAME)
        if found is None or found.value.lifted:
            raise NotFound("hunting isn't stopped there")
        self._put(owner, by, reason, lifted=True)

    def _put(self, owner: Owner, by: Acting, reason: str, *, lifted: bool) -> None:
        if not reason.strip():
            raise Conflict("no reason is given; give one")
        self._records.put(owner[:1], _NAME, Stop(reason.strip()[:2000], self._clock.now(), by.actor, lifted), by.author)

    def _beside(self, change: Change[Stop]) -> list[Write]:
        after, writes = change.after, list[Write]()
        assert after is not None
        told = list(self._workspaces()) if change.owner == EVERYWHERE else [change.owner[0]]
        for workspace in told:
            entry = AuditEntry(
                after.actor,
                "hunting/go on" if after.lifted else "hunting/stop",
                "workspace" if change.owner != EVERYWHERE else "all workspaces",
                workspace,
                reason=after.reason,
                details={"rules": " ".join(rules)} if (rules := sorted(self._rules((workspace,)))) else {},
            )
            writes += self._audit.entries((workspace,), entry)
        return writes
