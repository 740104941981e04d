"""What must hold for a step to be taken: one guard each, by name. A guard that refuses says why, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from huntlake.core.errors import Conflict, DomainError, Refused
from huntlake.hunting.hypotheses.hypothesis import Maker
from huntlake.hunting.lifecycle.acting import Acting, names
from huntlake.hunting.lifecycle.hunt import GovernedHunt, HuntVersion, Review
from huntlake.hunting.proof.finding import Level, Proof

APPROVAL_LASTS = timedelta(days=90)
DRY_RUN_LASTS = timedelta(days=7)
QUIET_RUNS = 30
"""After how many runs in a row that found nothing a hunt that another took the place of may go."""


@dataclass(frozen=True)
class Situation:
    """What guards look at: a version of a hunt, who would take a step, and what they say.

    `schema` gives the fingerprint of what the query rests on as it is now, and `drift` says what isn't as it was when
    it was approved. `approves` and `schedules` say why this house may not do so by itself, empty where it may;
    `stopped` says why nothing runs.
    """

    hunt: GovernedHunt
    version: HuntVersion
    acting: Acting
    now: datetime
    comment: str = ""
    seen: str = ""
    rule: str = ""
    rolls_back: bool = False
    """Whether the version was just made of an earlier one, to the letter."""
    schema: Callable[[], str] = lambda: ""
    drift: Callable[[], Sequence[str]] = lambda: ()
    approves: Callable[[], str] = lambda: "this house approves nothing by itself"
    schedules: Callable[[], str] = lambda: "this house schedules nothing by itself"
    stopped: Callable[[], str] = lambda: ""

    @property
    def approval(self) -> Review | None:
        """The approval of this very content."""
        return self.hunt.approval(self.version.content.hash)


@dataclass(frozen=True)
class Guard:
    """A condition: `check` gives why it doesn't hold, or nothing; `help` says what to do then."""

    check: Callable[[Situation], str]
    help: str
    error: type[DomainError] = Conflict


def _proof_is_good(at: Situation) -> str:
    proof = at.version.proof
    if proof is None:
        return f"version {at.version.number} isn't proved"
    return _errors(proof)


def _proof_has_errors(at: Situation) -> str:
    proof = at.version.proof
    return "" if proof is not None and _errors(proof) else "its proof has no errors"


def _errors(proof: Proof) -> str:
    wrong = [f for f in proof.findings if f.level is Level.ERROR and not f.of_run]
    return f"its proof has errors: {'; '.join(f'{f.code} {f.reason}' for f in wrong[:3])}" if wrong else ""


def dry_run_fault(at: Situation) -> str:
    """Why a version's dry run isn't good; nothing where it is."""
    proof, limits = at.version.proof, at.version.content.limits
    if proof is None or proof.dry_run is None:
        return f"version {at.version.number} has no dry run"
    run = proof.dry_run
    if run.failure:
        return f"its dry run failed: {run.failure}"
    if run.limited:
        return f"its dry run met a limit: {run.limited}"
    if failed := [c.recording for c in proof.checks if not c.passed]:
        return f"it isn't what recorded data want of it: {', '.join(failed)}"
    if proof.volume is not None and proof.volume.a_day > limits.rows_a_day:
        return f"it gives {proof.volume.a_day:.0f} rows a day, and may give {limits.rows_a_day}"
    if proof.cost is not None and proof.cost.bytes > limits.read_bytes:
        return f"it reads up to {proof.cost.bytes:,} bytes, and may read {limits.read_bytes:,}"
    if run.seconds > limits.seconds:
        return f"its dry run took {run.seconds:.0f} s, and may take {limits.seconds:.0f} s"
    if at.now - run.at > DRY_RUN_LASTS:
        return f"its dry run is of {run.at:%Y-%m-%d}, and counts for {DRY_RUN_LASTS.days} days"
    return ""


def _dry_run_is_bad(at: Situation) -> str:
    return "" if dry_run_fault(at) else "its dry run is good"


def _dry_run_since_suspended(at: Situation) -> str:
    when = dict(at.hunt.suspended).get(at.version.content.hash)
    if when is None:
        return ""
    if fault := _proof_is_good(at) or dry_run_fault(at):
        return fault
    run = at.version.proof.dry_run if at.version.proof else None
    return "" if run is not None and run.at > when else "it hasn't had a dry run since it was suspended"


def _is_described(at: Situation) -> str:
    proof = at.version.proof
    known = {
        "a rationale": at.hunt.rationale,
        "techniques": at.hunt.techniques,
        "tables": at.hunt.tables,
        "an entity mapping": at.version.content.entities,
        "an expected volume": proof is not None and proof.volume is not None,
    }
    missing = [what for what, there in known.items() if not there]
    return f"it lacks {', '.join(missing)}" if missing else ""


