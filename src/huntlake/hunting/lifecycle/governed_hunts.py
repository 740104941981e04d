"""The hunts of every workspace, and everything that is done to them.

Whatever is done is one write: the hunt, the entries of the audit that tell of it, and the events that it is told by.
Who acts is given with each; whether they may is decided by the table of moves and its guards, nowhere else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from huntlake.core.clock import Clock
from huntlake.core.errors import Conflict, DomainError, Invalid, NotFound, Refused, Unavailable
from huntlake.hunting.drafting.draft import Draft
from huntlake.hunting.hypotheses.hypothesis import Maker
from huntlake.hunting.lifecycle.acting import SCHEDULER, SYSTEM, Acting
from huntlake.hunting.lifecycle.differences import Difference, difference
from huntlake.hunting.lifecycle.events import HuntApproved, HuntAwaitingReview
from huntlake.hunting.lifecycle.guards import APPROVAL_LASTS, Situation, drifted, dry_run_fault, overdue
from huntlake.hunting.lifecycle.hunt import (
    Decision,
    GovernedHunt,
    HuntContent,
    HuntVersion,
    Review,
    ReviewComment,
)
from huntlake.hunting.lifecycle.moving import holds, move, noted
from huntlake.hunting.lifecycle.new_hunt import NewHunt
from huntlake.hunting.lifecycle.proving import NoProver, Prover
from huntlake.hunting.lifecycle.rollout import NoOutcomes, Outcomes, Policy, Rollouts
from huntlake.hunting.lifecycle.states import ON_DUTY, PROVABLE, READY, RUNS, By, HuntState
from huntlake.hunting.proof.finding import RESTS_ON, Proof
from huntlake.state.audit import AuditEntry, AuditTrail
from huntlake.state.documents import Document, Shelf, Write
from huntlake.state.events import Events
from huntlake.state.records import Change, Only, Owner, Records

LONGEST_TEXT = 10_000
"""The most characters of a comment or a reason."""

UNNAMED = "a model"
"""What had a hand in a version, where nobody said which model it was."""

_TRIES = 100
_DECIDED = {
    Decision.APPROVED: HuntState.APPROVED,
    Decision.CHANGES_REQUESTED: HuntState.CHANGES_REQUESTED,
    Decision.REJECTED: HuntState.REJECTED,
}
_ACTIONS = {
    Decision.APPROVED: "approve",
    Decision.CHANGES_REQUESTED: "request changes",
    Decision.REJECTED: "reject",
}


@dataclass(frozen=True, slots=True)
class Runnable:
    """A version that may be run now."""

    hunt: Document[GovernedHunt]
    version: HuntVersion


class GovernedHunts:
    """The hunts. Each method that changes one gives it as it is then; `NotFound` where there is none of that name.

    `Refused` is for who may not do it, `Conflict` for what can't be done as the hunt is; both name the guard.
    """

    def __init__(
        self,
        shelf: Shelf,
        clock: Clock,
        audit: AuditTrail,
        events: Events,
        prover: Prover = NoProver(),
        outcomes: Outcomes = NoOutcomes(),
        stopped: Callable[[Owner], str] = lambda owner: "",
    ) -> None:
        """`stopped` says why nothing of a workspace runs now, empty where it may."""
        self._clock, self._audit, self._events, self._prover, self._stopped = clock, audit, events, prover, stopped
        self.rollouts = Rollouts(shelf, clock, audit)
        self.policy = Policy(self.rollouts, outcomes)
        self._records = Records(shelf, clock, "governed hunts", GovernedHunt, also=self._beside, told=events.deliver)

    # -- looking ------------------------------------------------------------------------------

    def list(self, owner: Owner) -> Sequence[Document[GovernedHunt]]:
        """Every hunt of a workspace; what was changed last comes first."""
        return sorted(self._records.list(owner), key=lambda d: (d.value.modified, d.name), reverse=True)

    def names(self, owner: Owner) -> frozenset[str]:
        """The names of a workspace's hunts."""
        return self._records.names(owner)

    def get(self, owner: Owner, name: str) -> Document[GovernedHunt]:
        """The hunt of that name, of which the beginning is enough."""
        if (found := self._records.find(owner, name)) is not None:
            return found
        alike = [n for n in self._records.names(owner) if len(name) >= 4 and n.startswith(name.lower())]
        if len(alike) != 1:
            raise NotFound(f"no hunt is named `{name}`" if not alike else f"several hunts' names begin with `{name}`")
        return self._records.get(owner, alike[0])

    def queue(self, owner: Owner) -> Sequence[Document[GovernedHunt]]:
        """What waits for a person's decision; what has waited longest comes first."""
        waiting = [d for d in self._records.list(owner) if d.value.state is HuntState.IN_REVIEW]
        return sorted(waiting, key=lambda d: (d.value.submitted or d.value.modified, d.name))

    def runnable(self, owner: Owner) -> Sequence[Runnable]:
        """What may be run now, by name. Whether it still may is asked again when it starts."""
        found = []
        for document in sorted(self._records.list(owner), key=lambda d: d.name):
            hunt = document.value
            if hunt.runnable and hunt.state_of(hunt.runnable) in READY:
                found.append(Runnable(document, hunt.version(hunt.runnable)))
        return found

    def version(self, owner: Owner, name: str, number: int) -> HuntVersion:
        """A version of a hunt."""
        return _version(self.get(owner, name).value, number)

    def difference(self, owner: Owner, name: str, before: int, after: int) -> Difference:
        """What is different between two versions."""
        hunt = self.get(owner, name).value
        return difference(_version(hunt, before), _version(hunt, after))

    # -- writing ------------------------------------------------------------------------------

    def create(
        self, owner: Owner, new: NewHunt, by: Acting, beside: Callable[[], Sequence[Write]] = tuple
    ) -> Document[GovernedHunt]:
        """Begin a hunt, in `draft`. One for the same hypothesis, or with the same title and content, is left as it is
        and given. What is `beside` is written with a new one, or neither; it may be asked for again.
        """
        self._may_write(by, new.maker, new.responsible)
        if not new.title.strip() or not new.content.query.strip():
            raise Invalid("a hunt has a title and a query")
        if (found := self._records.find(owner, new.id)) is not None:
            return found
        now = self._clock.now()
        first = HuntVersion(1, new.content, new.maker, by.author, now, new.draft, new.note, new.responsible, new.model)
        hunt = GovernedHunt(
            new.title,
            new.statement,
            new.rationale,
            HuntState.DRAFT,
            (first,),
            1,
            now,
            now,
            by.author,
            new.maker,
            signals=new.signals,
            techniques=new.techniques,
            tables=new.tables,
            hypothesis=new.hypothesis,
            template=new.template,
            labels=new.labels,
            writes=1,
            incident=new.incident,
        )
        at = Situation(hunt, first, by, now, new.note)
        begun = noted(hunt, at, "create", "", HuntState.DRAFT)
        for _ in range(_TRIES):
            try:
                return self._records.put(owner, new.id, begun, by.author, Only(create=True), beside())[0]
            except Conflict:
                if (found := self._records.find(owner, new.id)) is not None:
                    return found
        raise Unavailable("the hunt can't be written: others write what is written with it all the time")

    def edit(
        self,
        owner: Owner,
        name: str,
        content: HuntContent,
        by: Acting,
        note: str = "",
        maker: Maker = Maker.PERSON,
        draft: Draft | None = None,
        responsible: str = "",
        model: str = "",
        current: int | None = None,
    ) -> Document[GovernedHunt]:
        """Make a new version, in `draft`. The one that runs goes on until another is scheduled in its place.

        `current` is the version that was looked at, where that matters: `Conflict` where there is a later one.
        """
        self._may_write(by, maker, responsible)
        if not content.query.strip():
            raise Invalid("a version has a query")

        def edited(hunt: GovernedHunt, now: datetime) -> GovernedHunt:
            if current is not None and current != hunt.current:
                raise Conflict(f"version {hunt.current} is there already: look at it first")
            if hunt.state is HuntState.RETIRED:
                raise Conflict("it is retired: begin another hunt")
            if content == hunt.latest.content:
                raise Conflict("nothing is different from the version before")
            # A word changed by a person doesn't make a model's draft theirs, nor does going back in between.
            hand = model or next((v.model or UNNAMED for v in reversed(hunt.versions) if _is_of_a_model(v)), "")
            made = HuntVersion(
                hunt.versions[-1].number + 1, content, maker, by.author, now, draft, note, responsible, hand
            )
            return self._with_version(hunt, made, by, "edit", note, now)

        return self._write(owner, name, by, edited)

    def describe(
        self,
        owner: Owner,
        name: str,
        by: Acting,
        title: str | None = None,
        statement: str | None = None,
        rationale: str | None = None,
        techniques: Sequence[str] | None = None,
        tables: Sequence[str] | None = None,
        labels: Sequence[str] | None = None,
    ) -> Document[GovernedHunt]:
        """Change what is said of a hunt: not while somebody reviews it. None leaves a thing as it is."""
        given = {
            "title": title,
            "statement": statement,
            "rationale": rationale,
            "techniques": None if techniques is None else tuple(techniques),
            "tables": None if tables is None else tuple(tables),
            "labels": None if labels is None else tuple(labels),
        }
        new = {k: v for k, v in given.items() if v is not None}
        if not by.parts & {By.AUTHOR, By.SYSTEM}:
            raise Refused("only who may write hunts can change what is said of one")
        if not new or new.get("title") == "":
            raise Invalid("nothing is said that a hunt could have")

        def described(hunt: GovernedHunt, now: datetime) -> GovernedHunt:
            if hunt.state in (HuntState.IN_REVIEW, HuntState.RETIRED):
                raise Conflict(f"it is {_words(hunt.state)}: what is said of it stays as it is")
            if hunt.runnable and not by.is_person:
                # Breakers watch the tables that are named, and rules are made of the title and the techniques.
                raise Refused("a version of it runs: only a person changes what is said of it")
            was = {k: getattr(hunt, k) for k in new}
            at = Situation(hunt, hunt.latest, by, now)
            details = {k: f"{_kept(was[k])} → {_kept(new[k])}" for k in new if was[k] != new[k]}
            return noted(replace(hunt, **new), at, "describe", details=details)  # type: ignore[arg-type]

        return self._write(owner, name, by, described)

    def prove(
        self,
        owner: Owner,
        name: str,
        by: Acting = SYSTEM,
        proof: Proof | None = None,
        number: int | None = None,
    ) -> Document[GovernedHunt]:
        """Find out about a version, the current one where none is named, and let it go on as far as that allows.

        `proof` is what was just found out about that very content, where somebody did already. A suspended version
        gets its fresh dry run here. Where one in review rests on something else by now, whoever reviews it has seen
        something else: it goes on as a version of its own, which is to be submitted.
        """
        if not by.parts:
            raise Refused("only who may write hunts can have one proved")
        known = self.get(owner, name)
        hunt = known.value
        if number is None:
            number = hunt.current if hunt.state in PROVABLE else hunt.runnable or hunt.current
        content = _version(hunt, number).content
        proof = proof or self._prover.prove(owner[0], content, (known.name, hunt.template))
        asked = {} if by is SYSTEM else {"asked by": by.author.name or by.author.object_id}

        def proved(hunt: GovernedHunt, now: datetime) -> GovernedHunt:
            was = _version(hunt, number)
            if hunt.state_of(number) is HuntState.IN_REVIEW and was.proof and was.proof.schema != proof.schema:
                why = f"version {number}, and what it rests on now: it was changed while somebody reviewed it"
                made = replace(was, number=hunt.versions[-1].number + 1, made=now, proof=None, note=why)
                hunt = self._with_version(hunt, made, replace(SYSTEM, request=by.request), "withdraw", why, now)
                return go_on(hunt, made.number, now)
            return go_on(hunt, number, now)

        def go_on(hunt: GovernedHunt, number: int, now: datetime) -> GovernedHunt:
            hunt, state = hunt.proved(number, proof), hunt.state_of(number)
            if not hunt.tables and proof.cost is not None:
                hunt = replace(hunt, tables=proof.cost.tables)
            at = self._situation(owner, hunt, number, replace(SYSTEM, request=by.request), now)
            details = asked | _figures(proof)
            if state not in PROVABLE:
                if state is None or state is HuntState.RETIRED:
                    raise Conflict(f"version {number} isn't worked on and doesn't run: nothing is proved of it")
                return noted(hunt, at, "prove", details=details)
            if not proof.is_valid:
                if state is HuntState.INVALID:
                    return noted(hunt, at, "prove", details=details)
                return move(at, HuntState.INVALID, "prove", details)
            if state is not HuntState.VALIDATED:
                hunt = move(at, HuntState.VALIDATED, "prove", details)
            if proof.dry_run is None:
                return hunt if hunt.last else noted(hunt, at, "prove", details=details)
            fault = dry_run_fault(at)
            at = replace(at, hunt=hunt, comment=fault)
            return move(at, HuntState.DRY_RUN_FAILED if fault else HuntState.DRY_RUN_OK, "dry run", details)

        return self._write(owner, known.name, by, proved)

    def submit(self, owner: Owner, name: str, by: Acting = SYSTEM, comment: str = "") -> Document[GovernedHunt]:
        """Ask for a decision about the current version. In later phases this house may decide at once."""
        submitted = self._move(owner, name, HuntState.IN_REVIEW, "submit", by, comment)
        return self._by_policy(owner, submitted)

    def comment(
        self, owner: Owner, name: str, text: str, by: Acting, number: int | None = None
    ) -> Document[GovernedHunt]:
        """Say something of a version, the current one where none is named."""
        if not by.parts & {By.AUTHOR, By.APPROVER, By.SYSTEM}:
            raise Refused("only who may write or approve hunts can comment on one")
        if not text.strip():
            raise Invalid("nothing is said")

        def commented(hunt: GovernedHunt, now: datetime) -> GovernedHunt:
            version = _version(hunt, number or hunt.current)
            said = ReviewComment(version.number, by.author, now, _bounded(text))
            hunt = replace(hunt, comments=(*hunt.comments, said))
            return noted(hunt, Situation(hunt, version, by, now, said.text), "comment")

        return self._write(owner, name, by, commented)

    def review(
        self,
        owner: Owner,
        name: str,
        decision: Decision,
        by: Acting,
        comment: str,
        number: int | None = None,
        seen: str | None = None,
    ) -> Document[GovernedHunt]:
        """Decide about the current version. `number` and `seen` say which was looked at, and its content's hash."""

        def reviewed(hunt: GovernedHunt, now: datetime) -> GovernedHunt:
            if number is not None and number != hunt.current:
                _version(hunt, number)
                raise Conflict(f"version {number} isn't what is to be decided: version {hunt.current} is there")
            return self._reviewed(owner, hunt, decision, by, comment, seen, now)

        return self._write(owner, name, by, reviewed)

    def schedule(self, owner: Owner, name: str, by: Acting, comment: str = "") -> Document[GovernedHunt]:
        """Let the current version, which is approved, run: as often as its schedule says, or when a person asks."""
        return self._move(owner, name, HuntState.SCHEDULED, "schedule", by, comment)

    def suspend(
        self, owner: Owner, name: str, by: Acting, reason: str, beside: Sequence[Write] = (), **evidence: str
    ) -> Document[GovernedHunt]:
        """Stop what runs, until a person resumes it. `evidence` is what a breaker has seen."""
        return self._move(
            owner, name, HuntState.SUSPENDED, "suspend", by, reason, duty=True, details=evidence, beside=beside
        )

    def resume(self, owner: Owner, name: str, by: Acting, reason: str) -> Document[GovernedHunt]:
        """Let what was suspended run again, after a fresh dry run (`prove`)."""
        return self._move(owner, name, HuntState.SCHEDULED, "resume", by, reason, duty=True)

    def retire(
        self, owner: Owner, name: str, by: Acting, reason: str, superseded_by: str = ""
    ) -> Document[GovernedHunt]:
        """End a hunt for ever; everything about it is kept. `superseded_by` is a hunt that takes its place."""
        other = self.get(owner, superseded_by).name if superseded_by else ""

        def retired(hunt: GovernedHunt, now: datetime) -> GovernedHunt:
            hunt = replace(hunt, superseded_by=other or hunt.superseded_by)
            at = self._situation(owner, hunt, hunt.current, by, now, reason)
            return move(at, HuntState.RETIRED, "retire", {"superseded by": other} if other else None)

        return self._write(owner, name, by, retired)

    def roll_back(self, owner: Owner, name: str, number: int, by: Acting, reason: str) -> Document[GovernedHunt]:
        """Make a version whose content is that of an earlier one. Where that very content's approval is still good,
        and tables are as they were, it is scheduled at once; else it is proved, and waits for review like any other.
        """
        if By.AUTHOR not in by.parts or not by.is_person:
            raise Refused("only a person who may write hunts rolls one back")
        if not reason.strip():
            raise Conflict("no reason is given; give one (guard `has_reason`)")
        runs = False

        def rolled_back(hunt: GovernedHunt, now: datetime) -> GovernedHunt:
            nonlocal runs
            earlier = _version(hunt, number)
            if hunt.state is HuntState.RETIRED:
                raise Conflict("it is retired: begin another hunt")
            if number == hunt.current:
                raise Conflict(f"version {number} is the current one")
            made = replace(
                earlier,
                number=hunt.versions[-1].number + 1,
                author=by.author,
                made=now,
                note=f"as version {number}: {_bounded(reason.strip())}",
            )
            hunt = self._with_version(hunt, made, by, "roll back", reason, now)
            at = self._situation(owner, hunt, made.number, by, now, reason)
            runs = False
            with suppress(Conflict, Unavailable):
                at = replace(at, rolls_back=True)
                hunt = move(at, HuntState.APPROVED, "approve as before", {"as version": str(number)})
                hunt = move(replace(at, hunt=hunt), HuntState.SCHEDULED, "schedule")
                runs = True
            return hunt

        made = self._write(owner, name, by, rolled_back)
        if runs:
            return made
        with suppress(DomainError):
            made = self.prove(owner, made.name, by)
        return made

    def promote(
        self,
        owner: Owner,
        name: str,
        by: Acting,
        rule: str,
        comment: str = "",
        beside: Sequence[Write] = (),
        number: int | None = None,
    ) -> Document[GovernedHunt]:
        """Note that an analytic rule of that name was made of what runs, which stops running as a hunt. `number` is
        the version that the rule was made of: `Conflict` where another runs by now.
        """

        def promoted(hunt: GovernedHunt, now: datetime) -> GovernedHunt:
            if number is not None and number != hunt.runnable:
                raise Conflict(f"version {number} isn't what runs: version {hunt.runnable or 'none'} does")
            at = self._situation(owner, hunt, hunt.runnable or hunt.current, by, now, comment)
            after = move(replace(at, rule=rule), HuntState.PROMOTED, "promote", {"rule": rule})
            return replace(after, rule=rule)

        return self._write(owner, name, by, promoted, beside)

    # -- running ------------------------------------------------------------------------------

    def start(
        self, owner: Owner, name: str, run: str, by: Acting = SCHEDULER, number: int | None = None,
        beside: Sequence[Write] = (),
    ) -> Document[GovernedHunt]:  # fmt: skip
        """Begin a run of that id; `number` is the version that is meant, else the runnable one. What is `beside` is
        written with it, or neither. Begun again with the same id it is the same run, and nothing is written.
        """
        known = self.get(owner, name)
        if known.value.run == run and known.value.state_of(known.value.runnable) is HuntState.RUNNING:
            # What goes on after its process has died begins anew, under the same guards.
            if not by.parts & {By.SCHEDULER, By.PERSON}:
                raise Refused("only the scheduler, or a person who may write hunts, runs one")
            holds(self._situation(owner, known.value, known.value.runnable, by, self._clock.now()), RUNS, "run")
            return known

        def started(hunt: GovernedHunt, now: datetime) -> GovernedHunt:
            if number is not None and number != hunt.runnable:
                raise Conflict(f"version {number} isn't what runs: version {hunt.runnable or 'none'} does")
            if not hunt.runnable:
                raise Conflict(f"no version of it may run: it is {_words(hunt.state)}")
            at = self._situation(owner, hunt, hunt.runnable, by, now)
            return replace(move(at, HuntState.RUNNING, "run", {"run": run}), run=run)

        return self._write(owner, known.name, by, started, beside)

    def finish(
        self, owner: Owner, name: str, run: str, found: bool | None, why: str = "", beside: Sequence[Write] = (),
        by: Acting = SCHEDULER, **details: str,
    ) -> Document[GovernedHunt]:  # fmt: skip
        """End the run of that id: it has `found` something, or nothing, or, for None, it has failed; then `why` says
        so. One that a breaker stopped, or whose version isn't the runnable one any more, is only noted.
        """
        known = self.get(owner, name)

        def finished(hunt: GovernedHunt, now: datetime) -> GovernedHunt:
            number = hunt.runnable or hunt.current
            at = self._situation(owner, hunt, number, by, now, why)
            told = {"run": run, **details}
            goes_on = hunt.run == run and hunt.state_of(number) is HuntState.RUNNING
            if By.SCHEDULER not in by.parts:
                raise Refused("only the scheduler ends a run")
            if hunt.run == run:
                hunt = replace(
                    hunt,
                    run="",
                    runs=hunt.runs + 1,
                    found=hunt.found + (found is True),
                    quiet=0 if found else hunt.quiet + (found is False),
                )
            if not goes_on:
                return noted(hunt, at, "end run", details=told)
            after = HuntState.SCHEDULED if found is None else HuntState.FINDINGS if found else HuntState.NO_FINDINGS
            return move(replace(at, hunt=hunt), after, "end run", told)

        return self._write(owner, known.name, by, finished, beside)

    def drifted(self, owner: Owner, hunt: GovernedHunt, number: int) -> str:
        """Why what the approval of a version rests on isn't as it was then; nothing where it is."""
        return drifted(self._situation(owner, hunt, number, SYSTEM, self._clock.now()))

    def expire(self, workspace: str) -> int:
        """End what was approved too long ago, or whose tables have changed since; says how many there were."""
        owner, gone = (workspace,), 0
        for document in self._records.list(owner):
            hunt = document.value
            for number in {hunt.current, hunt.runnable} - {0}:
                if hunt.state_of(number) not in (HuntState.APPROVED, *READY, HuntState.SUSPENDED):
                    continue
                # One that isn't overdue refuses, as does one that somebody has changed in between.
                with suppress(DomainError):
                    self._write(owner, document.name, SYSTEM, partial(self._expired, owner, number))
                    gone += 1
        return gone

    def _expired(self, owner: Owner, number: int, hunt: GovernedHunt, now: datetime) -> GovernedHunt:
        at = self._situation(owner, hunt, number, SYSTEM, now)
        return move(replace(at, comment=overdue(at)), HuntState.EXPIRED, "expire")

    # -- how ----------------------------------------------------------------------------------

    def _move(
        self,
        owner: Owner,
        name: str,
        after: HuntState,
        action: str,
        by: Acting,
        comment: str = "",
        duty: bool = False,
        details: dict[str, str] | None = None,
        beside: Sequence[Write] = (),
    ) -> Document[GovernedHunt]:
        def moved(hunt: GovernedHunt, now: datetime) -> GovernedHunt:
            one = hunt.runnable if duty and hunt.runnable else hunt.current
            return move(self._situation(owner, hunt, one, by, now, comment), after, action, details)

        return self._write(owner, self.get(owner, name).name, by, moved, beside)

    def _by_policy(self, owner: Owner, submitted: Document[GovernedHunt]) -> Document[GovernedHunt]:
        """Approve and schedule what this house may, in the workspace's phase."""
        hunt = submitted.value
        if hunt.state is not HuntState.IN_REVIEW or self._approves(owner, hunt, hunt.latest):
            return submitted

        def approved(hunt: GovernedHunt, now: datetime) -> GovernedHunt:
            phase = self.rollouts.of(owner).phase
            why = f"phase {phase}: persons have approved enough of the template {hunt.template}"
            return self._reviewed(owner, hunt, Decision.APPROVED, SYSTEM, why, None, now, automatic=why)

        with suppress(Conflict, Refused):
            submitted = self._write(owner, submitted.name, SYSTEM, approved)
            submitted = self._move(owner, submitted.name, HuntState.SCHEDULED, "schedule", SYSTEM)
        return submitted

    def _reviewed(
        self,
        owner: Owner,
        hunt: GovernedHunt,
        decision: Decision,
        by: Acting,
        comment: str,
        seen: str | None,
        now: datetime,
        automatic: str = "",
    ) -> GovernedHunt:
        version, said = hunt.latest, _bounded(comment.strip())
        content = version.content.hash
        at = self._situation(owner, hunt, version.number, by, now, said)
        at = replace(at, seen=content if seen is None else seen)
        moved = move(at, _DECIDED[decision], _ACTIONS[decision], {"automatic": automatic} if automatic else None)
        schema = version.proof.schema if version.proof else ""
        rests_on = version.proof.details.get(RESTS_ON, "") if version.proof else ""
        expires = now + APPROVAL_LASTS if decision is Decision.APPROVED else None
        made = Review(version.number, content, decision, by.author, now, said, expires, automatic, schema, rests_on)
        approved = decision is Decision.APPROVED
        return replace(moved, reviews=(*moved.reviews, made), schema=schema if approved else moved.schema)

    def _with_version(
        self, hunt: GovernedHunt, made: HuntVersion, by: Acting, action: str, why: str, now: datetime
    ) -> GovernedHunt:
        was = hunt.state
        if hunt.runnable == hunt.current:
            stays = was in ON_DUTY
            hunt = replace(hunt, runnable=hunt.runnable if stays else 0, runnable_state=was if stays else None)
        hunt = replace(hunt, versions=(*hunt.versions, made), current=made.number, state=HuntState.DRAFT, reason="")
        return noted(hunt, Situation(hunt, made, by, now, _bounded(why)), action, was, HuntState.DRAFT)

    def _may_write(self, by: Acting, maker: Maker, responsible: str) -> None:
        if not by.parts & {By.AUTHOR, By.SYSTEM}:
            raise Refused("only who may write hunts can write one")
        if maker is Maker.PERSON and not by.is_person:
            raise Invalid("what no person wrote isn't a person's: it is the core's, or a model's")
        if maker is Maker.MODEL and not by.is_person and not responsible.strip():
            raise Invalid("for what a model drafted, a person answers: say who is responsible")

    def _situation(
        self, owner: Owner, hunt: GovernedHunt, number: int, by: Acting, now: datetime, comment: str = ""
    ) -> Situation:
        version = _version(hunt, number)
        approval = hunt.approval(version.content.hash)
        return Situation(
            hunt,
            version,
            by,
            now,
            _bounded(comment),
            schema=lambda: self._prover.fingerprint(owner[0], version.content),
            drift=lambda: self._prover.drifted(owner[0], approval.rests_on) if approval else (),
            approves=lambda: self._approves(owner, hunt, version),
            schedules=lambda: self._stopped(owner) or self.policy.schedules(owner, hunt, version),
            stopped=lambda: self._stopped(owner),
        )

    def _approves(self, owner: Owner, hunt: GovernedHunt, version: HuntVersion) -> str:
        approves = self.policy.approves
        return self._stopped(owner) or approves(
            owner, hunt, version, lambda: [d.value for d in self._records.list(owner)]
        )

    def _write(
        self,
        owner: Owner,
        name: str,
        by: Acting,
        how: Callable[[GovernedHunt, datetime], GovernedHunt],
        beside: Sequence[Write] = (),
    ) -> Document[GovernedHunt]:
        def changed(hunt: GovernedHunt) -> GovernedHunt:
            now = self._clock.now()
            return how(replace(hunt, last=(), writes=hunt.writes + 1, modified=now), now)

        return self._records.change(owner, self.get(owner, name).name, changed, by.author, beside)

    def _beside(self, change: Change[GovernedHunt]) -> Sequence[Write]:
        """The audit's entries and the events that are written with a hunt. No hunt is written without."""
        before, hunt = change.before, change.after
        if hunt is None or not hunt.last or hunt.writes != (before.writes if before else 0) + 1:
            raise Refused("a hunt is never deleted, nor written without an entry in the audit")
        entries, writes = [], []
        for taken in hunt.last:
            version = _version(hunt, taken.version)
            entries.append(
                AuditEntry(
                    taken.actor,
                    f"hunt/{taken.action}",
                    "hunt",
                    change.name,
                    taken.version,
                    taken.before,
                    taken.after,
                    version.content.hash,
                    taken.reason,
                    version.responsible or version.author.name,
                    taken.request,
                    taken.details,
                )
            )
            # What this house approves at once waits for nobody.
            if taken.after == HuntState.IN_REVIEW and self._approves(change.owner, hunt, version):
                drafted = version.maker is Maker.MODEL or bool(version.model)
                awaiting = HuntAwaitingReview(
                    change.name,
                    hunt.title,
                    version.number,
                    version.content.hash,
                    version.maker.value,
                    drafted,
                    version.responsible,
                    change.by,
                )
                writes.append(self._events.append(change.owner, awaiting))
            elif taken.after == HuntState.APPROVED:
                phase, automatic = self.rollouts.of(change.owner).phase, taken.details.get("automatic", "")
                event = HuntApproved(change.name, version.number, phase, automatic, change.by)
                writes.append(self._events.append(change.owner, event))
        return (*writes, *self._audit.entries(change.owner, *entries))


