"""`evaluate narrow()`

<https://learn.microsoft.com/kusto/query/narrow-plugin>
"""

from __future__ import annotations

from huntlake.kql import plan
from huntlake.kql.binding import Binder
from huntlake.kql.binding.conversions import convert
from huntlake.kql.syntax import nodes
from huntlake.kql.types import Column, ScalarType


def narrow(
    input: plan.Relation, call: nodes.FunctionCall, declared: tuple[Column, ...] | None, open: bool, b: Binder
) -> plan.Relation:
    """A row for each cell: the row's number, the column's name, the value as text."""
    if call.arguments:
        b.fail("SEM0219", "`narrow` takes no arguments", call.span)
    columns = (
        Column("Row", ScalarType.LONG),
        Column("Column", ScalarType.STRING),
        Column("Value", ScalarType.STRING),
    )
    cells: list[plan.Scalar] = []
    for name, column in b.columns_of(input).items():
        cells += [plan.Literal(name, ScalarType.STRING), convert(column, ScalarType.STRING)]
    return plan.TableFunction("narrow", (input,), tuple(cells), columns)