def _four_eyes(at: Situation) -> str:
    if not at.acting.is_person:
        return "only a person decides: models, applications and automations don't"
    if mine := names(at.acting.author) & at.hunt.authors(at.version.content.hash):
        return f"{at.acting.author.name or min(mine)} wrote it, or answers for it"
    return ""


def _senior_for_models(at: Situation) -> str:
    drafted = at.version.maker is Maker.MODEL or bool(at.version.model)
    return "a model drafted it" if drafted and not at.acting.senior else ""


def _is_seen(at: Situation) -> str:
    return "" if at.seen == at.version.content.hash else "what was seen isn't what would be decided"


def _rests_on_what_was_proved(at: Situation) -> str:
    proof = at.version.proof
    if proof is None or at.schema() == proof.schema:
        return ""
    # A list that is harmless while somebody looks, and comes back as it was proved, must not be approved unseen.
    return "what it rests on (tables, functions, watchlists) isn't as it was when it was proved"


def _has_comment(at: Situation) -> str:
    return "" if at.comment.strip() else "nothing is said about it"


def _content_is_approved(at: Situation) -> str:
    if at.approval is None:
        return f"the content of version {at.version.number} isn't approved"
    return ""


def _approval_is_young(at: Situation) -> str:
    approval = at.approval
    if approval is None:
        return "there is no approval"
    ends = approval.expires or approval.at + APPROVAL_LASTS
    return f"its approval ended on {ends:%Y-%m-%d}" if at.now >= ends else ""


def drifted(at: Situation) -> str:
    """What an approval rests on and isn't so any more, in words; nothing where it all is."""
    approval = at.approval
    if approval is None:
        return "there is no approval"
    if at.schema() == approval.schema:
        return ""
    what = "; ".join(at.drift()[:3])
    return f"since it was approved {what}" if what else "its tables have changed since it was approved"


def overdue(at: Situation) -> str:
    """Why an approval doesn't count any more; nothing where it does."""
    return _approval_is_young(at) or drifted(at)


def _is_quiet_and_superseded(at: Situation) -> str:
    if at.hunt.quiet < QUIET_RUNS:
        return f"it was quiet in {at.hunt.quiet} runs, and may go after {QUIET_RUNS}"
    return "" if at.hunt.superseded_by else "no other hunt takes its place"


GUARDS: Mapping[str, Guard] = {
    "proof_is_good": Guard(_proof_is_good, "mend the query in a new version, and prove that"),
    "proof_has_errors": Guard(_proof_has_errors, "prove it anew"),
    "dry_run_is_good": Guard(dry_run_fault, "prove it anew, or change its query or limits in a new version"),
    "dry_run_is_bad": Guard(_dry_run_is_bad, "prove it anew"),
    "dry_run_since_suspended": Guard(_dry_run_since_suspended, "prove that version first"),
    "is_described": Guard(_is_described, "add it"),
    "four_eyes": Guard(_four_eyes, "somebody else must decide", Refused),
    "senior_for_models": Guard(_senior_for_models, "a senior hunter must decide", Refused),
    "is_seen": Guard(_is_seen, "look at it again, and decide on that"),
    "rests_on_what_was_proved": Guard(_rests_on_what_was_proved, "prove it anew, which makes a version of its own"),
    "has_comment": Guard(_has_comment, "say why, with a comment"),
    "has_reason": Guard(lambda at: "" if at.comment.strip() else "no reason is given", "give one"),
    "rolls_back": Guard(lambda at: "" if at.rolls_back else "it isn't in review", "submit it for review"),
    "content_is_approved": Guard(_content_is_approved, "submit it for review"),
    "approval_is_young": Guard(_approval_is_young, "prove it and submit it for review again"),
    "schema_is_unchanged": Guard(drifted, "prove it and submit it for review again"),
    "is_overdue": Guard(lambda at: "" if overdue(at) else "its approval is good", "leave it as it is"),
    "nothing_is_stopped": Guard(lambda at: at.stopped(), "wait until hunting goes on"),
    "has_found": Guard(lambda at: "" if at.hunt.found else "none of its runs has found anything", "run it first"),
    "has_rule": Guard(lambda at: "" if at.rule else "no rule was made of it", "promote it with a back-test"),
    "is_quiet_and_superseded": Guard(_is_quiet_and_superseded, "a person may retire it at any time"),
    "policy_approves": Guard(lambda at: at.approves(), "a person must decide", Refused),
    "policy_schedules": Guard(lambda at: at.schedules(), "a person must schedule it", Refused),
}
