"""How tables go together: by which columns rows are of the same thing, and how each is told in ASIM's fields."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

_CONTENT = Path(__file__).parents[2] / "content"
_SAME_THINGS = _CONTENT / "hunting" / "same_things.yaml"
_ASIM = _CONTENT / "functions" / "asim"
_SOURCE = re.compile(r"_ASim_(?P<schema>[A-Za-z]+)_(?P<source>\w+)")
_FIELD = re.compile(r"^\s+(?P<field>[A-Z]\w+)\s*=\s*(?P<column>[A-Za-z_]\w*),?\s*$", re.MULTILINE)
_TABLE = re.compile(r"^\s{4}(?P<table>[A-Z]\w+)\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class TableJoin:
    """Rows of two tables are about the same thing where these expressions of theirs are the same."""

    thing: str
    left: str
    left_key: str
    right: str
    right_key: str

    @property
    def kql(self) -> str:
        """The join, as a query would have it: both sides bound by the hunt's window."""
        return (
            f"{self.left} | extend Same = {self.left_key} | where isnotempty(Same)\n"
            f"| join kind=inner ({self.right} | extend Same = {self.right_key}) on Same"
        )


@dataclass(frozen=True, slots=True)
class AsimMapping:
    """A table as ASIM tells it: the schema, the function that gives it, and what its columns are called there."""

    table: str
    schema: str
    function: str
    fields: tuple[tuple[str, str], ...]
    """ASIM's field, and the column that it is."""


def joins(tables: Sequence[str], others: Iterable[str], most: int = 10) -> list[TableJoin]:
    """How rows of some tables can be joined with rows of others, what the first have in common with each first."""
    found = []
    for left in tables:
        for right in sorted({*others} - {left}):
            for thing, columns in same_things().items():
                if left in columns and right in columns:
                    found.append(TableJoin(thing, left, _key(thing, columns[left]), right, _key(thing, columns[right])))
    order = {left: place for place, left in enumerate(tables)}
    seen: set[frozenset[str]] = set()
    kept = []
    for one in sorted(found, key=lambda j: (order[j.left], j.right, j.thing)):
        pair = frozenset((one.left, one.right, one.thing))
        if pair not in seen:
            seen.add(pair)
            kept.append(one)
    return kept[:most]


def asim_mappings(tables: Iterable[str]) -> list[AsimMapping]:
    """How tables are told in ASIM, where they are."""
    wanted = {*tables}
    return [one for one in _mappings() if one.table in wanted]


@cache
def same_things() -> Mapping[str, Mapping[str, str]]:
    """By thing, the column of each table that names it."""
    found: Mapping[str, Mapping[str, str]] = yaml.safe_load(_SAME_THINGS.read_text(encoding="utf-8"))
    return found


@cache
def _mappings() -> tuple[AsimMapping, ...]:
    """Read out of the functions that come with huntlake: what a line says that only renames a column."""
    found = []
    for file in sorted(_ASIM.glob("*/_ASim_*.kql")):
        named, text = _SOURCE.fullmatch(file.stem), file.read_text(encoding="utf-8")
        if named is None or (table := _TABLE.search(text)) is None:
            continue
        fields = tuple(dict.fromkeys((f["field"], f["column"]) for f in _FIELD.finditer(text)))
        if fields:
            found.append(AsimMapping(table["table"], named["schema"], file.stem, fields))
    return tuple(found)


def _key(thing: str, column: str) -> str:
    return f"tolower(tostring(split({column}, '.')[0]))" if thing == "machine" else f"tolower({column})"
