"""Questions in plain words beside the queries that experts wrote for them: how near a drafted query comes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import DomainError
from huntlake.hunting.context.relating import same_things
from huntlake.hunting.drafting.asking.query import Asking
from huntlake.hunting.drafting.asking.tables import AskTable
from huntlake.hunting.drafting.tree import every
from huntlake.kql.binding.schema import NoTables
from huntlake.kql.compiler import compile_kql, parse
from huntlake.kql.operators.where import FilterOperator
from huntlake.kql.syntax import nodes
from huntlake.kql.types import Column, Columns, ScalarType
from huntlake.workspace.catalogue import Catalogue
from huntlake.workspace.known_questions import AnsweredQuestion
from huntlake.workspace.table_search import words_of

DATABASES = ("Defender", "Sentinel")
PARAPHRASE = 0.8
"""Two questions that share so much of their words ask the same."""

_CATALOGUE = Catalogue()
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TYPES = {
    "int32": "int", "int64": "long", "boolean": "bool", "sbyte": "bool", "double": "real", "object": "dynamic",
    "single": "real", "sqldecimal": "decimal",
}  # fmt: skip
_NAMES = re.compile(r"[A-Za-z_]\w*")
_TEXTS = re.compile(r"\"[^\"]*\"|'[^']*'")


@dataclass(frozen=True)
class AskedQuestion:
    """A question, the database that it was asked of, and the query of an expert."""

    database: str
    text: str
    query: str

    @property
    def shape(self) -> str:
        """The names of the query, without its literals."""
        return " ".join(_NAMES.findall(_TEXTS.sub("", self.query))).lower()

    def is_alike(self, other: AskedQuestion) -> bool:
        """Whether both ask the same, in these words or others."""
        mine, theirs = set(words_of(self.text)), set(words_of(other.text))
        return self.shape == other.shape or len(mine & theirs) >= PARAPHRASE * len(mine | theirs)


class QuestionDatabase(NoTables):
    """The tables of one database of the set; those that experts used besides are as the catalogue has them."""

    def __init__(self, tables: Iterable[AskTable]) -> None:
        self.tables = {t.name: t for t in tables}

    def table(self, name: str, workspace: str | None = None) -> tuple[Column, ...] | None:
        if (found := self.tables.get(name)) is not None:
            return Columns(Column(c, t) for c, t in found.columns.items())
        known = _CATALOGUE.table(name)
        return known.columns if known else None

    def table_names(self, workspace: str | None = None) -> Iterable[str]:
        return self.tables


@dataclass(frozen=True)
class Facts:
    """What a query reads and asks for: tables, columns of its filters, and literals of these."""

    tables: frozenset[str]
    columns: frozenset[str]
    literals: frozenset[str]


@dataclass(frozen=True)
class Nearness:
    """How near drafted queries come to the experts', on average.

    Each is the share of what both have, of all that either has. Where the expert filters by nothing, columns and
    literals aren't judged. `exactly` is the share of those over the very tables of the expert.
    """

    tables: float
    columns: float
    literals: float
    exactly: float
    questions: int


def asked_questions(folder: Path) -> list[AskedQuestion]:
    """The questions of the set."""
    lines = (folder / "nl2kql.jsonl").read_text(encoding="utf-8").splitlines()
    return [AskedQuestion(one["db"], one["question"], one["kql"]) for one in map(json.loads, lines)]


def question_databases(folder: Path) -> dict[str, QuestionDatabase]:
    """The databases of the set by name."""
    return {name: QuestionDatabase(_tables(folder, name.lower())) for name in DATABASES}


def _tables(folder: Path, database: str) -> Iterable[AskTable]:
    schema = json.loads((folder / f"nl2kql_{database}_schema.json").read_text(encoding="utf-8"))
    catalogue = yaml.load((folder / f"nl2kql_{database}_catalog.yml").read_bytes(), _LOADER)
    described = {one["Name"]: one for one in catalogue}
    for name, columns in schema.items():
        said = described.get(name, {})
        values = {c["Name"]: found for c in said.get("Columns") or () if (found := tuple(_values(c)))}
        about = _CATALOGUE.description(name) or said.get("Description") or ""
        yield AskTable(name, {c: _type(t) for c, t in columns.items()}, about, values)


def _type(name: str) -> ScalarType:
    return ScalarType(_TYPES.get(name.lower(), name.lower()))


def _values(column: Mapping[str, Any]) -> Iterable[str]:
    for value in column.get("Values") or ():
        if isinstance(value, dict):
            value = value.get("Value")
        if isinstance(value, str | int) and not isinstance(value, bool):
            yield str(value)


def why_not(query: str, database: QuestionDatabase) -> str:
    """Why a query isn't understood over those tables, in a line; nothing where it is."""
    try:
        compile_kql(query, database)
    except SourceError as error:
        return error.diagnostics[0].message
    except DomainError as error:
        return str(error)
    return ""


def drafted(
    asked: Sequence[AskedQuestion], databases: Mapping[str, QuestionDatabase], *, votes: bool = True
) -> dict[str, Nearness]:
    """How near the drafted queries come, by database. With `votes` the other questions are known, but for those that
    ask the same.
    """
    found = {}
    for name, database in databases.items():
        pairs = []
        mine = [q for q in asked if q.database == name]
        tables = tuple(database.tables.values())
        for one in mine:
            known = [AnsweredQuestion(q.text, q.query) for q in mine if votes and not q.is_alike(one)]
            answer = Asking(tables, known, same_things()).ask(one.text)
            query = answer.query if answer is not None else ""
            pairs.append((facts_of(one.query, database), facts_of(query, database)))
        found[name] = nearness(pairs)
    return found


def facts_of(query: str, database: QuestionDatabase) -> Facts:
    """What a query reads and asks for; nothing of one that can't be read."""
    try:
        tree = parse(query)
    except SourceError:
        return Facts(frozenset(), frozenset(), frozenset())
    named = {n.name for n in every(tree) if isinstance(n, nodes.NameReference)}
    columns = {c for t in database.tables.values() for c in t.columns}
    inside = [m for n in every(tree) if isinstance(n, FilterOperator) for m in every(n.predicates)]
    return Facts(
        frozenset(named & database.tables.keys()),
        frozenset(n.name for n in inside if isinstance(n, nodes.NameReference) and n.name in columns),
        frozenset(t for n in inside if isinstance(n, nodes.Literal) for t in _said(n.value)),
    )


def _said(value: object) -> Iterable[str]:
    if isinstance(value, list):
        for one in value:
            yield from _said(one)
    else:
        yield str(value).strip().lower()


def nearness(pairs: Sequence[tuple[Facts, Facts]]) -> Nearness:
    """How near queries come to the experts', each pair the expert's and the drafted."""
    return Nearness(
        _mean([_share(a.tables, b.tables) for a, b in pairs]),
        _mean([_share(a.columns, b.columns) for a, b in pairs if a.columns]),
        _mean([_share(a.literals, b.literals) for a, b in pairs if a.literals]),
        _mean([float(a.tables == b.tables) for a, b in pairs]),
        len(pairs),
    )


def _share(said: frozenset[str], found: frozenset[str]) -> float:
    return len(said & found) / len(said | found) if said or found else 1.0


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
