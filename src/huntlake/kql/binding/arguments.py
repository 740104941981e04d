"""What a call gives for the parameters that a user's function declares."""

from __future__ import annotations

from huntlake.core.diagnostics import Span
from huntlake.kql import plan
from huntlake.kql.binding.conversions import convert, convertible
from huntlake.kql.binding.language import Surroundings
from huntlake.kql.binding.scope import Meaning, UserFunction
from huntlake.kql.syntax import nodes


def arguments(
    function: UserFunction,
    call: nodes.FunctionCall,
    row: plan.Relation | None,
    first: plan.Relation | None,
    b: Surroundings,
) -> dict[str, Meaning]:
    """What each parameter means, by its name; `first` is a table that comes before the call, as `invoke` has it."""
    parameters = list(function.declaration.parameters)
    bound: dict[str, Meaning] = {}
    if first is not None:
        if not parameters or not parameters[0].tabular:
            b.fail("SEM0001", f"the first parameter of `{function.name}` is not a table", call.span)
        bound[parameters[0].name] = _tabular(parameters[0], first, call.span, b)
    by_name = {p.name: p for p in parameters}
    free = [p for p in parameters if p.name not in bound]
    for given in call.arguments:
        node = given
        if isinstance(given, nodes.NamedExpression) and given.name:
            if given.name not in by_name:
                names = ", ".join(by_name)
                b.fail("SEM0001", f"`{function.name}` has no parameter `{given.name}`", given.span, help=names)
            parameter, node = by_name[given.name], given.expression
            free = [p for p in free if p.name != parameter.name]
        elif free:
            parameter = free.pop(0)
        else:
            b.fail("SEM0219", f"`{function.name}` takes {len(parameters)} arguments", given.span)
        bound[parameter.name] = argument(parameter, node, row, b)
    for parameter in parameters:
        if parameter.name in bound:
            continue
        if parameter.default is None:
            b.fail("SEM0219", f"`{function.name}` is called without its argument `{parameter.name}`", call.span)
        bound[parameter.name] = argument(parameter, parameter.default, None, b)
    return bound


def argument(
    parameter: nodes.FunctionParameter, node: nodes.Expression, row: plan.Relation | None, b: Surroundings
) -> plan.Relation | plan.Scalar:
    """What an expression gives for one parameter, as its type."""
    if parameter.type is None:
        return _tabular(parameter, b.table(node), node.span, b)
    value = b.scalar(node, row)
    if not convertible(value.type, parameter.type):
        b.expected(parameter.type, value.type, node.span)
    return convert(value, parameter.type)


def _tabular(parameter: nodes.FunctionParameter, table: plan.Relation, span: Span, b: Surroundings) -> plan.Relation:
    have = {c.name: c.type for c in table.columns}
    for column in parameter.columns:
        if column.name not in have:
            b.fail("SEM0100", f"the table given for `{parameter.name}` has no column `{column.name}`", span)
        if have[column.name] is not column.type:
            b.expected(column.type, have[column.name], span)
    return table
