"""`evaluate pivot(column [, aggregate [, key, …]])`

<https://learn.microsoft.com/kusto/query/pivot-plugin>
"""

from __future__ import annotations

from huntlake.kql import plan
from huntlake.kql.binding import Binder
from huntlake.kql.binding.conversions import convert
from huntlake.kql.binding.naming import Names
from huntlake.kql.syntax import nodes
from huntlake.kql.types import Column, ScalarType

MAX_COLUMNS = 1000


def pivot(
    input: plan.Relation, call: nodes.FunctionCall, declared: tuple[Column, ...] | None, open: bool, b: Binder
) -> plan.Relation:
    """A row for each combination of the keys, a column for each value of the pivot column."""
    if not call.arguments or not isinstance(call.arguments[0], nodes.NameReference):
        b.fail("SEM0001", "`pivot` takes a column first", call.span)
    pivoted = b.column(call.arguments[0].name, call.arguments[0].span, input)
    aggregate: nodes.Expression = nodes.FunctionCall("count", (), span=call.span)
    key_nodes = list(call.arguments[1:])
    if key_nodes and isinstance(key_nodes[0], nodes.FunctionCall):
        aggregate = key_nodes.pop(0)
    assert isinstance(aggregate, nodes.FunctionCall)
    used = {n.name for n in aggregate.arguments if isinstance(n, nodes.NameReference)} | {pivoted.name}
    if key_nodes:
        keys = []
        for node in key_nodes:
            if not isinstance(node, nodes.NameReference):
                b.fail("SEM0001", "`pivot` takes columns by their names", node.span)
            keys.append(b.column(node.name, node.span, input))
    else:
        keys = [c for n, c in b.columns_of(input).items() if n not in used]
    text = convert(pivoted, ScalarType.STRING)
    names = Names(k.name for k in keys)
    if declared is not None:
        wanted = [c.name for c in declared if c.name not in {k.name for k in keys}]
    else:
        distinct = plan.Summarize(input, (plan.Output("value", text),), ())
        wanted = sorted(str(row[0]) for row in b.probe(distinct, "`pivot` without declared columns", call.span))
    if len(wanted) > MAX_COLUMNS:
        b.fail("HL002", f"`pivot` would make {len(wanted)} columns; {MAX_COLUMNS} is the limit", call.span)
    measures = [plan.Output(names.claim(v), _only(aggregate, text, v, input, b)) for v in wanted]
    outputs = tuple(plan.Output(k.name, k) for k in keys)
    summarized: plan.Relation = plan.Summarize(input, outputs, tuple(measures))
    if declared is not None and not open:
        columns = b.columns_of(summarized)
        summarized = plan.Project(
            summarized,
            tuple(plan.Output(c.name, convert(columns[c.name], c.type)) for c in declared if c.name in columns),
        )
    return summarized


def _only(aggregate: nodes.FunctionCall, text: plan.Scalar, value: str, input: plan.Relation, b: Binder) -> plan.Scalar:
    """The aggregate over the rows in which the pivot column has one value."""
    conditional = {"count": "countif", "take_any": "take_anyif", "any": "take_anyif"}.get(
        aggregate.name, f"{aggregate.name}if"
    )
    if conditional not in b.language.aggregates:
        conditional = f"{aggregate.name}_if"
    if conditional not in b.language.aggregates:
        b.refuse(f"`pivot` with `{aggregate.name}()`", aggregate.span)
    chosen = b.call("==", (text, plan.Literal(value, ScalarType.STRING)), aggregate.span)
    arguments = [b.scalar(a, input) for a in aggregate.arguments]
    return b.aggregate(conditional, (*arguments[:1], chosen, *arguments[1:]), aggregate.span)
