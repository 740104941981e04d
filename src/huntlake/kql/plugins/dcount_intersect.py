"""`evaluate dcount_intersect(hll, hll, …)`

<https://learn.microsoft.com/kusto/query/dcount-intersect-plugin>
"""

from __future__ import annotations

from huntlake.kql import plan
from huntlake.kql.binding import Binder
from huntlake.kql.binding.naming import Names
from huntlake.kql.binding.outputs import explicit
from huntlake.kql.plugins.activity import column_of
from huntlake.kql.syntax import nodes
from huntlake.kql.types import Column, ScalarType

MAX_SETS = 16


def dcount_intersect(
    input: plan.Relation, call: nodes.FunctionCall, declared: tuple[Column, ...] | None, open: bool, b: Binder
) -> plan.Relation:
    """How many values the first set has, how many of them the second has too, and so on. Exact, as `hll` is here."""
    if not 2 <= len(call.arguments) <= MAX_SETS:
        b.fail("SEM0219", f"`dcount_intersect` takes from 2 to {MAX_SETS} columns of `hll` values", call.span)
    outputs = [plan.Output(n, c) for n, c in b.columns_of(input).items()]
    names = Names(o.name for o in outputs)
    shared: plan.Scalar | None = None
    for number, node in enumerate(call.arguments):
        column = column_of(node, input, b)
        if column.type is not ScalarType.DYNAMIC:
            b.expected(ScalarType.DYNAMIC, column.type, node.span)
        shared = column if shared is None else b.call("set_intersect", (shared, column), call.span)
        size = b.call("array_length", (shared,), call.span)
        outputs.append(plan.Output(explicit(f"s{number}", call.span, names, b), size))
    return plan.Project(input, tuple(outputs))
