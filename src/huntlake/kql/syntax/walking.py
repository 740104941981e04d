"""A syntax tree, node by node."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from huntlake.kql.syntax import nodes


def walked(value: object) -> Iterator[nodes.Node]:
    """A node, or the nodes of a tuple, and every node in it, in the order of the text as far as the tree keeps it."""
    if isinstance(value, tuple):
        for one in value:
            yield from walked(one)
    elif isinstance(value, nodes.Node):
        yield value
        for field in fields(value):
            if field.name != "span":
                yield from walked(getattr(value, field.name))
