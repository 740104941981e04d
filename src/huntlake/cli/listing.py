"""A list of things huntlake knows, as a table or JSON."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from enum import StrEnum

from huntlake.cli.screen import show_table


class Listing(StrEnum):
    """How a list is written."""

    TABLE = "table"
    JSON = "json"


def show(
    headings: Sequence[str], rows: Sequence[Sequence[object]], output: Listing, numbers: Collection[str] = ()
) -> None:
    """Print rows under headings; in JSON each is an object, with `_` for the blanks in a heading."""
    if output is Listing.JSON:
        names = [h.replace(" ", "_") for h in headings]
        print(json.dumps([dict(zip(names, row, strict=True)) for row in rows], indent=2))
        return
    show_table(headings, [[_text(v) for v in row] for row in rows], [h in numbers for h in headings])


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case int():
            return f"{value:,}"
        case list() | tuple():
            return ", ".join(map(str, value))
        case _:
            return str(value)
