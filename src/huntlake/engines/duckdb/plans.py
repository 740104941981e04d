"""The engine's plan of a query as text: a line for each step, what it takes its rows from below it, set in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

_ROWS = "Estimated Cardinality"


def drawn(plan: str) -> str:
    """A plan that DuckDB told as JSON."""
    return "\n".join(line for step in orjson.loads(plan) for line in _lines(step, 0))


def _lines(step: dict[str, Any], depth: int) -> Iterator[str]:
    about = dict(step.get("extra_info") or {})
    rows = about.pop(_ROWS, None)
    indent = "  " * depth
    title = step["name"].strip()
    yield f"{indent}{title.replace('_', ' ').capitalize()}{f'  ~{int(rows):,} rows' if rows else ''}"
    for name, said in about.items():
        text = ", ".join(said) if isinstance(said, list) else " ".join(str(said).split())
        if text and text != title:
            yield f"{indent}    {name}: {text}"
    for child in step.get("children", ()):
        yield from _lines(child, depth + 1)
