"""Proofs of queries that may become hunts, and the rules that they rest on. Azure has nothing of the kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import Field

from huntlake.api.arm.hunting_acting import HUNTING, ReadOnly
from huntlake.api.arm.resource import Place, Resource
from huntlake.api.arm.rules import MappedEntity
from huntlake.api.arm.wire import Part, Span, properties_of, read
from huntlake.core.errors import Invalid, NotFound, Refused
from huntlake.detection.rules import EntityMapping, FieldMapping
from huntlake.hunting.proof.content import Caps, Question, Window
from huntlake.hunting.proof.now import HISTORY
from huntlake.hunting.proof.rules import RULES, ProofRule
from huntlake.hunting.proof.showing import proposed, told
from huntlake.identity.rights import Action
from huntlake.state.documents import Document
from huntlake.state.records import Owner

_DAYS = (7, 30)


class Limits(Part):
    """What a run may take."""

    rows_a_day: int = Field(default=Caps().rows_a_day, ge=1, le=1_000_000)
    seconds: float = Field(default=Caps().seconds, gt=0, le=120)
    read_bytes: int = Field(default=Caps().read_bytes, ge=1)
    memory_mib: int = Field(default=Caps().memory_mib, ge=16, le=16_384, alias="memoryMiB")


class Asked(Part):
    """A query to be proved; `dry_run` also runs it over `history`, in a process of its own."""

    query: str = Field(max_length=200_000)
    parameters: dict[str, str] = Field(default_factory=dict)
    period: Span = Window().period
    limits: Limits = Field(default_factory=lambda: Limits.model_validate({}))
    entity_mappings: tuple[MappedEntity, ...] = ()
    dry_run: bool = False
    history: Span = HISTORY


class RuleForm:
    """A rule about queries of hunts."""

    def shown(self, place: Place, document: Document[ProofRule]) -> dict[str, Any]:
        """The rule's properties."""
        rule = document.value
        said = {"level": rule.level.value, "weight": rule.weight, "title": rule.title, "help": rule.help}
        return {"properties": said}

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> ProofRule:
        """The rules are huntlake's."""
        raise Refused("a rule of proofs can't be written")


class Rules(ReadOnly):
    """The rules, by their codes."""

    def list(self, owner: Owner) -> Sequence[Document[ProofRule]]:
        """All of them."""
        return [Document(code, rule, "") for code, rule in RULES.items()]

    def get(self, owner: Owner, name: str) -> Document[ProofRule]:
        """One of them."""
        if name not in RULES:
            raise NotFound(f"no rule of proofs is named `{name}`")
        return Document(name, RULES[name], "")


@dataclass(frozen=True)
class NotKept(ReadOnly):
    """Proofs that are asked for here are told, and not kept: those of hunts are kept with their versions."""

    def list(self, owner: Owner) -> Sequence[Document[ProofRule]]:
        """None."""
        return []

    def get(self, owner: Owner, name: str) -> Document[ProofRule]:
        """None."""
        raise NotFound("proofs that are asked for here are not kept")


def _prove(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    given = read(Asked, properties_of(body))
    limits = given.limits
    if not timedelta(minutes=5) <= given.period <= timedelta(days=30):
        raise Invalid("the period lies between 5 minutes and 30 days")
    if not _DAYS[0] <= given.history / timedelta(days=1) <= _DAYS[1]:
        raise Invalid(f"the history is of {_DAYS[0]} to {_DAYS[1]} days")
    entities = tuple(
        EntityMapping(m.entity_type, tuple(FieldMapping(f.identifier, f.column_name) for f in m.field_mappings))
        for m in given.entity_mappings
    )
    asked = Question(
        given.query,
        tuple(given.parameters.items()),
        Window(given.period),
        Caps(limits.rows_a_day, limits.seconds, limits.read_bytes, limits.memory_mib),
        entities,
    )
    proofs = place.services.hunting.proofs
    prover, now = proofs.prover, proofs.clock.now()
    if given.dry_run:
        place.may(Action.HUNT)
        proof = prover.prove(place.here, asked, history=given.history, now=now)
    else:
        proof = prover.validate(place.here, asked, now)
    said = told(proof, given.query)
    if (repair := proposed(prover.repair(place.here, asked, proof, now), given.query)) is not None:
        said["repair"] = repair
    return 200, {"properties": said}


PROOFS: Resource[ProofRule] = Resource(
    type="huntlake.Hunting/proofs",
    path=f"{HUNTING}/proofs",
    form=RuleForm(),
    store=lambda place: NotKept(),
    collection_posts={"": (Action.READ, _prove)},
)

PROOF_RULES: Resource[ProofRule] = Resource(
    type="huntlake.Hunting/proofRules", path=f"{HUNTING}/proofRules", form=RuleForm(), store=lambda place: Rules()
)

RESOURCES = (PROOFS, PROOF_RULES)
