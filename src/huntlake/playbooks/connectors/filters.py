"""What an element must be like to pass the condition of a Query."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from huntlake.playbooks.connectors import fitting
from huntlake.playbooks.connectors.fitting import Fit
from huntlake.wdl.expressions.nodes import Call, Expression, Literal
from huntlake.wdl.expressions.values import Value

_OPPOSITE = {"greater": "lessorequals", "greaterorequals": "less", "less": "greaterorequals", "lessorequals": "greater"}
_TURNED = {"greater": "less", "greaterorequals": "lessorequals", "less": "greater", "lessorequals": "greaterorequals"}
_BESIDE = {"greater": 1, "greaterorequals": 0, "less": -1, "lessorequals": 0}
"""How far from the bound a number is that is on the right side of it."""
_BARE = frozenset(("int", "float", "string", "tolower", "toupper", "trim"))

Constant = Callable[[Expression], Value]
"""What an expression always is; None where it depends on anything."""


def wants(node: Expression, constant: Constant, true: bool = True) -> Iterator[tuple[Expression, Fit]]:
    """What a condition looks at, and what that must be like for it to be true, or false."""
    if not isinstance(node, Call):
        # A field that is a boolean by itself.
        yield node, fitting.exactly(true)
        return
    name, arguments = node.name.lower(), node.arguments
    match name, arguments:
        case ("not", (inner,)):
            yield from wants(inner, constant, not true)
        case ("and" | "or", (first, *_)):
            for inner in arguments if (name == "and") is true else (first,):
                yield from wants(inner, constant, true)
        case ("equals", (left, right)):
            for one, other in ((left, right), (right, left)):
                known = constant(other)
                # A literal that is nothing is null.
                if known is not None:
                    yield _bare(one), fitting.exactly(known) if true else fitting.other_than(known)
                elif isinstance(other, Literal) and true:
                    yield one, fitting.exactly(None)
        case ("contains", (one, other)) if true and (part := constant(other)) is not None:
            yield _bare(one), fitting.containing(part)
        case ("startswith" | "endswith", (one, other)) if true and isinstance(part := constant(other), str):
            yield _bare(one), fitting.between(*((part, "") if name == "startswith" else ("", part)))
        case (_, (left, right)) if name in _BESIDE:
            how = name if true else _OPPOSITE[name]
            for one, other, way in ((left, right, how), (right, left, _TURNED[how])):
                bound = constant(other)
                if isinstance(bound, int | float) and not isinstance(bound, bool):
                    yield _bare(one), fitting.exactly(bound + _BESIDE[way])


def _bare(node: Expression) -> Expression:
    while isinstance(node, Call) and node.name.lower() in _BARE and len(node.arguments) == 1:
        node = node.arguments[0]
    return node
