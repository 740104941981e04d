"""The states of a hunt, and who may bring it from one to another: one table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class HuntState(StrEnum):
    """How far a hunt is."""

    DRAFT = "draft"
    INVALID = "invalid"
    VALIDATED = "validated"
    DRY_RUN_FAILED = "dry_run_failed"
    DRY_RUN_OK = "dry_run_ok"
    IN_REVIEW = "in_review"
    CHANGES_REQUESTED = "changes_requested"
    REJECTED = "rejected"
    APPROVED = "approved"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    FINDINGS = "findings"
    NO_FINDINGS = "no_findings"
    SUSPENDED = "suspended"
    EXPIRED = "expired"
    PROMOTED = "promoted"
    RETIRED = "retired"


class By(StrEnum):
    """Who may take a step. A model is never among them."""

    SYSTEM = "system"
    AUTHOR = "author"
    """The person who wrote the version, or asked for it, or any who may author."""
    APPROVER = "approver"
    """A person who may approve, and isn't the version's author."""
    PERSON = "person"
    """A person who may author."""
    SCHEDULER = "scheduler"
    BREAKER = "breaker"


@dataclass(frozen=True, slots=True)
class Move:
    """A step from one state to another, by one of those, under the guards of these names (see `guards`)."""

    before: HuntState
    after: HuntState
    by: frozenset[By]
    guards: tuple[str, ...] = ()


PROVABLE = (
    HuntState.DRAFT,
    HuntState.INVALID,
    HuntState.VALIDATED,
    HuntState.DRY_RUN_FAILED,
    HuntState.DRY_RUN_OK,
    HuntState.EXPIRED,
)
"""Where a proof decides how a version goes on. Elsewhere it is only noted."""

READY = (HuntState.SCHEDULED, HuntState.FINDINGS, HuntState.NO_FINDINGS)
"""Where a version may be run."""

ON_DUTY = (*READY, HuntState.RUNNING, HuntState.SUSPENDED)
"""Where a version stays, beside a newer one that is worked on."""

_RUNS = ("content_is_approved", "approval_is_young", "schema_is_unchanged", "dry_run_since_suspended")
RUNS = (*_RUNS, "nothing_is_stopped")
"""The guards of a run."""


def _moves(
    before: HuntState | Iterable[HuntState], after: HuntState, by: By | tuple[By, ...], *guards: str
) -> tuple[Move, ...]:
    starts = (before,) if isinstance(before, HuntState) else before
    who = frozenset((by,) if isinstance(by, By) else by)
    return tuple(Move(start, after, who, guards) for start in starts if start is not after)


MOVES: tuple[Move, ...] = (
    *_moves(PROVABLE, HuntState.VALIDATED, By.SYSTEM, "proof_is_good"),
    *_moves(PROVABLE, HuntState.INVALID, By.SYSTEM, "proof_has_errors"),
    *_moves(HuntState.VALIDATED, HuntState.DRY_RUN_OK, By.SYSTEM, "proof_is_good", "dry_run_is_good"),
    *_moves(HuntState.VALIDATED, HuntState.DRY_RUN_FAILED, By.SYSTEM, "dry_run_is_bad"),
    *_moves(
        HuntState.DRY_RUN_OK,
        HuntState.IN_REVIEW,
        (By.AUTHOR, By.SYSTEM),
        "proof_is_good",
        "dry_run_is_good",
        "is_described",
    ),
    # The first row that fits who acts counts.
    *_moves(
        HuntState.IN_REVIEW,
        HuntState.APPROVED,
        By.APPROVER,
        "four_eyes",
        "senior_for_models",
        "is_seen",
        "has_comment",
        "proof_is_good",
        "rests_on_what_was_proved",
    ),
    *_moves(
        HuntState.IN_REVIEW,
        HuntState.APPROVED,
        By.SYSTEM,
        "is_seen",
        "proof_is_good",
        "rests_on_what_was_proved",
        "policy_approves",
    ),
    *_moves(HuntState.IN_REVIEW, HuntState.CHANGES_REQUESTED, By.APPROVER, "four_eyes", "is_seen", "has_comment"),
    *_moves(HuntState.IN_REVIEW, HuntState.REJECTED, By.APPROVER, "four_eyes", "is_seen", "has_comment"),
    # A version whose content was approved before needs nobody to read it again: see `roll_back`.
    *_moves(HuntState.DRAFT, HuntState.APPROVED, By.PERSON, "rolls_back", *_RUNS),
    *_moves(HuntState.APPROVED, HuntState.SCHEDULED, By.PERSON, *_RUNS),
    *_moves(HuntState.APPROVED, HuntState.SCHEDULED, By.SYSTEM, *_RUNS, "policy_schedules"),
    *_moves(READY, HuntState.RUNNING, (By.SCHEDULER, By.PERSON), *RUNS),
    *_moves(HuntState.RUNNING, HuntState.FINDINGS, By.SCHEDULER),
    *_moves(HuntState.RUNNING, HuntState.NO_FINDINGS, By.SCHEDULER),
    *_moves(HuntState.RUNNING, HuntState.SCHEDULED, By.SCHEDULER, "has_reason"),
    *_moves((*READY, HuntState.RUNNING), HuntState.SUSPENDED, (By.BREAKER, By.PERSON), "has_reason"),
    *_moves(HuntState.SUSPENDED, HuntState.SCHEDULED, By.PERSON, *_RUNS, "has_reason"),
    *_moves((HuntState.APPROVED, *READY, HuntState.SUSPENDED), HuntState.EXPIRED, By.SYSTEM, "is_overdue"),
    *_moves(READY, HuntState.PROMOTED, By.PERSON, "has_found", "has_rule"),
    *_moves(HuntState.PROMOTED, HuntState.SCHEDULED, By.PERSON, *_RUNS, "has_reason"),
    *_moves(HuntState, HuntState.RETIRED, By.PERSON, "has_reason"),
    *_moves(READY, HuntState.RETIRED, By.SYSTEM, "is_quiet_and_superseded"),
)
"""Every step there is, but that an edit begins a new version in `draft`."""
