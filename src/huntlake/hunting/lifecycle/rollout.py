"""How much a workspace's hunting decides by itself, in three phases, and what it takes in each.

In the first a person takes every step from review on. In the second, versions of a template that differ from approved
ones in nothing but their parameters are approved by themselves, and approved hunts become rules of low severity. In the
third, those are scheduled by themselves, too. Promotion and the closing of incidents stay a person's in all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from math import sqrt
from typing import Protocol

from huntlake.core.clock import Clock
from huntlake.core.errors import Conflict, Invalid, Refused
from huntlake.hunting.drafting.draft import DraftSource
from huntlake.hunting.hypotheses.hypothesis import Maker
from huntlake.hunting.lifecycle.acting import Acting
from huntlake.hunting.lifecycle.hunt import Decision, GovernedHunt, HuntContent, HuntVersion
from huntlake.hunting.lifecycle.states import By
from huntlake.state.audit import Actor, AuditEntry, AuditTrail
from huntlake.state.documents import Shelf, Write
from huntlake.state.records import Change, Owner, Records

HUMAN_APPROVALS = 20
"""How many contents of a template persons must have approved before one is approved by itself."""

LEAST_PRECISION = 0.5
"""The lower bound of the share of a template's clusters that were worth a look."""

_PHASE = "phase"

Hunts = Callable[[], Iterable[GovernedHunt]]
"""Gives the hunts of a workspace: only where they have to be read."""


class Outcomes(Protocol):
    """What people said of what a template's hunts found."""

    def judged(self, owner: Owner, template: str) -> tuple[int, int]:
        """How many clusters were worth a look, and how many were judged."""
        ...


class NoOutcomes:
    """Nothing was judged yet."""

    def judged(self, owner: Owner, template: str) -> tuple[int, int]:
        return 0, 0


@dataclass(frozen=True, slots=True)
class Rollout:
    """The phase of a workspace, since when, by whom and why."""

    phase: int = 1
    since: datetime | None = None
    reason: str = ""
    actor: Actor | None = None
    action: str = ""
    request: str = ""
    writes: int = 0


class Rollouts:
    """The phase of every workspace."""

    def __init__(self, shelf: Shelf, clock: Clock, audit: AuditTrail) -> None:
        self._clock, self._audit = clock, audit
        self._records = Records(shelf, clock, "hunting rollout", Rollout, also=self._also)

    def of(self, owner: Owner) -> Rollout:
        """The phase of a workspace, the first where nobody has said anything else."""
        found = self._records.find((owner[0],), _PHASE)
        return found.value if found else Rollout()

    def set(self, owner: Owner, phase: int, by: Acting, reason: str) -> Rollout:
        """Bring a workspace into a phase; a senior hunter may, and says why."""
        if phase not in (1, 2, 3):
            raise Invalid(f"there is no phase {phase}: phases are 1, 2 and 3")
        if not by.is_person or not by.senior:
            raise Refused("only a senior hunter, who is a person, says how much this house decides by itself")
        if not reason.strip():
            raise Conflict("no reason is given; give one")
        return self._put(owner, phase, by, "set phase", reason)

    def fall_back(self, owner: Owner, by: Acting, reason: str) -> Rollout:
        """Bring a workspace one phase down: a breaker of the whole workspace has opened."""
        if By.BREAKER not in by.parts:
            raise Refused("only a breaker falls back; a senior hunter sets the phase")
        now = self.of(owner)
        return now if now.phase == 1 else self._put(owner, now.phase - 1, by, "fall back", reason)

    def _put(self, owner: Owner, phase: int, by: Acting, action: str, reason: str) -> Rollout:
        def changed(now: Rollout) -> Rollout:
            return Rollout(phase, self._clock.now(), reason.strip(), by.actor, action, by.request, now.writes + 1)

        if self._records.find((owner[0],), _PHASE) is None:
            return self._records.put((owner[0],), _PHASE, changed(Rollout()), by.author)[0].value
        return self._records.change((owner[0],), _PHASE, changed, by.author).value

    def _also(self, change: Change[Rollout]) -> list[Write]:
        before, after = change.before or Rollout(), change.after
        assert after is not None
        assert after.actor is not None
        assert after.writes == before.writes + 1
        entry = AuditEntry(
            after.actor,
            f"rollout/{after.action}",
            "rollout",
            change.owner[0],
            from_state=f"phase {before.phase}",
            to_state=f"phase {after.phase}",
            reason=after.reason,
            request_id=after.request,
        )
        return list(self._audit.entries(change.owner, entry))


