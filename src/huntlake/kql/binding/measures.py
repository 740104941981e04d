"""The aggregates of a `summarize`: those that give one column, and those that give several."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from huntlake.kql import plan
from huntlake.kql.binding.binder import Binder
from huntlake.kql.binding.naming import Names
from huntlake.kql.binding.outputs import outputs_of, sound_outputs
from huntlake.kql.symbols import Kind
from huntlake.kql.syntax import nodes
from huntlake.kql.types import ScalarType

_EXTREMES = {"arg_max": "arg_max", "arg_min": "arg_min", "argmax": "arg_max", "argmin": "arg_min"}
_ANY = {"take_any", "any", "take_anyif", "anyif"}
_PERCENTILES = {"percentiles", "percentilesw"}


def measures(
    items: Iterable[nodes.NamedExpression], input: plan.Relation, names: Names, b: Binder, keys: set[str]
) -> list[plan.Output]:
    """The output columns of the aggregates, named as Kusto names them. `*` leaves out the columns in `keys`."""
    found: list[plan.Output] = []
    for item in items:
        found += sound_outputs(item, partial(_measured, item, input, names, b, keys), b)
    return _together(found, b)


def _together(found: list[plan.Output], b: Binder) -> list[plan.Output]:
    """The same, with the percentiles of one value as those of one list."""
    calls = [
        o.value if isinstance(o.value, plan.Call) and o.value.function.name == "percentile" else None for o in found
    ]
    if sum(c is not None for c in calls) < 2:
        return found
    outputs = []
    for output, call in zip(found, calls, strict=True):
        if call is not None:
            value, own = call.arguments
            asked = [c.arguments[1] for c in calls if c is not None and c.arguments[0] == value]
            place = plan.Literal(asked.index(own) + 1, ScalarType.LONG)
            output = plan.Output(output.name, b.aggregate("* percentile", (value, place, *asked), call.span))
        outputs.append(output)
    return outputs


def _measured(
    item: nodes.NamedExpression, input: plan.Relation, names: Names, b: Binder, keys: set[str]
) -> list[plan.Output]:
    call = item.expression
    if isinstance(call, nodes.FunctionCall) and call.name in _EXTREMES:
        return _extreme(item, call, input, names, b, keys)
    if isinstance(call, nodes.FunctionCall) and call.name in _ANY:
        return _any(item, call, input, names, b, keys)
    if isinstance(call, nodes.FunctionCall) and call.name in _PERCENTILES:
        return _percentiles(item, call, input, names, b)
    found = _others(item, input, names, b)
    for output in found:
        if (column := _of_single_rows(output.value, keys)) is not None:
            b.fail(
                "SEM0001",
                f"`{column}` has a value in each row, and here one of the whole group is expected",
                item.span,
                help="aggregate it, `take_any()`, or make it a key",
            )
    return found


def _of_single_rows(value: plan.Scalar, keys: set[str]) -> str | None:
    """A column that stands outside every aggregate, and is no key; None where there is none."""
    pending = [value]
    while pending:
        match pending.pop():
            case plan.ColumnRef(name, _) if name not in keys:
                return name
            case plan.Call(function, _, arguments) if function.kind is not Kind.AGGREGATE:
                pending += arguments
            case plan.Convert(inner, _) | plan.Among(inner, _):
                pending.append(inner)
            case plan.DynamicPath(inner, steps):
                pending += [inner, *(s for s in steps if not isinstance(s, str | int))]
    return None


def _others(item: nodes.NamedExpression, input: plan.Relation, names: Names, b: Binder) -> list[plan.Output]:
    call = item.expression
    if (
        not item.names
        and isinstance(call, nodes.FunctionCall)
        and call.name in ("percentile", "percentilew")
        and len(call.arguments) >= 2
    ):
        name = names.claim(_percentile_name(call.arguments[0], call.arguments[-1], b))
        return [plan.Output(name, b.measure(call, input))]
    return outputs_of(item, input, names, b, aggregating=True)


def _columns(
    arguments: Sequence[nodes.Expression], input: plan.Relation, b: Binder, without: set[str]
) -> list[tuple[str, plan.Scalar]]:
    found: list[tuple[str, plan.Scalar]] = []
    for argument in arguments:
        if isinstance(argument, nodes.Star):
            found += [(n, c) for n, c in b.columns_of(input).items() if n not in without]
        else:
            found.append((b.implied_name(argument), b.scalar(argument, input)))
    return found


def _extreme(
    item: nodes.NamedExpression,
    call: nodes.FunctionCall,
    input: plan.Relation,
    names: Names,
    b: Binder,
    keys: set[str],
) -> list[plan.Output]:
    if not call.arguments:
        b.fail("SEM0219", f"`{call.name}` needs what is compared", call.span)
    aggregate = _EXTREMES[call.name]
    by_node, *rest = call.arguments
    by = b.scalar(by_node, input)
    by_name = b.implied_name(by_node)
    old = call.name in ("argmax", "argmin")
    prefix = call.name[-3:] + "_"
    given = list(item.names)
    outputs: list[plan.Output] = []

    def name_of(implied: str, place: int) -> str:
        if given:
            return names.claim(given.pop(0))
        if place and not implied:
            implied = f"{prefix}{by_name}_arg{place}"
        elif old:
            implied = f"{prefix}{implied if not place else f'{by_name}_{implied}'}"
        return names.claim(implied or prefix)

    extreme = b.aggregate("max" if aggregate == "arg_max" else "min", (by,), call.span)
    outputs.append(plan.Output(name_of(by_name, 0), extreme))
    for place, (name, value) in enumerate(
        _columns(rest, input, b, keys | {by.name} if isinstance(by, plan.ColumnRef) else keys), 1
    ):
        outputs.append(plan.Output(name_of(name, place), b.aggregate(aggregate, (by, value), call.span)))
    return outputs


def _any(
    item: nodes.NamedExpression,
    call: nodes.FunctionCall,
    input: plan.Relation,
    names: Names,
    b: Binder,
    keys: set[str],
) -> list[plan.Output]:
    arguments, condition = list(call.arguments), []
    if call.name.endswith("if"):
        if len(arguments) != 2:
            b.fail("SEM0219", f"`{call.name}` takes a value and a predicate", call.span)
        condition = [b.predicate(arguments.pop(), input)]
    given = list(item.names)
    outputs = []
    prefix = f"{call.name}_" if call.name in ("any", "anyif") else ""
    values = _columns(arguments, input, b, keys)
    if len(values) > 1:
        # All of them come from one row.
        condition = [plan.Literal(True, ScalarType.BOOL)]
    aggregate = "take_anyif" if call.name.endswith("if") else "take_any"
    for name, value in values:
        aggregated = b.aggregate(aggregate, (value, *condition), call.span)
        if given:
            chosen = names.claim(given.pop(0))
        else:
            chosen = names.claim(prefix + name) if name else names.unnamed()
        outputs.append(plan.Output(chosen, aggregated))
    return outputs


def _percentiles(
    item: nodes.NamedExpression, call: nodes.FunctionCall, input: plan.Relation, names: Names, b: Binder
) -> list[plan.Output]:
    fixed = 2 if call.name == "percentilesw" else 1
    values = [b.scalar(a, input) for a in call.arguments[:fixed]]
    given = list(item.names)
    outputs = []
    for node in call.arguments[fixed:]:
        value = b.aggregate(call.name[:10] + call.name[11:], (*values, b.constant(node)), call.span)
        implied = _percentile_name(call.arguments[0], node, b)
        outputs.append(plan.Output(names.claim(given.pop(0) if given else implied), value))
    return outputs


def _percentile_name(value: nodes.Expression, percentile: nodes.Expression, b: Binder) -> str:
    literal = b.constant(percentile)
    number = literal.value
    if literal.type is ScalarType.REAL and isinstance(number, float):
        text = f"{number:g}".replace(".", "_")
    else:
        text = str(number)
    return f"percentile_{b.implied_name(value)}_{text}"
