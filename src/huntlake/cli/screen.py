"""Text for a person: plain where it is piped, coloured on a terminal, and never what a log wants it to be.

What a log says is data. On its way to a terminal no value may become a colour, a title or a cursor movement.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console

_ODD = re.compile(r"[^ -~]")


def printable(text: str, keep: str = "") -> str:
    """`text` with every character that a terminal obeys, rather than shows, written as an escape."""

    def shown(match: re.Match[str]) -> str:
        character = match[0]
        if character.isprintable() or character in keep:
            return character
        return character.encode("unicode_escape").decode()

    return _ODD.sub(shown, text)


def is_terminal(stream: TextIO | None = None) -> bool:
    """Whether a person reads `stream`, standard output unless another is given."""
    return (stream or sys.stdout).isatty()


def console(*, stderr: bool = False) -> Console:
    """Rich's console on standard output or standard error."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False)


def note(text: str) -> None:
    """Say something beside the answer, on standard error."""
    print(printable(text, keep="\n"), file=sys.stderr)


def counted(number: int, what: str) -> str:
    """So many of something: `1 signal`, `2,000 signals`."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def show_table(headings: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[bool] | None = None) -> None:
    """Print a table: framed on a terminal; else aligned text, a line a row, nothing cut.

    `right` says of each column whether it is set to the right, as numbers are.
    """
    heads = [printable(h) for h in headings]
    cells = [[printable(c) for c in row] for row in rows]
    sides = list(right or [False] * len(heads))
    if is_terminal():
        _framed(heads, cells, sides)
    else:
        print("\n".join(_aligned(heads, cells, sides)))


def _framed(heads: list[str], cells: list[list[str]], sides: list[bool]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for head, side in zip(heads, sides, strict=True):
        table.add_column(Text(head), justify="right" if side else "left", overflow="fold")
    for row in cells:
        # `Text`, not `str`: a string would be read for rich's markup.
        table.add_row(*map(Text, row))
    console().print(table)


def _aligned(heads: list[str], cells: list[list[str]], sides: list[bool]) -> list[str]:
    columns = range(len(heads))
    widths = [max([len(heads[i]), *(len(row[i]) for row in cells)]) for i in columns]

    def line(row: Sequence[str]) -> str:
        return "  ".join(row[i].rjust(widths[i]) if sides[i] else row[i].ljust(widths[i]) for i in columns).rstrip()

    return [line(heads), line(["-" * w for w in widths]), *map(line, cells)]
