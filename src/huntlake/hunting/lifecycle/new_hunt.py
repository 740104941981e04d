"""What a hunt is begun with."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from huntlake.hunting.drafting.draft import Draft, DraftSource
from huntlake.hunting.hypotheses.hypothesis import Claim, Hypothesis, Maker
from huntlake.hunting.lifecycle.hunt import HuntContent, HuntLimits, HuntSchedule


@dataclass(frozen=True, slots=True)
class NewHunt:
    """A hunt to be: why, and the content of its first version. `hypothesis` is the name of one, where it has one.

    `responsible` answers for what the core or a model wrote: the name or object id of a person. `model` names the
    model that had a hand in it.
    """

    title: str
    statement: str
    rationale: str
    content: HuntContent
    maker: Maker
    responsible: str = ""
    model: str = ""
    draft: Draft | None = None
    hypothesis: str = ""
    signals: tuple[str, ...] = ()
    techniques: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    note: str = ""
    incident: str = ""
    """The name of the incident that somebody began it from."""

    @property
    def id(self) -> str:
        """The hunt's name: the same for the same hypothesis, or else for the same content under the same title."""
        said = f"hypothesis\n{self.hypothesis}" if self.hypothesis else f"{self.title}\n{self.content.hash}"
        return hashlib.sha256(said.encode()).hexdigest()[:16]

    @property
    def template(self) -> str:
        """The id of the template that it is made from; nothing where it isn't."""
        return self.draft.reference if self.draft and self.draft.source is DraftSource.TEMPLATE else ""

    @classmethod
    def of(
        cls,
        name: str,
        hypothesis: Hypothesis,
        draft: Draft,
        schedule: HuntSchedule = HuntSchedule(),
        limits: HuntLimits = HuntLimits(),
        responsible: str = "",
        model: str = "",
    ) -> NewHunt:
        """The hunt for a hypothesis of that name, by a draft for it."""
        return cls(
            draft.title or hypothesis.title,
            hypothesis.statement,
            "\n".join(_told(claim) for claim in hypothesis.rationale),
            HuntContent(draft.query, draft.parameters, schedule, limits, draft.entities),
            Maker.MODEL if Maker.MODEL in (draft.maker, hypothesis.maker) else draft.maker,
            responsible,
            model,
            draft,
            name,
            hypothesis.signals,
            tuple(dict.fromkeys((*hypothesis.techniques, *draft.techniques))),
            draft.tables or hypothesis.tables,
        )


def _told(claim: Claim) -> str:
    by = " (by a model)" if claim.maker is Maker.MODEL else ""
    return f"{claim.text} [{', '.join(claim.signals)}]{by}"
