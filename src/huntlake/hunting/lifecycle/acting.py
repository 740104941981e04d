"""Who takes a step, and what they may do."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace

from huntlake.hunting.lifecycle.states import By
from huntlake.state.audit import Actor, ActorKind
from huntlake.state.records import Author


@dataclass(frozen=True, slots=True)
class Acting:
    """Who acts. `parts` are what they may take a step as; who has none may only look.

    A `senior` may approve what a model drafted, and say how much this house decides by itself. `request` is the id of
    the request through which they act, where there is one.
    """

    actor: Actor
    author: Author
    parts: frozenset[By]
    senior: bool = False
    request: str = ""

    @classmethod
    def person(cls, author: Author, *, hunts: bool, approves: bool, leads: bool = False) -> Acting:
        """Somebody who signed in, by their rights. What comes through an automation isn't a person's act."""
        if author.via or not names(author):
            return cls.application(author, hunts=hunts)
        parts = {By.AUTHOR, By.PERSON} if hunts else set[By]()
        role = "senior hunter" if leads else "approver" if approves else "hunter" if hunts else "reader"
        known = Actor.person(author, role)
        return cls(known, author, frozenset(parts | ({By.APPROVER} if approves else set())), approves and leads)

    @classmethod
    def application(cls, author: Author, *, hunts: bool) -> Acting:
        """A program with an identity of its own: it may write and submit, never decide."""
        known = replace(Actor.person(author, "application"), kind=ActorKind.SYSTEM)
        return cls(known, author, frozenset({By.AUTHOR} if hunts else ()))

    @classmethod
    def model(cls, name: str) -> Acting:
        """A model takes no step."""
        return cls(Actor(ActorKind.MODEL, name, name, "model"), Author(name=name), frozenset())

    @classmethod
    def house(cls, part: By) -> Acting:
        """A part of this house: the core, the scheduler or a breaker."""
        if part not in (By.SYSTEM, By.SCHEDULER, By.BREAKER):
            raise ValueError(part)
        return cls(Actor(ActorKind.SYSTEM, "huntlake", "huntlake", part.value), HOUSE, frozenset({part}))

    @property
    def is_person(self) -> bool:
        """Whether a person acts."""
        return self.actor.kind is ActorKind.PERSON


HOUSE = Author(name="huntlake")
"""The author of what the deterministic core makes."""

SYSTEM, SCHEDULER, BREAKER = (Acting.house(part) for part in (By.SYSTEM, By.SCHEDULER, By.BREAKER))


def names(author: Author) -> frozenset[str]:
    """Everything that somebody is known by, as it is compared."""
    said = (author.object_id, author.name, author.user_principal_name, author.email)
    return frozenset(one for name in said for one in known_by(name))


def known_by(name: str) -> frozenset[str]:
    """A name as it is compared: without regard to case, blanks, and forms of the same letters; of an address also what
    stands before the `@`.
    """
    plain = "".join(c for c in unicodedata.normalize("NFKC", name) if unicodedata.category(c) != "Cf")
    whole = " ".join(unicodedata.normalize("NFKC", plain.casefold()).split())
    return frozenset((whole, whole.partition("@")[0].strip())) - {""}
