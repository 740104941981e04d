"""A model's hand in the way from signals to hunts: asked where there is one, and never needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from huntlake.ai.chat import Adviser, NoModel
from huntlake.hunting.drafting.draft import Step
from huntlake.hunting.extraction.attack import Attack
from huntlake.hunting.hypotheses.hypothesis import Hypothesis, Maker
from huntlake.hunting.modelled.advice import Advice, Asking, pieces
from huntlake.hunting.modelled.prose import smoothed
from huntlake.hunting.modelled.reasoning import reasoned
from huntlake.hunting.modelled.technique_choice import chosen
from huntlake.hunting.modelled.triage import Suggestion, suggested
from huntlake.hunting.running.run import Cluster
from huntlake.hunting.signals.signal import Signal, SignalTechnique
from huntlake.state.records import Owner

PASSAGE, PASSAGES = 3_000, 6
"""Characters of one passage of a report, and passages of one report, that a model is asked about."""

MISSES = 2
"""So often a model may have nothing to say of a report; then it isn't asked on."""

SUREST = 0.5
"""How sure a technique is at most that only a model found: a text may be written to mislead it."""
_NOBODY = "huntlake"


@dataclass(frozen=True)
class Assistant:
    """What a model adds to signals, hypotheses and findings."""

    model: Adviser
    attack: Attack

    @property
    def is_there(self) -> bool:
        """Whether a model is configured."""
        return not isinstance(self.model, NoModel)

    def read(self, owner: Owner, signal: Signal, responsible: str) -> Signal:
        """A report's signal with the techniques that a model chose besides, each with its words in the text.

        What was found without it stays. A remark says what the model did.
        """
        knowledge = self.attack.knowledge()
        if not self.is_there or knowledge is None or not signal.text.strip():
            return signal
        finder, asking = self.attack.finder(), self._asking(owner, responsible)
        names = {technique.id: technique.name for technique in knowledge.techniques}
        found: dict[str, SignalTechnique] = {}
        remarks: dict[str, None] = {}
        misses = 0
        for start, passage in pieces(signal.text, PASSAGE, PASSAGES):
            advice = chosen(asking, passage, {id: names.get(id, "") for id in finder.candidates(passage)})
            remarks[f"techniques {advice.remark}"] = None
            for technique in advice.value or ():
                found.setdefault(technique.id, _moved(technique, start))
            misses += advice.value is None
            if misses == MISSES:
                break  # a model that is down must not hold up what comes in
        known = {technique.id for technique in signal.techniques}
        more = tuple(technique for id, technique in sorted(found.items()) if id not in known)
        return replace(signal, techniques=(*signal.techniques, *more), remarks=(*signal.remarks, *remarks))

    def reason(
        self, owner: Owner, hypothesis: Hypothesis, signals: Mapping[str, Signal], responsible: str
    ) -> tuple[Hypothesis, str]:
        """A hypothesis with what a model says for and against it, and a remark; asked once for each."""
        if not self.is_there or any(claim.maker is Maker.MODEL for claim in hypothesis.rationale):
            return hypothesis, ""
        rests = [signals[id] for id in hypothesis.signals if id in signals]
        advice = reasoned(self._asking(owner, responsible), hypothesis, rests)
        return (advice.value.added_to(hypothesis) if advice.value else hypothesis), f"rationale {advice.remark}"

    def suggest(self, owner: Owner, sought: str, cluster: Cluster, responsible: str) -> Advice[Suggestion]:
        """What a cluster says, and how it might be judged: nothing is judged by it."""
        return suggested(self._asking(owner, responsible), sought, cluster)

    def retell(self, owner: Owner, query: str, steps: Sequence[Step], responsible: str) -> Advice[str]:
        """A query in flowing words, to be read beside the steps that follow from its tree."""
        return smoothed(self._asking(owner, responsible), query, steps)

    def _asking(self, owner: Owner, responsible: str) -> Asking:
        return Asking(self.model, owner, responsible or _NOBODY)


def _moved(technique: SignalTechnique, start: int) -> SignalTechnique:
    """A technique of a passage as one of the whole text."""
    quotes = tuple(
        replace(quote, start=(quote.start or 0) + start, end=(quote.end or 0) + start) for quote in technique.quotes
    )
    return replace(technique, confidence=min(technique.confidence, SUREST), quotes=quotes)
