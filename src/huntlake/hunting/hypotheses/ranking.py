"""Which candidates are worth a hunt, given what signals say: the most urgent first, each unlike those before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Protocol

import numpy as np

from huntlake.hunting.coverage.coverage import Coverage
from huntlake.hunting.coverage.stock import Stock
from huntlake.hunting.extraction.indicators import IndicatorKind
from huntlake.hunting.hypotheses.behaviours import Answers, Behaviour, Floats, Suggests, behaviours
from huntlake.hunting.hypotheses.candidate import Huntable
from huntlake.hunting.hypotheses.likeness import Features, likeness, nearest, of_candidate
from huntlake.hunting.scoring import Parts, SignalKind, SignalStrength, Weights, priority, yielded
from huntlake.hunting.signals.signal import Signal

_EVERYDAY = Path(__file__).parents[2] / "content" / "hunting" / "everyday_files.txt"
_LOOKED_AT = 400
"""So many candidates, the likeliest by what is said alone, are weighed against each other."""
_LEAST = 0.02
"""What answers less of what was said isn't proposed."""
_ANSWERED = 0.5
"""What is left to ask of a sentence that a hunt before answers."""
_STILL_ASKED = 0.2
"""A sentence that was answered often is still asked so much of the next."""
_OF_A_RULE = 0.3
"""How far a hunt that asks what a rule asks is a duplicate of it: enabled, the rule asks all the time."""
_SENTENCES = (1.0, 0.5, 0.25)
"""What the sentence that a candidate answers best counts for, the next, and the one after."""
_LIKE, _SAME = 0.8, 0.95
"""From which likeness on hunts are alike, and the same."""
_BUDGET_ROWS = 20_000_000
"""Rows of all its tables together that a query may read."""


class Outcomes(Protocol):
    """What came of earlier hunts."""

    def of(self, candidate: str, techniques: frozenset[str], tables: tuple[str, ...]) -> tuple[int, int]:
        """How many runs of such hunts found something true, and how many ran."""
        ...


class NoOutcomes:
    """No hunt has run yet."""

    def of(self, candidate: str, techniques: frozenset[str], tables: tuple[str, ...]) -> tuple[int, int]:
        return 0, 0


@dataclass(frozen=True, slots=True)
class Weighed:
    """A candidate and why: what it is filled with, which signals speak for it by which words, and what it scores.

    `mapping` says how surely it is the right way to see what they say. `duplicate_of` is the hunt or hypothesis that it
    is most alike to, where that is much.
    """

    candidate: Huntable
    parameters: tuple[tuple[str, str], ...]
    because: tuple[tuple[str, float, Behaviour | None], ...]
    """Signals by id, how surely each speaks for it, and the words; without words, by its indicators or entities."""
    techniques: tuple[str, ...]
    parts: Parts
    priority: float
    mapping: float
    duplicate_of: str = ""


@dataclass(frozen=True)
class Ground:
    """What candidates are weighed on."""

    stock: Stock
    coverage: Coverage
    now: datetime
    weights: Weights = field(default_factory=Weights)
    earlier: Sequence[Features] = ()
    """Hunts and hypotheses of late."""
    outcomes: Outcomes = field(default_factory=NoOutcomes)
    around: Sequence[Signal] = ()
    """Every signal of the workspace: changes and anomalies say something for hunts that others ask for."""


def ranked(
    signals: Sequence[tuple[str, Signal]],
    candidates: Sequence[Huntable],
    ground: Ground,
    suggests: Suggests,
    most: int,
) -> list[Weighed]:
    """The most urgent hunts, at most so many. What has no table with rows can find nothing, and is left out."""
    visible = [c for c in candidates if any(ground.stock.is_visible(t) for t in c.hunt.tables)]
    visible.sort(key=lambda c: c.id)
    done = [b for id, signal in signals for b in behaviours(id, signal)]
    answers = Answers([c.hunt for c in visible], suggests).to(done)
    found = []
    for place, one in enumerate(visible):
        parameters, by = _given(one, signals)
        likely = float(answers[:, place].max(initial=0))
        if parameters is not None and (by or (not one.is_sweep and likely > _LEAST)):
            found.append((not by, -likely, one.id, _Open(one, place, parameters, by)))
    left = [one for *_, one in sorted(found, key=lambda f: f[:3])[:_LOOKED_AT]]
    return _chosen(left, signals, done, answers[:, [o.place for o in left]], ground, most)


