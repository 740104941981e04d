"""A weighed candidate in words: if this happened, then that can be seen there, and why somebody thinks so."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime

from huntlake.hunting.coverage.stock import Stock
from huntlake.hunting.hypotheses.calibration import Calibration
from huntlake.hunting.hypotheses.hypothesis import Claim, Hypothesis, Maker
from huntlake.hunting.hypotheses.ranking import Weighed
from huntlake.hunting.scoring import Weights
from huntlake.hunting.signals.signal import Signal

_LONGEST, _FEW = 240, 5
_UNSAID = 0.5
"""How surely a technique is meant that no signal speaks of by itself."""

_ASSETS: tuple[tuple[str, str], ...] = (
    ("Device", "machines"),
    ("SecurityEvent", "Windows machines"),
    ("Syslog", "Linux machines and appliances"),
    ("Signin", "accounts"),
    ("AADNonInteractive", "accounts"),
    ("AADServicePrincipal", "applications"),
    ("AuditLogs", "the directory"),
    ("Email", "mailboxes"),
    ("UrlClick", "mailboxes"),
    ("OfficeActivity", "mailboxes and documents"),
    ("CloudAppEvents", "cloud applications"),
    ("Azure", "subscriptions"),
    ("AWS", "cloud accounts"),
    ("CommonSecurityLog", "the network"),
    ("Dns", "the network"),
)


def hypothesis_id(candidate: str, parameters: Sequence[tuple[str, str]]) -> str:
    """The name of a hypothesis: the same for the same query with the same values, whichever signals ask for it."""
    said = "\n".join([candidate, *(f"{name}={value}" for name, value in sorted(parameters))])
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def hypothesis(
    one: Weighed,
    signals: Mapping[str, Signal],
    names: Mapping[str, str],
    stock: Stock,
    now: datetime,
    weights: Weights,
    calibration: Calibration,
) -> Hypothesis:
    """What is said of a candidate. `names` are those of techniques, where they are known."""
    hunt = one.candidate.hunt
    tables = tuple(t for t in hunt.tables if stock.is_visible(t))
    subjects = _subjects(one, signals)
    since = now - one.candidate.period
    sure = round(_extraction(one, signals) * one.mapping * one.parts.visibility, 4)
    behaviour = hunt.title if not subjects else f"contact with {_listed(subjects)}"
    techniques = ", ".join(f"{id} {names[id]}" if names.get(id) else id for id in one.techniques[:2])
    happened = f"“{behaviour}”" + (f" ({techniques})" if techniques else "")
    return Hypothesis(
        title=hunt.title,
        statement=(
            f"If {happened} happened to {_assets(tables)}, then what “{hunt.title}” looks for is in "
            f"{_listed(tables)} since {since:%Y-%m-%d}."
        ),
        rationale=tuple(_claims(one, signals)),
        signals=tuple(id for id, *_ in one.because),
        techniques=one.techniques,
        tables=tables,
        candidate=one.candidate.id,
        parameters=one.parameters,
        parts=one.parts,
        weights=weights.version,
        priority=round(one.priority, 4),
        confidence=round(calibration.of(sure), 4),
        sure=sure,
        maker=Maker.CORE,
        made=now,
        subjects=subjects,
        disconfirming=(
            f"No row of {_listed(tables)} since {since:%Y-%m-%d} answers the query, and those tables have rows of "
            f"{one.parts.visibility:.0%} of what should write to them."
        ),
        duplicate_of=one.duplicate_of,
    )


def _claims(one: Weighed, signals: Mapping[str, Signal]) -> list[Claim]:
    claims = []
    for id, _, behaviour in one.because:
        signal = signals[id]
        told = f"The {signal.source} “{_short(signal.title)}”"
        if behaviour is None:
            named = _listed(_subjects(one, {id: signal}))
            claims.append(Claim(f"{told} names {named or 'what it looks for'}.", (id,)))
        elif behaviour.text:
            claims.append(Claim(f"{told} says: “{_short(behaviour.text)}”", (id,)))
        else:
            claims.append(Claim(f"{told} is of the technique {', '.join(sorted(behaviour.techniques))}.", (id,)))
    return claims


def _subjects(one: Weighed, signals: Mapping[str, Signal]) -> tuple[str, ...]:
    """The indicators and entities that a candidate is filled with, of those that signals name."""
    filled = "\n".join(value for _, value in one.parameters)
    if not filled:
        return ()
    of = [id for id, _, behaviour in one.because if behaviour is None and id in signals]
    values = [i.value for id in of for i in signals[id].indicators if not i.known_good]
    values += [e.value for id in of for e in signals[id].entities]
    return tuple(dict.fromkeys(v for v in values if v and v in filled))


def _extraction(one: Weighed, signals: Mapping[str, Signal]) -> float:
    """How surely the signals say what the candidate is for."""
    best = 0.0
    for id, _, behaviour in one.because:
        if behaviour is None:
            return 1.0
        said = {t.id: t.confidence for t in signals[id].techniques}
        best = max(best, _UNSAID, *(behaviour.techniques.get(t, said.get(t, 0.0) * _UNSAID) for t in one.techniques))
    return best


def _assets(tables: Sequence[str]) -> str:
    found = dict.fromkeys(group for table in tables for start, group in _ASSETS if table.startswith(start))
    return _listed([*found]) or "anything here"


def _listed(values: Sequence[str]) -> str:
    shown = [_short(value) for value in values[:_FEW]]
    if len(values) > _FEW:
        return f"{', '.join(shown)} and {len(values) - _FEW} more"
    return " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1]))) if shown else ""


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
