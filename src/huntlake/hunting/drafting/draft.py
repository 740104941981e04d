"""A query for a hypothesis: where it comes from, what goes into it, and what it says in words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from huntlake.core.diagnostics import Span
from huntlake.detection.rules import EntityMapping
from huntlake.hunting.hypotheses.hypothesis import Maker


class DraftSource(StrEnum):
    """What a query was made from."""

    SIGMA = "sigma"
    QUERY = "query"
    """A saved or hunting query of the workspace, or one of its rules'."""
    TEMPLATE = "template"
    GENERATOR = "generator"
    MODEL = "model"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Step:
    """What a piece of a query does, in a sentence that follows from its syntax tree alone, and the piece's place."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Retrieved:
    """A piece of context that was used: where it is from, which one, which version, and how well it fitted."""

    source: str
    id: str
    version: str
    score: float


@dataclass(frozen=True, slots=True)
class Draft:
    """A query, read-only, that names its time itself or leaves it to who runs it (`TimeGenerated` of its window).

    `reference` is the id of what it was made from, with `version`; `parameters` are the values of its
    `declare query_parameters`, as KQL literals.
    """

    title: str
    description: str
    query: str
    source: DraftSource
    reference: str
    version: str
    maker: Maker
    techniques: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    parameters: tuple[tuple[str, str], ...] = ()
    entities: tuple[EntityMapping, ...] = ()
    explanation: tuple[Step, ...] = ()
    context: tuple[Retrieved, ...] = ()
    notice: str = ""
    """The author and licence that what it was made from asks to be told."""
