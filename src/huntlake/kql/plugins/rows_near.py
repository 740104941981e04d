"""`evaluate rows_near(condition, rows [, rows after])`

<https://learn.microsoft.com/kusto/query/rows-near-plugin>
"""

from __future__ import annotations

from huntlake.kql import plan
from huntlake.kql.binding import Binder
from huntlake.kql.syntax import nodes
from huntlake.kql.types import Column, ScalarType


def rows_near(
    input: plan.Relation, call: nodes.FunctionCall, declared: tuple[Column, ...] | None, open: bool, b: Binder
) -> plan.Relation:
    """The rows for which a condition holds, and so many before and after each of them, in their order."""
    if not 2 <= len(call.arguments) <= 3:
        b.fail("SEM0219", "`rows_near` takes a condition, a number of rows, and a number of rows after", call.span)
    condition = b.predicate(call.arguments[0], input)
    sizes = [plan.Literal(max(0, b.constant_long(n)), ScalarType.LONG) for n in call.arguments[1:]]
    own = [plan.Output(n, c) for n, c in b.columns_of(input).items()]
    number = plan.Output(_NUMBER, b.call("row_number", (), call.span))
    rows = plan.Project(input, (*own, number))
    arguments = (plan.ColumnRef(_NUMBER, number.value.type), condition, sizes[0], sizes[-1])
    return plan.TableFunction("rows_near", (rows,), arguments, input.columns)


_NUMBER = "\x00number"
"""A name that no column of a query can have."""