@dataclass(frozen=True)
class Policy:
    """What this house approves and schedules by itself. Each question is answered with why not; nothing is yes."""

    rollouts: Rollouts
    outcomes: Outcomes

    def approves(self, owner: Owner, hunt: GovernedHunt, version: HuntVersion, hunts: Hunts) -> str:
        """Why a version isn't approved without a person."""
        phase = self.rollouts.of(owner).phase
        if phase < 2:
            return "in phase 1 a person approves every hunt"
        draft = version.draft
        if draft is None or draft.source is not DraftSource.TEMPLATE or not draft.reference:
            return "it isn't made from a template"
        if version.maker is not Maker.CORE or version.model:
            return "it isn't what the core made of the template"
        said = [r for r in hunt.reviews if r.content_hash == version.content.hash and not r.automatic]
        if said and said[-1].decision is not Decision.APPROVED:
            return "a person has said otherwise of this content"
        if draft.query != version.content.query:
            return "its query isn't the template's"
        if version.proof is None or version.proof.cost is None:
            return "nothing is known of its cost"
        if version.proof.cost.bytes > version.content.limits.read_bytes:
            return "it costs more than it may"
        alike = human_approvals(hunts(), version)
        if alike < HUMAN_APPROVALS:
            return f"persons have approved {alike} of its like, and {HUMAN_APPROVALS} are wanted"
        good, judged = self.outcomes.judged(owner, draft.reference)
        least = wilson_low(good, judged)
        if least < LEAST_PRECISION:
            share = f"of what its like found, {good} of {judged} were worth a look"
            return f"{share}: at least {least:.2f}, where {LEAST_PRECISION} is wanted"
        return ""

    def schedules(self, owner: Owner, hunt: GovernedHunt, version: HuntVersion) -> str:
        """Why a version isn't scheduled without a person."""
        if self.rollouts.of(owner).phase < 3:
            return "in phases 1 and 2 a person schedules every hunt"
        approval = hunt.approval(version.content.hash)
        return "" if approval is not None and approval.automatic else "a person approved it, and schedules it"


def shape(content: HuntContent) -> str:
    """What is the same of contents that differ in nothing but the values of their parameters."""
    names = tuple((name, "") for name, _ in content.parameters)
    return replace(content, parameters=names).hash


def human_approvals(hunts: Iterable[GovernedHunt], version: HuntVersion) -> int:
    """How many contents of the same template and shape persons have approved, and not taken back since."""
    template, wanted = version.draft.reference if version.draft else "", shape(version.content)
    approved = set()
    for hunt in hunts:
        for one in hunt.versions:
            if one.draft is None or one.draft.reference != template or shape(one.content) != wanted:
                continue
            approval = hunt.approval(one.content.hash)
            if approval is not None and approval.decision is Decision.APPROVED and not approval.automatic:
                approved.add(one.content.hash)
    return len(approved)


def wilson_low(good: int, all: int, z: float = 1.96) -> float:
    """The lower end of the 95 % interval of a share (Wilson); 0 where nothing is known."""
    if all <= 0:
        return 0.0
    share, square = good / all, z * z
    middle = share + square / (2 * all)
    spread = z * sqrt(share * (1 - share) / all + square / (4 * all * all))
    return max(0.0, (middle - spread) / (1 + square / all))
