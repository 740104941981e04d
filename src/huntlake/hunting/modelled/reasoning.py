"""Why a hypothesis, what else could explain it, what would speak against it: a model's words, each tied to signals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from huntlake.ai.chat import Context, Data
from huntlake.hunting.hypotheses.hypothesis import Claim, Hypothesis, Maker
from huntlake.hunting.modelled.advice import Advice, Asking, advised, cut, question, texts, thing, words_wrong
from huntlake.hunting.signals.signal import Signal

_EXCERPT = 1_500
_SIGNALS = 8
_INSTRUCTION = (
    "The data hold a hypothesis for a threat hunt and the signals that it rests on, each with its id. Say in at most "
    "four sentences why it is worth looking: each names the ids of the signals it rests on, and says only what they "
    "say. Then name up to three harmless explanations for what would be found, and in one sentence what would speak "
    "against the hypothesis. Plain sentences: no markup, no links, no lists within."
)
WITHOUT = "the rationale is the one that follows from the signals alone"


@dataclass(frozen=True, slots=True)
class Reasoning:
    """What a model adds to a hypothesis."""

    claims: tuple[Claim, ...]
    alternatives: tuple[str, ...]
    disconfirming: str

    def added_to(self, hypothesis: Hypothesis) -> Hypothesis:
        """The hypothesis with it: what the core says stays, and stands first."""
        return replace(
            hypothesis,
            rationale=(*hypothesis.rationale, *self.claims),
            alternatives=hypothesis.alternatives or self.alternatives,
            disconfirming=hypothesis.disconfirming or self.disconfirming,
        )


def reasoned(asking: Asking, hypothesis: Hypothesis, signals: Sequence[Signal]) -> Advice[Reasoning]:
    """Rationale, alternatives and what would disconfirm; a claim without signals of the hypothesis is put aside."""
    known = {signal.id: signal for signal in signals if signal.id in hypothesis.signals}
    if not known:
        return Advice(None, f"the hypothesis has no signals; {WITHOUT}")
    used = dict(list(known.items())[:_SIGNALS])
    told = [Data(f"signal {id}", _said(signal)) for id, signal in used.items()]
    claim = thing(
        text={"type": "string", "maxLength": 400},
        signals={"type": "array", "minItems": 1, "maxItems": _SIGNALS, "items": {"enum": sorted(used)}},
    )
    asked = question(
        "hypothesise",
        "hypothesis-reasoning",
        _INSTRUCTION,
        [Data("hypothesis", f"{hypothesis.title}\n{hypothesis.statement}"), *told],
        thing(
            rationale={"type": "array", "minItems": 1, "maxItems": 4, "items": claim},
            alternatives=texts(0, 3, 300),
            disconfirming={"type": "string", "maxLength": 400},
        ),
        context=[Context("signal", id, signal.digest[:12], signal.trust) for id, signal in used.items()],
    )
    sources = [hypothesis.statement, *(one.text for one in told)]
    return advised(asking, asked, lambda value: _checked(value, used, sources), WITHOUT)


def _checked(
    value: Mapping[str, Any], known: Mapping[str, Signal], sources: Sequence[str]
) -> tuple[Reasoning | None, list[str]]:
    wrong: list[str] = []
    claims = []
    for one in value["rationale"]:
        cited = tuple(dict.fromkeys(one["signals"]))
        if strange := [id for id in cited if id not in known]:
            wrong.append(f"a sentence cites {strange[0][:40]}, which is none of its signals")
        elif complaints := words_wrong(one["text"], sources):
            wrong.append(f"a sentence: {complaints[0]}")
        else:
            claims.append(Claim(one["text"].strip(), cited, Maker.MODEL))
    others = []
    for text in value["alternatives"]:
        if complaints := words_wrong(text, sources):
            wrong.append(f"an explanation: {complaints[0]}")
        else:
            others.append(text.strip())
    against = value["disconfirming"].strip()
    if against and (complaints := words_wrong(against, sources)):
        wrong.append(f"what would speak against it: {complaints[0]}")
        against = ""
    made = Reasoning(tuple(claims), tuple(others), against) if claims else None
    return made, wrong


def _said(signal: Signal) -> str:
    techniques = ", ".join(t.id for t in signal.techniques)
    parts = [
        signal.title,
        signal.summary,
        cut(signal.text, _EXCERPT),
        f"techniques: {techniques}" if techniques else "",
    ]
    return "\n".join(part for part in parts if part)
