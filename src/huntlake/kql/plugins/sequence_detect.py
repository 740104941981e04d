"""`evaluate sequence_detect(time, longest pause, longest span, name = condition, …, dimension, …)`

<https://learn.microsoft.com/kusto/query/sequence-detect-plugin>
"""

from __future__ import annotations

from huntlake.kql import plan
from huntlake.kql.binding import Binder
from huntlake.kql.binding.naming import Names
from huntlake.kql.binding.outputs import explicit
from huntlake.kql.plugins.activity import column_of
from huntlake.kql.syntax import nodes
from huntlake.kql.types import Column, ScalarType


def sequence_detect(
    input: plan.Relation, call: nodes.FunctionCall, declared: tuple[Column, ...] | None, open: bool, b: Binder
) -> plan.Relation:
    """A row for each sequence of rows that meet the conditions, each row later than the one before.

    Every such sequence is found, also where it shares rows with others; those of the same times stand once.
    """
    if len(call.arguments) < 4:
        wanted = "a column of times, the longest pause, the longest span, conditions and dimensions"
        b.fail("SEM0219", f"`sequence_detect` takes {wanted}", call.span)
    time_node, *span_nodes = call.arguments[:3]
    time = column_of(time_node, input, b)
    if time.type is not ScalarType.DATETIME:
        b.refuse(f"`sequence_detect` over a `{time.type}`", time_node.span)
    spans = []
    for node in span_nodes:
        span = b.constant(node)
        if span.type is not ScalarType.TIMESPAN:
            b.expected(ScalarType.TIMESPAN, span.type, node.span)
        spans.append(span)
    names = Names()
    conditions: list[plan.Output] = []
    dimensions: list[plan.Output] = []
    for node in call.arguments[3:]:
        expression = node.expression if isinstance(node, nodes.NamedExpression) else node
        value = b.scalar(expression, input)
        given = node.name if isinstance(node, nodes.NamedExpression) else None
        if value.type is ScalarType.BOOL and (given is not None or not isinstance(value, plan.ColumnRef)):
            if given is None:
                b.refuse("a condition of `sequence_detect` without a name", node.span, help="write `name = condition`")
            if dimensions:
                b.fail("SEM0001", "the conditions stand before the dimensions", node.span)
            conditions.append(plan.Output(f"{given}_{time.name}", value))
        else:
            name = given or b.implied_name(expression)
            dimensions.append(
                plan.Output(names.claim(name) if name else names.unnamed(), b.key(value, node.span, "a dimension"))
            )
    if not conditions:
        b.fail("SEM0001", "`sequence_detect` needs a condition", call.span)
    outputs = [*dimensions, *(plan.Output(explicit(c.name, call.span, names, b), c.value) for c in conditions)]
    columns = (
        *(d.column for d in dimensions),
        *(Column(c.name, ScalarType.DATETIME) for c in conditions),
        Column(explicit("Duration", call.span, names, b), ScalarType.TIMESPAN),
    )
    rows = plan.Project(input, (plan.Output(_TIME, time), *outputs))
    marked = b.columns_of(rows)
    arguments: tuple[plan.Scalar, ...] = (
        plan.Literal(len(conditions), ScalarType.LONG),
        marked[_TIME],
        *spans,
        *(marked[o.name] for o in outputs),
    )
    return plan.TableFunction("sequence_detect", (rows,), arguments, columns)


_TIME = "\x00time"
"""A name that no column of a query can have."""
