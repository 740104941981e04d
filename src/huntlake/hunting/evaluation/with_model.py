"""How a model does in the steps that it may have a say in, beside the same questions without one.

The sets are public and of nobody's own place: nothing is hidden in them. Where the model is of no use what there is
without it counts for it too, as it would in the house.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import mkdtemp
from typing import Protocol, TypeVar

from huntlake.ai.chat import Adviser
from huntlake.ai.endpoint import Place
from huntlake.ai.gateway import Gateway, Limits
from huntlake.ai.health import HealthLimits
from huntlake.ai.own import OwnThings
from huntlake.core.clock import SystemClock
from huntlake.hunting.drafting.asking.query import Asking as PlainAsking
from huntlake.hunting.evaluation.questions import (
    AskedQuestion,
    Facts,
    Nearness,
    QuestionDatabase,
    facts_of,
    nearness,
    why_not,
)
from huntlake.hunting.modelled.advice import Asking
from huntlake.hunting.modelled.query_writing import TableShape, Wanted, written
from huntlake.hunting.modelled.technique_choice import chosen
from huntlake.hunting.proof.finding import Level, Proof, ProofFinding
from huntlake.state.audit import AuditTrail
from huntlake.state.memory import MemoryShelf
from huntlake.state.records import Owner
from huntlake.state.sealing import Seal

T = TypeVar("T")

_OWNER = ("evaluation",)
_CANDIDATES = 10


class Ranks(Protocol):
    """Ranks techniques for a phrase."""

    def candidates(self, text: str, most: int = 10) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class Chosen:
    """The share of phrases whose technique comes first, without and with the model, and how often it was used."""

    without: float
    with_model: float
    asked: int
    used: int


@dataclass(frozen=True, slots=True)
class Drafted:
    """How near queries come to experts' in one database, and the share of the model's that are valid."""

    database: str
    without: Nearness
    with_model: Nearness
    valid: float


class _Nobody:
    def of(self, owner: Owner) -> OwnThings:
        return OwnThings()


def adviser_at(url: str, model: str, key: str = "", seconds: float = 60.0, plain: Sequence[str] = ()) -> Adviser:
    """A model at an endpoint, for this evaluation alone: without budgets, and asked on however it does."""
    shelf, clock = MemoryShelf(), SystemClock()
    place = Place(url, model, key, seconds, 1, plain)
    return Gateway(
        shelf,
        clock,
        Seal(Path(mkdtemp(prefix="huntlake-eval-")) / "key"),
        AuditTrail(shelf, clock),
        _Nobody(),
        lambda workspace: place,
        model,
        Limits(health=HealthLimits(useless=1.0, seconds=1e9)),
    )


def techniques_with(folder: Path, model: Adviser, finder: Ranks, names: Mapping[str, str], most: int) -> Chosen:
    """Labelled phrases: the first candidate, and the one that the model chooses among ten."""
    lines = (folder / "tram_phrases.jsonl").read_text(encoding="utf-8").splitlines()
    asking = Asking(model, _OWNER, "evaluation")
    without = with_model = used = 0
    asked = sampled([json.loads(line) for line in lines if line.strip()], most)
    for one in asked:
        candidates = finder.candidates(one["text"], _CANDIDATES)
        first = candidates[0] if candidates else ""
        advice = chosen(asking, one["text"], {id: names.get(id, "") for id in candidates})
        best = first
        if advice.value:
            used += 1
            best = max(advice.value, key=lambda t: t.confidence).id
        without += first == one["label"]
        with_model += best == one["label"]
    count = max(len(asked), 1)
    return Chosen(without / count, with_model / count, len(asked), used)


def questions_with(
    asked: Sequence[AskedQuestion], databases: Mapping[str, QuestionDatabase], model: Adviser, most: int
) -> list[Drafted]:
    """Questions in words: the query that is drafted without the model, and the model's over the same tables."""
    asking = Asking(model, _OWNER, "evaluation")
    rows = []
    for name, database in databases.items():
        plain: list[tuple[Facts, Facts]] = []
        modelled: list[tuple[Facts, Facts]] = []
        valid = 0
        tables = PlainAsking(tuple(database.tables.values()))
        some = sampled([q for q in asked if q.database == name], most)
        for one in some:
            answer = tables.ask(one.text)
            drafted = answer.query if answer is not None else ""
            shapes = [_shape(database, t.name, t.score) for t in (answer.tables if answer is not None else ())]
            advice = written(asking, Wanted(one.text, shapes), partial(_proof, database))
            valid += advice.value is not None
            query = advice.value.draft.query if advice.value is not None else drafted
            expert = facts_of(one.query, database)
            plain.append((expert, facts_of(drafted, database)))
            modelled.append((expert, facts_of(query, database)))
        if some:
            rows.append(Drafted(name, nearness(plain), nearness(modelled), valid / len(some)))
    return rows


def sampled(every: Sequence[T], most: int) -> list[T]:
    """So many of them at most, spread evenly: always the same."""
    if len(every) <= most:
        return list(every)
    return [every[place * len(every) // most] for place in range(most)]


def _shape(database: QuestionDatabase, name: str, score: float) -> TableShape:
    table = database.tables[name]
    return TableShape(name, [(c, str(t)) for c, t in table.columns.items()], table.description, score)


def _proof(database: QuestionDatabase, query: str) -> Proof:
    """Whether a query is understood: there are no rows to prove anything else by."""
    why = why_not(query, database)
    found = (ProofFinding("HP102", Level.ERROR, 10, why),) if why else ()
    return Proof(datetime.now(UTC), "", found)
