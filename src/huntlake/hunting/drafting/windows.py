"""A query without its own bound of time, where whoever runs it sets one."""

from __future__ import annotations

from huntlake.core.diagnostics import Span
from huntlake.hunting.drafting.tree import every
from huntlake.kql.compiler import parse
from huntlake.kql.operators.where import FilterOperator
from huntlake.kql.syntax import nodes

TIME = frozenset({"TimeGenerated", "Timestamp"})
_SINCE = frozenset({">", ">="})
_COMPARED = frozenset({">", ">=", "<", "<=", "==", "!=", "between", "!between", "in", "!in"})


def widened(query: str) -> tuple[str, bool]:
    """The query over all of the time that it is given, and whether a bound was taken away.

    A test of a `where`, `TimeGenerated > ago(1h)`, goes only where the query compares its time with nothing else: one
    that sets the last day against the weeks before means something by its bounds. Raises `SourceError`.
    """
    tree = parse(query)
    bounds: list[Span] = []
    for node in every(tree):
        if isinstance(node, FilterOperator):
            for predicate in node.predicates:
                bounds += [part.span for part in _parts(predicate.expression) if _is_bound(part)]
    compared = sum(1 for node in every(tree) if _compares_time(node))
    if not bounds or compared != len(bounds):
        return query, False
    made = query
    for span in sorted(bounds, key=lambda s: -s.start):
        made = made[: span.start] + "true" + made[span.end :]
    return made, True


def _parts(expression: nodes.Expression) -> list[nodes.Expression]:
    match expression:
        case nodes.FunctionCall("and", (left, right)):
            return [*_parts(left), *_parts(right)]
    return [expression]


def _is_bound(node: nodes.Expression) -> bool:
    match node:
        case nodes.FunctionCall(name, (nodes.NameReference(column), nodes.FunctionCall("ago", (nodes.Literal(),)))) if (
            name in _SINCE
        ):
            return column in TIME
    return False


def _compares_time(node: nodes.Node) -> bool:
    if not isinstance(node, nodes.FunctionCall) or node.name not in _COMPARED:
        return False
    return any(isinstance(n, nodes.NameReference) and n.name in TIME for n in every(node.arguments))
