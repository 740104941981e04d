"""A report as a signal: what it says, and what can be read out of it without a model."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from huntlake.core.diagnostics import Span
from huntlake.core.errors import LimitExceeded
from huntlake.hunting.extraction.attack import MISSING, Attack
from huntlake.hunting.extraction.indicators import TextIndicator, indicators
from huntlake.hunting.extraction.sentences import sentences
from huntlake.hunting.extraction.techniques import FoundTechnique
from huntlake.hunting.reading.documents import Report
from huntlake.hunting.scoring import SignalKind
from huntlake.hunting.signals.signal import Quote, Signal, SignalIndicator, SignalTechnique

_QUOTES = 5
_LONGEST_QUOTE = 600
_SUMMARY, _LEAST_SENTENCE = 400, 40
_LEAST_READ = 2_000
"""Characters of prose below which techniques that nobody states are rarely right."""


@dataclass(frozen=True)
class Extraction:
    """What was read out of a text."""

    techniques: tuple[SignalTechnique, ...]
    indicators: tuple[SignalIndicator, ...]
    actors: tuple[str, ...]
    software: tuple[str, ...]
    remarks: tuple[str, ...] = ()


def signal_of_report(
    report: Report,
    data: bytes,
    attack: Attack,
    *,
    received: datetime,
    trust: float,
    observed: datetime | None = None,
    reference: str = "",
) -> Signal:
    """The signal that a report is; `data` are the bytes that it was read from, by which it is known again."""
    found = extracted(report, attack)
    return Signal(
        SignalKind.REPORT,
        (report.title or report.name)[:300],
        "report",
        reference or report.name,
        observed or received,
        received,
        trust,
        hashlib.sha256(data).hexdigest(),
        report.text,
        summary_of(report.text),
        found.techniques,
        found.indicators,
        actors=found.actors,
        software=found.software,
        properties={"format": report.format.value},
        remarks=(*report.remarks, *found.remarks),
    )


def extracted(report: Report, attack: Attack) -> Extraction:
    """Techniques, indicators, actors and software of a report, each with the words that say so and their place."""
    remarks: list[str] = []
    try:
        techniques = attack.finder().find(report.text)
    except LimitExceeded as error:
        techniques = []
        remarks.append(f"no techniques were looked for: {error}")
    names = attack.names()
    if names is None:
        remarks.append(f"no actors and software were looked for, and techniques by words alone: {MISSING}")
    named = names.find(report.text) if names is not None else []
    if techniques and len(report.text) < _LEAST_READ and not any(t.origin == "stated" for t in techniques):
        remarks.append("a text this short says little of techniques that it doesn't state")
    return Extraction(
        tuple(_technique(one, report) for one in techniques),
        tuple(_indicators(indicators(report.text), report)),
        tuple(dict.fromkeys(n.actor.name for n in named if n.is_people)),
        tuple(dict.fromkeys(n.actor.name for n in named if not n.is_people)),
        tuple(remarks),
    )


def summary_of(text: str) -> str:
    """The first sentences of a text that are more than a heading; a piece of the text, not a retelling."""
    taken: list[str] = []
    for span in sentences(text[:50_000]):
        piece = " ".join(text[span.start : span.end].split())
        if len(piece) >= _LEAST_SENTENCE:
            taken.append(piece)
        if sum(map(len, taken)) >= _SUMMARY:
            break
    return " ".join(taken)[: 2 * _SUMMARY]


def quote_of(report: Report, span: Span) -> Quote:
    """The words of a report at a span, to the letter, with their place."""
    said = report.text[span.start : span.end][:_LONGEST_QUOTE]
    return Quote(said, report.place(span), span.start, span.start + len(said))


def _technique(found: FoundTechnique, report: Report) -> SignalTechnique:
    return SignalTechnique(
        found.id,
        round(found.confidence, 4),
        found.origin.value,
        tuple(quote_of(report, evidence.span) for evidence in found.evidence[:_QUOTES]),
        found.revoked,
    )


def _indicators(found: Iterable[TextIndicator], report: Report) -> Iterable[SignalIndicator]:
    seen: set[tuple[str, str]] = set()
    for one in found:
        if (one.kind.value, one.value) in seen:
            continue
        seen.add((one.kind.value, one.value))
        yield SignalIndicator(one.kind.value, one.value, quote_of(report, one.span), one.known_good)
