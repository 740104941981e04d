"""Which of the clusters of a run deserve a look: what is known to be good, and how likely each is an attack."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import exp
from typing import Any

from huntlake.detection.extraction import text_of
from huntlake.hunting.running.clustering import MOST_CLUSTERS, MOST_ENTITIES, MOST_SAMPLE, Group
from huntlake.hunting.running.run import Cluster

WEIGHTS: Mapping[str, float] = {
    "rarity": 1.6,
    "spread": -0.8,
    "indicator": 2.0,
    "risk": 1.0,
    "criticality": 0.8,
    "prior": 1.5,
    "neighbours": 1.2,
}
"""What each part counts for; all over many entities is rather how things are done here than an attack."""
_BASE = -2.0


@dataclass(frozen=True, slots=True)
class GoodThing:
    """What a person has said is good: a value (of the column, where one is named), and why."""

    value: str
    reason: str
    column: str = ""


def _nothing(value: str) -> float:
    return 0.0


@dataclass(frozen=True)
class Facts:
    """What is known here, by which clusters are ranked; each is from 0 to 1.

    `seen` is the share of earlier runs that had a signature; `indicator` says whether a value is a threat's, `risk` and
    `criticality` what is known of an entity, `neighbours` whether alerts are about it at that time; `prior` is how
    often the hunt was right; `good` what is known to be harmless.
    """

    seen: Callable[[str], float] = _nothing
    indicator: Callable[[str], float] = _nothing
    risk: Callable[[str], float] = _nothing
    criticality: Callable[[str], float] = _nothing
    neighbours: Callable[[str], float] = _nothing
    prior: float = 0.25
    entities_here: int = 0
    """How many hosts and accounts there are, by which spread is judged; 0: not known."""
    good: Sequence[GoodThing] = field(default=())


def ranked(groups: Sequence[Group], facts: Facts) -> tuple[Cluster, ...]:
    """The groups as clusters, the likeliest attack first; what is known to be good comes last, with the reason."""
    found = [_cluster(group, facts) for group in groups]
    found.sort(key=lambda one: (bool(one.known_good), -one.score, -one.rows, one.signature))
    return tuple(found[:MOST_CLUSTERS])


def _cluster(group: Group, facts: Facts) -> Cluster:
    values = [value for _, value in group.entities]
    cells = {text for row in group.rows[:100] for cell in row.values() if 3 < len(text := text_of(cell)) <= 256}
    parts = {
        "rarity": 1 - facts.seen(group.signature),
        "spread": min(1.0, len(values) / facts.entities_here) if facts.entities_here else min(1.0, len(values) / 20),
        "indicator": max((facts.indicator(text) for text in sorted(cells)), default=0.0),
        "risk": max(map(facts.risk, values), default=0.0),
        "criticality": max(map(facts.criticality, values), default=0.0),
        "prior": facts.prior,
        "neighbours": max(map(facts.neighbours, values), default=0.0),
    }
    score = 1 / (1 + exp(-(_BASE + sum(WEIGHTS[name] * part for name, part in parts.items()))))
    good = _good(group.rows, facts.good)
    return Cluster(
        group.signature,
        group.title,
        len(group.rows),
        group.first,
        group.last,
        group.entities[:MOST_ENTITIES],
        group.rows[:MOST_SAMPLE],
        0.0 if good else round(score, 4),
        tuple((name, round(part, 4)) for name, part in parts.items()),
        good,
        _summary(group),
    )


def _good(rows: Sequence[Mapping[str, Any]], known: Sequence[GoodThing]) -> str:
    """Why every row is known to be good; nothing where one isn't."""
    if not known:
        return ""
    reasons: dict[str, None] = {}
    for row in rows:
        texts = {name: text_of(cell).lower() for name, cell in row.items()}
        for one in known:
            held = [texts.get(one.column, "")] if one.column else texts.values()
            if one.value.lower() in held:
                reasons[one.reason or f"{one.value} is known to be good"] = None
                break
        else:
            return ""
    return "; ".join(reasons)


def _summary(group: Group) -> str:
    """What a cluster is, in a sentence that follows from its numbers."""
    kinds: dict[str, int] = {}
    for type, _ in group.entities:
        kinds[type] = kinds.get(type, 0) + 1
    about = ", ".join(f"{count} {type}{'' if count == 1 else 's'}" for type, count in sorted(kinds.items()))
    rows = f"{len(group.rows):,} row{'' if len(group.rows) == 1 else 's'}"
    when = (
        f" from {group.first:%Y-%m-%d %H:%M} to {group.last:%Y-%m-%d %H:%M} UTC" if group.first and group.last else ""
    )
    return f"{rows}{f' about {about}' if about else ''}{when}"
