"""Brings hunts to where people work: first a plan that changes nothing, then, by a person's word, the writing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from huntlake.core.errors import Conflict, DomainError, Refused
from huntlake.detection.severity import Tactic
from huntlake.hunting.delivery.piece import Destination, Piece, Step, Verb
from huntlake.hunting.drafting.quoting import inlined
from huntlake.hunting.lifecycle.acting import Acting
from huntlake.hunting.lifecycle.governed_hunts import GovernedHunts
from huntlake.hunting.lifecycle.hunt import GovernedHunt
from huntlake.hunting.lifecycle.states import By, HuntState
from huntlake.state.audit import AuditEntry, AuditTrail
from huntlake.state.records import Owner

PROPOSED = (HuntState.DRY_RUN_OK, HuntState.IN_REVIEW)
"""States in which a hunt may be shown elsewhere, as a proposal."""


@dataclass(frozen=True)
class Delivery:
    """Delivers hunts."""

    hunts: GovernedHunts
    audit: AuditTrail
    tactics: Callable[[Iterable[str]], tuple[Tactic, ...]] = lambda techniques: ()
    """The tactics of techniques, where ATT&CK is here."""

    def plan(self, owner: Owner, name: str, to: Destination) -> tuple[Piece, Sequence[Step]]:
        """What would be written; nothing is. `Conflict` for a hunt that is neither approved nor proposed."""
        piece = self.piece(owner, name)
        return piece, to.plan(piece)

    def piece(self, owner: Owner, name: str) -> Piece:
        """What is delivered, wherever it goes. `Conflict` for a hunt that is neither approved nor proposed."""
        document = self.hunts.get(owner, name)
        return piece_of(owner, document.name, document.value, self.tactics)

    def deliver(self, owner: Owner, name: str, to: Destination, by: Acting) -> Sequence[Step]:
        """Write it, and say so in the audit; what is there already stays as it is."""
        if not by.is_person or By.PERSON not in by.parts:
            raise Refused("only a person who may hunt delivers a hunt elsewhere")
        piece, steps = self.plan(owner, name, to)
        # Before anything is written: a process that dies meanwhile must not hide what it has written elsewhere.
        self._note(owner, piece, to, steps, by, "")
        try:
            to.write(piece, steps)
        except DomainError as error:
            self._note(owner, piece, to, steps, by, f"failed: {error}")
            raise
        return steps

    def _note(
        self, owner: Owner, piece: Piece, to: Destination, steps: Sequence[Step], by: Acting, failure: str
    ) -> None:
        entry = AuditEntry(
            by.actor,
            "hunt/deliver",
            "hunt",
            piece.hunt,
            piece.version,
            content_hash=piece.content_hash,
            reason=failure[:2000],
            request_id=by.request,
            details={
                "to": to.name,
                "status": piece.status,
                "written": [f"{step.kind} {step.name}" for step in steps if step.verb is not Verb.KEEP],
            },
        )
        self.audit.append(owner, entry)


def piece_of(
    owner: Owner,
    name: str,
    hunt: GovernedHunt,
    tactics: Callable[[Iterable[str]], tuple[Tactic, ...]] = lambda techniques: (),
) -> Piece:
    """The version of a hunt that is shown elsewhere: the approved one that runs, or else the one that is proposed."""
    approved = hunt.runnable or (hunt.current if hunt.state in (HuntState.APPROVED, HuntState.PROMOTED) else 0)
    if not approved and hunt.state not in PROPOSED:
        raise Conflict(f"it is {hunt.state.value.replace('_', ' ')}: only approved and proposed hunts are delivered")
    version = hunt.version(approved or hunt.current)
    content, draft = version.content, version.draft
    approval = hunt.approval(content.hash)
    status = "approved" if approved else "proposed"
    about = [
        f"Hunt {name}, version {version.number}, {status}: {hunt.title}",
        f"Techniques: {', '.join(hunt.techniques) or 'none'}",
        f"Signals: {', '.join(hunt.signals) or 'none'}",
        f"SHA-256 of its content: {content.hash}",
        *([draft.notice] if draft and draft.notice else []),
    ]
    return Piece(
        owner[0],
        name,
        version.number,
        content.hash,
        status,
        hunt.title,
        hunt.statement,
        hunt.rationale,
        "\n".join((*map(_comment, about), inlined(content.query, content.parameters))),
        tuple(step.text for step in draft.explanation) if draft else (),
        hunt.techniques,
        tactics(hunt.techniques),
        hunt.tables,
        hunt.signals,
        version.maker.value,
        version.author.name or version.responsible,
        (approval.by.name or approval.by.user_principal_name) if approval else "",
        version.model,
        draft.notice if draft else "",
        content.entities,
    )


def _comment(text: str) -> str:
    """A line of comment. Whatever ends a line, in whichever client, must not: what comes after would be query."""
    return "// " + " ".join("".join(c if c.isprintable() else " " for c in text).split())
