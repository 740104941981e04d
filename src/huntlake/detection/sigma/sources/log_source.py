"""What is said of a log source: a table, its rows, and what holds the value of each field of Sigma."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Text:
    """A field whose value any of these holds: columns, or expressions that are strings."""

    expressions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tail:
    r"""A path of which only the last part, the file's name, is known: it can be asked for by `\name` at its end."""

    expression: str


@dataclass(frozen=True, slots=True)
class Hashes:
    """Hashes as Sysmon lists them, `SHA256=…`, which have columns of their own; algorithms in capitals."""

    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Elements:
    """A field that is a list, in a text of XML or JSON: a test is met by any of its members."""

    expression: str
    form: Literal["xml", "json"]


Field = Text | Tail | Hashes | Elements


@dataclass(frozen=True, slots=True)
class LogSource:
    """Rows of a table, and how they are asked for Sigma's fields, whose names here are in small letters.

    `others` is an expression for a field that isn't listed, with `{0}` for its name in a regex; `known`, where there is
    one, are the only names that it may be asked for. `entities` are types with identifiers and columns, and `shown` the
    columns that each result has, of which one may be `Name = expression`.
    """

    table: str
    where: str = ""
    fields: Mapping[str, Field] = field(default_factory=dict)
    by_name: bool = False
    """Whether columns have the names of fields that aren't listed."""
    others: str = ""
    known: frozenset[str] = frozenset()
    is_spaced: bool = False
    """Whether names of others have spaces between their words."""
    keywords: tuple[str, ...] = ()
    entities: tuple[tuple[str, Mapping[str, str]], ...] = ()
    shown: tuple[str, ...] = ()


Known = Mapping[tuple[str, str, str], tuple[LogSource, ...]]
"""Product, category and service, of which one or two may be empty, and where their events are, the best first."""


def named(**given: str | tuple[str, ...] | Field) -> dict[str, Field]:
    """Fields by name; `__` stands for a dot, and `_` before a name for nothing."""
    found: dict[str, Field] = {}
    for name, value in given.items():
        made = value if isinstance(value, Field) else Text((value,) if isinstance(value, str) else value)
        found[name.strip("_").replace("__", ".").lower()] = made
    return found