@dataclass(frozen=True, slots=True)
class _Open:
    candidate: Huntable
    place: int
    parameters: tuple[tuple[str, str], ...]
    by: tuple[str, ...]


def _chosen(
    left: Sequence[_Open],
    signals: Sequence[tuple[str, Signal]],
    done: Sequence[Behaviour],
    answers: Floats,
    ground: Ground,
    most: int,
) -> list[Weighed]:
    """One after the other the most urgent, by what those before it leave to ask."""
    fixed = [_fixed(one.candidate, ground) for one in left]
    features = [of_candidate(one.candidate.hunt, one.parameters) for one in left]
    alike = [_nearest(one, ground.earlier) for one in features]
    among = [0.0] * len(left)
    full, asked = answers.max(axis=1, initial=0), np.ones(len(done))
    chosen: list[Weighed] = []
    is_open = np.ones(len(left), dtype=bool)
    strengths = {id: SignalStrength(s.trust, 1.0, ground.now - s.observed, s.kind).weight for id, s in signals}
    while is_open.any() and len(chosen) < most:
        likely = _likely(left, signals, done, answers * asked[:, None])
        doubt = np.ones(len(left))
        for id, strength in strengths.items():
            doubt *= 1 - strength * likely[id]
        weighed = [
            replace(
                fixed[n],
                threat=float(1 - doubt[n]),
                duplicate=max(_counted(max(alike[n][0], among[n])), fixed[n].duplicate),
            )
            if is_open[n]
            else None
            for n in range(len(left))
        ]
        best = min(
            (n for n, parts in enumerate(weighed) if parts is not None),
            key=lambda n: (-priority(weighed[n] or fixed[n], ground.weights), left[n].candidate.id),
        )
        is_open[best] = False
        if (parts := weighed[best]) is None or among[best] >= _SAME or parts.threat <= 0:
            continue
        chosen.append(_told(left[best], parts, likely, best, signals, done, answers, alike[best], ground))
        among = [max(a, likeness(features[best], f)) for a, f in zip(among, features, strict=True)]
        if left[best].by:
            # A sweep says whether values are here; what was done with them is still to be asked.
            continue
        # What it answers fully is asked half as loudly of those that follow; what it hardly answers, nearly as before.
        share = np.divide(answers[:, best], full, out=np.zeros_like(full), where=full > 0)
        asked = np.maximum(asked * (1 - (1 - _ANSWERED) * share), _STILL_ASKED)
    return sorted(chosen, key=lambda w: (-w.priority, w.candidate.id))


def _given(
    candidate: Huntable, signals: Sequence[tuple[str, Signal]]
) -> tuple[tuple[tuple[str, str], ...] | None, tuple[str, ...]]:
    """What a candidate's parameters are filled with, and the signals whose indicators or entities fill them."""

    def things(some: Sequence[tuple[str, Signal]]) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        indicators = [
            (i.kind, i.value)
            for _, s in some
            for i in s.indicators
            if not i.known_good and not (i.kind == IndicatorKind.FILE and i.value.lower() in everyday_files())
        ]
        return indicators, [(e.type, e.value) for _, s in some for e in s.entities]

    filled = candidate.filled(*things(signals))
    if filled is None:
        return None, ()
    # What has values by default is filled in without any signal's.
    default = candidate.filled() or {}
    by = tuple(id for id, s in signals if (own := candidate.filled(*things([(id, s)]))) is not None and own != default)
    return tuple(sorted(filled.items())), by


@cache
def everyday_files() -> frozenset[str]:
    """The names of files that every machine has: nobody sweeps for them."""
    lines = _EVERYDAY.read_text(encoding="utf-8").splitlines()
    return frozenset(name for line in lines if not line.startswith("#") for name in line.split())


