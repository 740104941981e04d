"""What can be seen, what could have happened, and hunts proposed for it. Azure has nothing of the kind: it is ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import Field

from huntlake.api.arm.hunting_acting import HUNTING, ReadOnly, acting
from huntlake.api.arm.resource import Place, Resource
from huntlake.api.arm.wire import Part, properties_of, read
from huntlake.core.errors import NotFound, Refused
from huntlake.hunting.coverage.coverage import TechniqueCoverage
from huntlake.hunting.hypotheses.calibration import level
from huntlake.hunting.hypotheses.hypothesis import DataGap, Hypothesis
from huntlake.hunting.hypotheses.store import Hypotheses
from huntlake.hunting.proposing.proposer import MOST, Proposer
from huntlake.identity.rights import Action
from huntlake.state.documents import Document
from huntlake.state.records import Owner
from huntlake.workspace.workspaces import Workspace


class HypothesisForm:
    """A hypothesis, why somebody thinks so, and what its score is made of."""

    def shown(self, place: Place, document: Document[Hypothesis]) -> dict[str, Any]:
        """The hypothesis's properties."""
        one = document.value
        properties: dict[str, Any] = {
            "title": one.title,
            "statement": one.statement,
            "rationale": [{"text": claim.text, "signals": list(claim.signals)} for claim in one.rationale],
            "signals": list(one.signals),
            "techniques": list(one.techniques),
            "tables": list(one.tables),
            "candidate": one.candidate,
            "parameters": dict(one.parameters),
            "subjects": list(one.subjects),
            "priority": one.priority,
            "parts": {name: round(value, 4) for name, value in asdict(one.parts).items()},
            "weights": one.weights,
            "confidence": one.confidence,
            "confidenceLevel": level(one.confidence),
            "maker": one.maker.value,
            "createdTimeUtc": _stamp(one.made),
            "alternatives": list(one.alternatives),
            "disconfirming": one.disconfirming,
            "duplicateOf": one.duplicate_of,
            "hunt": one.hunt,
            "dismissed": one.dismissed,
        }
        return {"properties": {name: value for name, value in properties.items() if value not in ("", [], {})}}

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> Hypothesis:
        """Hypotheses are proposed, not written."""
        raise Refused("a hypothesis can't be written: POST `hypotheses/propose` makes them")


class GapForm:
    """A technique that signals speak of and nothing here could show."""

    def shown(self, place: Place, document: Document[DataGap]) -> dict[str, Any]:
        """The gap's properties."""
        gap = document.value
        return {
            "properties": {
                "technique": gap.technique,
                "needed": list(gap.needed),
                "reason": gap.reason,
                "signals": list(gap.signals),
                "foundTimeUtc": _stamp(gap.found),
            }
        }

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> DataGap:
        """Nobody makes one."""
        raise Refused("a gap can't be written: it is found, and closed, by proposals")


@dataclass(frozen=True)
class Covered:
    """A technique's coverage, and by what it is known: ATT&CK's version, or what this place names."""

    technique: TechniqueCoverage
    source: str


class CoverageForm:
    """What of a technique can be seen, is hunted and is detected."""

    def shown(self, place: Place, document: Document[Covered]) -> dict[str, Any]:
        """The technique's properties."""
        one = document.value.technique
        return {
            "properties": {
                "technique": one.technique,
                "name": one.name,
                "tactics": list(one.tactics),
                "visibility": round(one.visibility, 4),
                "tables": list(one.tables),
                "missing": list(one.missing),
                "hunts": list(one.hunts),
                "rules": list(one.rules),
                "source": document.value.source,
            }
        }

    def meant(self, place: Place, name: str, body: dict[str, Any]) -> Covered:
        """Nobody makes it."""
        raise Refused("coverage can't be written")


