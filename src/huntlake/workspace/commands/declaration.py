"""How a command is declared: its syntax, the right that it needs, the columns that it gives, and what it does."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any

from huntlake.kql.syntax.commands import CommandReader
from huntlake.kql.types import ALIASES, Column


class Need(Enum):
    """What a command does to a workspace: whoever runs it has to have the right to."""

    NOTHING = "nothing"
    """It is about the server or the caller, and not about a workspace."""
    READ = "read"
    WRITE = "write"
    """It adds rows."""
    MANAGE = "manage"
    """It changes what tables and functions there are, or takes rows away."""


Rows = Iterable[Sequence[Any]]
Run = Callable[..., Rows]
"""Takes the context and, by name, what stands at each place of the syntax."""

_READERS: Mapping[str, Callable[[CommandReader], object]] = {
    "table": CommandReader.named,
    "source": CommandReader.named,
    "database": CommandReader.named,
    "function": CommandReader.named,
    "tables": CommandReader.names,
    "functions": CommandReader.names,
    "columns": CommandReader.columns,
    "definitions": CommandReader.definitions,
    "definition": CommandReader.function,
    "text": CommandReader.text,
    "mapping": CommandReader.text,
    "kind": CommandReader.named,
    "properties": CommandReader.properties,
    "query": CommandReader.tail,
    "data": CommandReader.tail,
}
"""What may stand at a place of a command, by the name that the syntax gives the place."""

_PIECE = re.compile(r"(\[?)(?:<(\w+)>|([^\s\[\]<>]+))(\]?)")


class Unfit(Exception):
    """A text isn't of a command's form: `word` is missing, or, where that is empty, the end."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


@dataclass(frozen=True, slots=True)
class Piece:
    """A word of the command itself, or a place for something of the caller's. One or the other is empty."""

    word: str
    place: str
    optional: bool


@dataclass(frozen=True)
class Command:
    """A command; `syntax` is what people read: `.drop table <table> [ifexists]`."""

    syntax: str
    needs: Need
    columns: tuple[Column, ...]
    run: Run

    @property
    def doc(self) -> str:
        """What it does, in one line."""
        return (self.run.__doc__ or "").strip().partition("\n")[0]

    @property
    def words(self) -> str:
        """The words before the first place: `.drop table`."""
        return re.split(r"\s*[<\[]", self.syntax)[0]

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        """The syntax, taken apart."""
        found = _PIECE.findall(self.syntax)
        return tuple(Piece(word, place, bool(opening)) for opening, place, word, _ in found)

    def forms(self) -> Iterator[tuple[Piece, ...]]:
        """The syntax with each choice of what may be left out, the longest first."""
        optional = [p for p in self.pieces if p.optional]
        for chosen in range(2 ** len(optional)):
            left_out = {p for i, p in enumerate(optional) if chosen >> i & 1}
            yield tuple(p for p in self.pieces if p not in left_out)

    def read(self, form: Sequence[Piece], reader: CommandReader) -> Mapping[str, Any]:
        """The arguments that a text gives.

        `Unfit` where another word stands than this form has, `SourceError` where a place holds what it can't.
        """
        arguments: dict[str, Any] = {}
        reader.back(0)
        for piece in form:
            if piece.place:
                arguments[piece.place] = _READERS[piece.place](reader)
            elif not reader.word(piece.word):
                raise Unfit(piece.word)
            elif piece.optional:
                arguments[piece.word.replace("-", "_")] = True
        if not reader.ended() and not reader.at("|"):
            raise Unfit("")
        return arguments


def command(syntax: str, needs: Need, gives: str) -> Callable[[Run], Command]:
    """Declare a command.

    In `syntax` a `<place>` is the caller's, and what stands in brackets may be left out; a word in brackets is a
    boolean argument of its name. `gives` are the columns of the answer, `TableName:string, …`.
    """

    def declared(run: Run) -> Command:
        return Command(syntax, needs, columns_of(gives), run)

    return declared


def columns_of(text: str) -> tuple[Column, ...]:
    """The columns of `a:string, b:long`."""
    pairs = (one.strip().split(":") for one in text.split(","))
    return tuple(Column(name, ALIASES[type]) for name, type in pairs)