def _version(hunt: GovernedHunt, number: int) -> HuntVersion:
    try:
        return hunt.version(number)
    except KeyError:
        raise NotFound(f"it has no version {number}: it has 1 to {hunt.versions[-1].number}") from None


def _is_of_a_model(version: HuntVersion) -> bool:
    return version.maker is Maker.MODEL or bool(version.model)


def _figures(proof: Proof) -> dict[str, str]:
    told = {"weight": str(proof.weight), "findings": ", ".join(sorted({f.code for f in proof.findings}))}
    if proof.cost is not None:
        told["bytes"] = str(proof.cost.bytes)
    if proof.volume is not None:
        told["rows a day"] = f"{proof.volume.a_day:g}"
    if proof.dry_run is not None:
        told["rows"] = str(proof.dry_run.rows)
    return {k: v for k, v in told.items() if v}


def _bounded(text: str) -> str:
    if len(text) > LONGEST_TEXT:
        raise Invalid(f"a comment may have {LONGEST_TEXT:,} characters, and this has {len(text):,}")
    return text


def _kept(value: object) -> str:
    """A value as the audit keeps it: of a long one the begin, and what tells it from every other."""
    text = repr(value)
    if len(text) <= LONGEST_TEXT // 2:
        return text
    return f"{text[: LONGEST_TEXT // 2]}… (SHA-256 {hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()})"


def _words(state: HuntState) -> str:
    return state.value.replace("_", " ")
