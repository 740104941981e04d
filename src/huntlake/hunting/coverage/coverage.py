"""For each technique: what of it can be seen, which hunts look for it, and which rules do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from huntlake.detection.rules import AnalyticRule
from huntlake.hunting.coverage.log_sources import LogSources
from huntlake.hunting.coverage.stock import Stock
from huntlake.hunting.extraction.knowledge import Analytic, AnalyticSource, Knowledge, Technique
from huntlake.hunting.retrieval import HuntCandidate

COARSE = "the techniques that rules and hunts of this place name"
"""What coverage is made of where nobody has brought ATT&CK."""

_PARENT = 0.6
"""How far a rule for another part of the same technique covers it."""


@dataclass(frozen=True, slots=True)
class TechniqueCoverage:
    """A technique: the share of what would show it that has fresh rows, from 0 to 1, and the names of what looks.

    `tables` are those with rows that show it; `missing` are sources without rows, each with the tables that would hold
    them.
    """

    technique: str
    name: str
    tactics: tuple[str, ...]
    visibility: float
    tables: tuple[str, ...]
    missing: tuple[str, ...]
    rules: tuple[str, ...] = ()
    hunts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Coverage:
    """What is known of every technique, by what source."""

    source: str
    techniques: Mapping[str, TechniqueCoverage]

    def of(self, id: str) -> TechniqueCoverage | None:
        """A technique's; of one that nothing is known of, its parent's."""
        return self.techniques.get(id) or self.techniques.get(id[:5])

    def visibility(self, ids: Iterable[str]) -> float | None:
        """How well the best visible of some techniques can be seen; None where nothing is known of any."""
        known = [one.visibility for id in ids if (one := self.of(id))]
        return max(known) if known else None

    def detected(self, ids: Iterable[str]) -> float:
        """How far enabled rules cover the best covered of some techniques, from 0 to 1."""
        best = 0.0
        for id in ids:
            if (one := self.techniques.get(id)) and one.rules:
                return 1.0
            if any(other.rules for key, other in self.techniques.items() if key[:5] == id[:5]):
                best = _PARENT
        return best


def coverage(
    stock: Stock,
    knowledge: Knowledge | None,
    sources: LogSources,
    rules: Iterable[tuple[str, AnalyticRule]] = (),
    hunts: Iterable[tuple[str, Sequence[str]]] = (),
    candidates: Iterable[HuntCandidate] = (),
) -> Coverage:
    """The coverage of a workspace.

    `rules` are those of the workspace, by name, `hunts` its hunts with their techniques. Without `knowledge` of ATT&CK
    a technique is seen in the tables of the candidates and rules that name it, as far as those have rows.
    """
    looking, hunted = _by_technique(rules), defaultdict[str, list[str]](list)
    for name, techniques in hunts:
        for id in techniques:
            hunted[id].append(name)
    if knowledge is not None:
        found = {t.id: _seen(t, stock, sources) for t in knowledge.techniques}
        source = knowledge.source or "ATT&CK"
    else:
        found, source = _coarse(stock, candidates), COARSE
    for id in {*looking, *hunted} - found.keys():
        found[id] = TechniqueCoverage(id, "", (), 0.0, (), ())
    return Coverage(
        source,
        {
            id: TechniqueCoverage(
                id,
                one.name,
                one.tactics,
                one.visibility,
                one.tables,
                one.missing,
                tuple(sorted(looking.get(id, ()))),
                tuple(sorted(hunted.get(id, ()))),
            )
            for id, one in sorted(found.items())
        },
    )


def _by_technique(rules: Iterable[tuple[str, AnalyticRule]]) -> dict[str, list[str]]:
    found = defaultdict[str, list[str]](list)
    for _, rule in rules:
        if rule.enabled:
            for id in dict.fromkeys((*rule.techniques, *rule.sub_techniques)):
                found[id].append(rule.display_name)
    return found


def _seen(technique: Technique, stock: Stock, sources: LogSources) -> TechniqueCoverage:
    here = [a for a in technique.analytics if not a.platforms or stock.platforms & {*a.platforms}]
    looked_at = [(a, _needed(a, sources)) for a in here or technique.analytics]
    shares: list[float] = []
    tables: dict[str, None] = {}
    missing: dict[str, None] = {}
    for _, needed in looked_at:
        if not needed:
            continue
        best = 0.0
        for source in needed:
            held = sources.tables(source)
            share = max((stock.share(table) for table in held), default=0.0)
            best += share
            tables.update(dict.fromkeys(t for t in held if stock.is_visible(t)))
            if not share:
                missing[f"{source.name} → {' or '.join(held) or 'no table that is known'}"] = None
        shares.append(best / len(needed))
    visibility = sum(shares) / len(shares) if shares else 0.0
    return TechniqueCoverage(technique.id, technique.name, technique.tactics, visibility, tuple(tables), tuple(missing))


def _needed(analytic: Analytic, sources: LogSources) -> list[AnalyticSource]:
    """The log sources that an analytic needs, of those that logs can show at all."""
    return [s for s in analytic.log_sources if not sources.is_outside(s)]


def _coarse(stock: Stock, candidates: Iterable[HuntCandidate]) -> dict[str, TechniqueCoverage]:
    tables = defaultdict[str, dict[str, None]](dict)
    for one in candidates:
        for id in one.techniques:
            tables[id].update(dict.fromkeys(one.tables))
    return {
        id: TechniqueCoverage(
            id,
            "",
            (),
            max(stock.share(t) for t in held),
            tuple(t for t in held if stock.is_visible(t)),
            () if any(stock.is_visible(t) for t in held) else tuple(held),
        )
        for id, held in tables.items()
        if held
    }
