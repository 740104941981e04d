"""The syntax tree of an expression."""

from __future__ import annotations

from dataclasses import dataclass

from huntlake.core.diagnostics import Span
from huntlake.wdl.expressions.values import Value


@dataclass(frozen=True, slots=True)
class Literal:
    """A text, a number, `true`, `false` or `null`."""

    value: Value
    span: Span


@dataclass(frozen=True, slots=True)
class Call:
    """A function and its arguments; its name as it was written."""

    name: str
    arguments: tuple[Expression, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Access:
    """One step into a value; `forgiving` says that a `?` stood before it."""

    parent: Expression
    key: Expression
    forgiving: bool
    span: Span


Expression = Literal | Call | Access


@dataclass(frozen=True, slots=True)
class Interpolation:
    """Text with values in it."""

    parts: tuple[str | Expression, ...]


Template = str | Expression | Interpolation
"""What a JSON string says: itself, one expression whose value keeps its type, or text with values in it."""
