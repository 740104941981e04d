"""A hypothesis: what could have happened here, why somebody thinks so, and how urgent it is to look."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from huntlake.hunting.scoring import Parts


class Maker(StrEnum):
    """Who made something: the deterministic core, a model, or a person."""

    CORE = "core"
    MODEL = "model"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of a rationale, the ids of the signals that it rests on, and who wrote it."""

    text: str
    signals: tuple[str, ...]
    maker: Maker = Maker.CORE


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """If this happened, then that can be seen there.

    `candidate` names what its query would be drafted from (`sigma/<id>`, `query/<name>`, `template/<name>`, …; see
    `drafting`), `parameters` what goes into it. `priority` is made of `parts` by the weights of that version;
    `confidence`, from 0 to 1, is apart from it. `subjects` are the indicators or entities it is about. `duplicate_of`
    is an earlier hunt or hypothesis that it is nearly the same as.
    """

    title: str
    statement: str
    rationale: tuple[Claim, ...]
    signals: tuple[str, ...]
    techniques: tuple[str, ...]
    tables: tuple[str, ...]
    candidate: str
    parameters: tuple[tuple[str, str], ...]
    parts: Parts
    weights: str
    priority: float
    confidence: float
    maker: Maker
    made: datetime
    subjects: tuple[str, ...] = ()
    alternatives: tuple[str, ...] = ()
    disconfirming: str = ""
    duplicate_of: str = ""
    hunt: str = ""
    """The hunt that was made of it."""
    dismissed: str = ""
    """Why a person put it aside."""
    sure: float = 0.0
    """How sure it is by itself, from 0 to 1; `confidence` is what came of those that were, where that is known."""


@dataclass(frozen=True, slots=True)
class DataGap:
    """A technique that signals speak of and that can't be seen here: what would show it, and what is missing."""

    technique: str
    needed: tuple[str, ...]
    """Log sources, by ATT&CK's names, and the tables that would hold them: `WinEventLog:Security → SecurityEvent`."""
    reason: str
    signals: tuple[str, ...]
    found: datetime