@dataclass(frozen=True)
class Kept(ReadOnly):
    """The hypotheses of a workspace."""

    hypotheses: Hypotheses

    def list(self, owner: Owner) -> Sequence[Document[Hypothesis]]:
        """The most urgent first."""
        return self.hypotheses.list(owner)

    def get(self, owner: Owner, name: str) -> Document[Hypothesis]:
        """One of them."""
        if (found := self.hypotheses.find(owner, name)) is None:
            raise NotFound(f"no hypothesis is named `{name}`")
        return found


@dataclass(frozen=True)
class Gaps(ReadOnly):
    """What a workspace can't see."""

    hypotheses: Hypotheses

    def list(self, owner: Owner) -> Sequence[Document[DataGap]]:
        """By technique."""
        return self.hypotheses.gaps(owner)

    def get(self, owner: Owner, name: str) -> Document[DataGap]:
        """One of them."""
        return self.hypotheses.gap(owner, name)


@dataclass(frozen=True)
class Techniques(ReadOnly):
    """The coverage of a workspace, as it is now."""

    proposer: Proposer
    workspace: Workspace

    def list(self, owner: Owner) -> Sequence[Document[Covered]]:
        """By technique."""
        found, _ = self.proposer.seen(self.workspace)
        return [Document(id, Covered(one, found.source), "") for id, one in found.techniques.items()]

    def get(self, owner: Owner, name: str) -> Document[Covered]:
        """One of them."""
        for one in self.list(owner):
            if one.name == name.upper():
                return one
        raise NotFound(f"nothing is known of a technique `{name}`")


class ProposalWanted(Part):
    """Signals by their names, all of them where none is named, and how many hunts at most."""

    signals: tuple[str, ...] = Field((), max_length=1000)
    top: int = Field(15, ge=1, le=MOST)
    draft: bool = True


class Reason(Part):
    """Why."""

    reason: str = Field("", max_length=2000)


def _propose(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    given = read(ProposalWanted, properties_of(body))
    made = place.services.hunting.proposer.propose(
        place.here, acting(place), given.signals, given.top, draft=given.draft
    )
    return 200, {
        "hypotheses": [d.name for d in made.hypotheses],
        "hunts": [{"name": d.name, "state": d.value.state.value} for d in made.hunts],
        "gaps": [gap.technique for gap in made.gaps],
        "remarks": list(made.remarks),
    }


def _dismiss(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    given = read(Reason, properties_of(body))
    store = place.services.hunting.hypotheses
    store.dismiss(place.owner, Kept(store).get(place.owner, name).name, given.reason, place.author)
    return 200, None


def _restore(place: Place, name: str, body: dict[str, Any]) -> tuple[int, object]:
    store = place.services.hunting.hypotheses
    store.restore(place.owner, Kept(store).get(place.owner, name).name, place.author)
    return 200, None


def _stamp(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


HYPOTHESES: Resource[Hypothesis] = Resource(
    type="huntlake.Hunting/hypotheses",
    path=f"{HUNTING}/hypotheses",
    form=HypothesisForm(),
    store=lambda place: Kept(place.services.hunting.hypotheses),
    read=Action.WATCH,
    filters=frozenset({"name", "properties/maker", "properties/confidenceLevel", "properties/hunt"}),
    posts={"dismiss": (Action.HUNT, _dismiss), "restore": (Action.HUNT, _restore)},
    collection_posts={"propose": (Action.HUNT, _propose)},
)

GAPS: Resource[DataGap] = Resource(
    type="huntlake.Hunting/dataGaps",
    path=f"{HUNTING}/dataGaps",
    form=GapForm(),
    store=lambda place: Gaps(place.services.hunting.hypotheses),
    read=Action.WATCH,
)

COVERAGE: Resource[Covered] = Resource(
    type="huntlake.Hunting/coverage",
    path=f"{HUNTING}/coverage",
    form=CoverageForm(),
    store=lambda place: Techniques(place.services.hunting.proposer, place.here),
    read=Action.WATCH,
)

RESOURCES = (HYPOTHESES, GAPS, COVERAGE)
