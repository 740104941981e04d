"""The tables that Sentinel, Log Analytics and Defender XDR are known to have."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from huntlake.kql.types import Column, Columns, ScalarType

CONTENT = Path(__file__).parent.parent / "content" / "tables"

PRODUCTS = {
    "application-insights": "Application Insights",
    "azure-monitor": "Azure Monitor",
    "defender-xdr": "Microsoft Defender XDR",
    "huntlake": "huntlake",
    "sentinel": "Microsoft Sentinel solutions",
}
"""What each file of the content is about."""

_TYPES = {
    "": ScalarType.STRING,
    "b": ScalarType.BOOL,
    "d": ScalarType.DYNAMIC,
    "g": ScalarType.GUID,
    "i": ScalarType.INT,
    "l": ScalarType.LONG,
    "m": ScalarType.DECIMAL,
    "n": ScalarType.TIMESPAN,
    "r": ScalarType.REAL,
    "t": ScalarType.DATETIME,
}


@dataclass(frozen=True, slots=True)
class TableSchema:
    """A table of the catalogue; its columns stand in the order in which results show them."""

    name: str
    columns: tuple[Column, ...]
    products: tuple[str, ...] = ()
    open: bool = False
    """Whether rows may bring columns that nobody has listed."""
    kept: bool = False
    """Whether its rows are huntlake's own: nobody adds any, and none go."""
    closed: bool = False
    """Whether it takes more to read it than to read a workspace."""


class Catalogue:
    """Tables by name. Nothing is read before the first question, and a table's columns not before it is asked for."""

    def __init__(self, folder: Path = CONTENT) -> None:
        self._folder = folder
        self._known: dict[str, TableSchema] = {}

    def table(self, name: str) -> TableSchema | None:
        """The table of exactly that name; None where there is none."""
        known = self._known.get(name)
        if known is None and (line := self._lines.get(name)):
            product, text = line
            _, flags, columns = text.split("\t")
            known = self._known[name] = TableSchema(
                name,
                Columns(map(_column, columns.split(","))),
                (product,),
                open="open" in flags.split(),
                kept="kept" in flags.split(),
                closed="closed" in flags.split(),
            )
        return known

    def is_open(self, name: str) -> bool:
        """Whether the table of that name has columns that nobody has listed."""
        known = self.table(name)
        return known is not None and known.open

    def is_kept(self, name: str) -> bool:
        """Whether the rows of the table of that name are huntlake's own."""
        known = self.table(name)
        return known is not None and known.kept

    def is_closed(self, name: str) -> bool:
        """Whether it takes more to read the table of that name than to read a workspace."""
        known = self.table(name)
        return known is not None and known.closed

    def names(self) -> tuple[str, ...]:
        """The names of all tables, in alphabetical order."""
        return self._names

    def usual(self) -> tuple[str, ...]:
        """The names of the tables that hunts use most, in alphabetical order: those that somebody has described."""
        return tuple(sorted(self._descriptions))

    def description(self, name: str) -> str:
        """What a row of a table is, in a sentence; empty for a table that nobody has described."""
        return self._descriptions.get(name, "")

    def __contains__(self, name: object) -> bool:
        return name in self._lines

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return tuple(sorted(self._lines))

    @cached_property
    def _descriptions(self) -> dict[str, str]:
        file = self._folder / "descriptions.txt"
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        return dict(line.split("\t", 1) for line in lines)

    @cached_property
    def _lines(self) -> dict[str, tuple[str, str]]:
        """Each table's product and line."""
        lines = {}
        for file in sorted(self._folder.glob("*.tsv")):
            product = PRODUCTS.get(file.stem, file.stem)
            for line in file.read_text(encoding="utf-8").splitlines():
                lines[line[: line.index("\t")]] = product, line
        return lines


def _column(text: str) -> Column:
    name, _, letter = text.partition(":")
    return Column(name, _TYPES[letter])
