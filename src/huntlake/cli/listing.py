"""A list of things huntlake knows, or everything about one, as text or JSON."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum

from huntlake.cli.screen import printable, show_table

_IN_A_LINE = 100


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


def outline(facts: Mapping[str, object], indent: str = "") -> None:
    """Print what is known of one thing, a fact a line; what says nothing is left out.

    What has several lines, such as a query, stands below its name, set in: no line of it looks like a fact.
    """
    for key, value in facts.items():
        head = f"{indent}{printable(key.replace('_', ' '))}:"
        if value in ("", [], {}, None):
            continue
        if isinstance(value, Mapping):
            print(head)
            outline(value, indent + "  ")
        elif isinstance(value, list | tuple):
            _outlined(head, indent, value)
        else:
            lines = [printable(line) for line in _text(value).split("\n")]
            print(f"{head} {lines[0]}" if len(lines) == 1 else f"\n{indent}  ".join([head, *lines]))


def _outlined(head: str, indent: str, items: Sequence[object]) -> None:
    texts = [_text(one) for one in items if not isinstance(one, Mapping)]
    line = ", ".join(texts)
    if len(texts) == len(items) and len(line) <= _IN_A_LINE and all(len(t.split()) == 1 for t in texts):
        print(head, printable(line))
        return
    print(head)
    for one in items:
        if isinstance(one, Mapping):
            print(f"{indent}  -")
            outline(one, indent + "    ")
        else:
            print(f"{indent}  - {printable(_text(one))}")


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case list() | tuple():
            return ", ".join(map(str, value))
        case _:
            return str(value)
