"""`evaluate schema_merge([PreserveOrder])`

<https://learn.microsoft.com/kusto/query/schema-merge-plugin>
"""

from __future__ import annotations

from huntlake.kql import plan
from huntlake.kql.binding import Binder
from huntlake.kql.syntax import nodes
from huntlake.kql.types import Column, ScalarType

_WANTED = ("ColumnName", "ColumnOrdinal", "DataType", "ColumnType")


def schema_merge(
    input: plan.Relation, call: nodes.FunctionCall, declared: tuple[Column, ...] | None, open: bool, b: Binder
) -> plan.Relation:
    """One schema of several, as `getschema` gives them; a column that stands at several places is out of order."""
    if len(call.arguments) > 1:
        b.fail("SEM0219", "`schema_merge` takes whether the order of the columns is kept", call.span)
    keeps_order = plan.Literal(True, ScalarType.BOOL)
    for argument in call.arguments:
        node = argument
        if isinstance(argument, nodes.NamedExpression):
            if argument.name != "PreserveOrder":
                b.fail("SEM0001", "`schema_merge` has no such argument", argument.span, help="PreserveOrder")
            node = argument.expression
        keeps_order = b.constant(node)
        if keeps_order.type is not ScalarType.BOOL:
            b.expected(ScalarType.BOOL, keeps_order.type, node.span)
    found = [b.column(name, call.span, input) for name in _WANTED]
    columns = tuple(Column(c.name, c.type) for c in found)
    return plan.TableFunction("schema_merge", (input,), (*found, keeps_order), columns)
