"""Walks through the syntax tree of a query."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from huntlake.kql.syntax import nodes


def every(node: Any) -> Iterator[nodes.Node]:
    """Every node of a tree, or of several, each before those below it."""
    if isinstance(node, tuple | list):
        for one in node:
            yield from every(one)
    elif is_dataclass(node):
        if isinstance(node, nodes.Node):
            yield node
        for field in fields(node):
            if field.name != "span":
                yield from every(getattr(node, field.name))