def _likely(
    left: Sequence[_Open], signals: Sequence[tuple[str, Signal]], done: Sequence[Behaviour], answers: Floats
) -> dict[str, Floats]:
    """By signal, how surely it speaks for each candidate."""
    found = {}
    for id, _ in signals:
        rows = [n for n, behaviour in enumerate(done) if behaviour.signal == id]
        # What answers several of a signal's sentences says more than what answers one.
        best = np.sort(answers[rows], axis=0)[::-1][: len(_SENTENCES)]
        own = 1 - np.prod([1 - share * row for share, row in zip(_SENTENCES, best, strict=False)], axis=0)
        own = np.broadcast_to(own, (len(left),))
        found[id] = np.where([id in one.by for one in left], 1.0, own)
    return found


def _fixed(candidate: Huntable, ground: Ground) -> Parts:
    """What doesn't depend on what else is proposed."""
    hunt, stock = candidate.hunt, ground.stock
    return Parts(
        threat=0.0,
        exposure=stock.exposure(hunt.tables),
        visibility=max(stock.share(t) for t in hunt.tables),
        gap=1 - ground.coverage.detected(hunt.techniques),
        yielded=yielded(*ground.outcomes.of(hunt.id, hunt.techniques, hunt.tables)),
        anomaly=_around(SignalKind.ANOMALY, candidate, ground),
        recency=_around(SignalKind.CHANGE, candidate, ground),
        duplicate=_OF_A_RULE if candidate.id.startswith("rule/") else 0.0,
        cost=min(1.0, sum(stock.tables[t].rows for t in hunt.tables if t in stock.tables) / _BUDGET_ROWS),
    )


def _told(
    one: _Open,
    parts: Parts,
    likely: Mapping[str, Floats],
    place: int,
    signals: Sequence[tuple[str, Signal]],
    done: Sequence[Behaviour],
    answers: Floats,
    alike: tuple[float, str],
    ground: Ground,
) -> Weighed:
    because: list[tuple[str, float, Behaviour | None]] = []
    for id, _ in signals:
        if id in one.by:
            because.append((id, 1.0, None))
        elif likely[id][place] > _LEAST:
            rows = [n for n, behaviour in enumerate(done) if behaviour.signal == id]
            best = max(rows, key=lambda n: (answers[n, place], -n))
            because.append((id, float(answers[best, place]), done[best]))
    because.sort(key=lambda b: (-b[1], b[0]))
    return Weighed(
        one.candidate,
        one.parameters,
        tuple(because),
        _techniques(one.candidate.hunt.techniques, because, dict(signals)),
        parts,
        priority(parts, ground.weights),
        max((sure for _, sure, _ in because), default=0.0),
        alike[1] if alike[0] > _LIKE else "",
    )


def _nearest(one: Features, others: Sequence[Features]) -> tuple[float, str]:
    # What is the very same as before isn't like it: it is it.
    return nearest(one, [f for f in others if (f.candidate, f.values) != (one.candidate, one.values)])


def _counted(alike: float) -> float:
    """What likeness counts for: hunts that only look at the same tables for the same technique aren't alike."""
    return max(0.0, (alike - _LIKE) / (1 - _LIKE))


def _techniques(
    own: frozenset[str], because: Sequence[tuple[str, float, Behaviour | None]], signals: Mapping[str, Signal]
) -> tuple[str, ...]:
    """A candidate's techniques, those that its signals speak of first."""
    meant = {t.id for id, *_ in because for t in signals[id].techniques}
    return tuple(sorted(own, key=lambda id: (id not in meant, id)))


def _around(kind: SignalKind, candidate: Huntable, ground: Ground) -> float:
    """What changes or anomalies say for a candidate: those of its kinds, or of its techniques in one of its tables."""
    best, hunt = 0.0, candidate.hunt
    for signal in ground.around:
        if signal.kind is not kind:
            continue
        named = {signal.source, *signal.properties.values()} & candidate.anomalies
        meant = {t.id[:5] for t in signal.techniques} & {t[:5] for t in hunt.techniques}
        if named or (meant and (not signal.tables or {*signal.tables} & {*hunt.tables})):
            best = max(best, SignalStrength(signal.trust, 1.0, ground.now - signal.observed, kind).weight)
    return best
