"""`in` and its kin: a value among others, which may be listed, in an array, or the rows of a table."""

from __future__ import annotations

import json
from collections.abc import Mapping

from huntlake.core.diagnostics import Span
from huntlake.kql import plan
from huntlake.kql.binding.conversions import as_written, constant_fits, convert
from huntlake.kql.binding.scalars.expressions import Row, ScalarBinder, Scoped
from huntlake.kql.syntax import nodes
from huntlake.kql.types import NUMBERS, ScalarType


def _membership(s: ScalarBinder, node: nodes.FunctionCall, row: Row, aggregating: bool) -> plan.Scalar:
    if not node.arguments:
        s.b.fail("SEM0219", f"`{node.name}` takes what is looked for, and where", node.span)
    name, (first, *rest) = node.name, node.arguments
    if isinstance(first, nodes.Star):
        return _any_column_in(s, node, row)
    value = s.bind(first, row, aggregating)
    items: list[plan.Scalar] = []
    for argument in rest:
        found = _operand(s, argument, row)
        if isinstance(found, plan.Relation):
            if len(rest) > 1:
                s.b.fail("SEM0001", "a table must stand alone here", argument.span)
            return _in_table(s, name, value, found, node)
        items.append(_as_list_item(found, value))
    return _in_items(s, name, value, items, node.span)


def _operand(s: ScalarBinder, node: nodes.Expression, row: Row) -> plan.Relation | plan.Scalar:
    if isinstance(node, nodes.Literal):
        return plan.Literal(node.value, node.type)
    # A column shadows a table of its name; a table shadows nothing.
    inner = node.head if isinstance(node, nodes.PipeExpression) and not node.operators else node
    if isinstance(inner, nodes.NameReference) and (row is None or inner.name not in s.columns_of(row)):
        return s.b.value(inner, None)
    return s.b.value(node, row)


def _as_list_item(item: plan.Scalar, value: plan.Scalar) -> plan.Scalar:
    if item.type is value.type is ScalarType.STRING:
        return item
    if isinstance(item, plan.Literal) and item.type is ScalarType.GUID and value.type is ScalarType.STRING:
        return plan.Literal(item.value or "", ScalarType.STRING)
    if item.type is ScalarType.STRING and value.type is ScalarType.GUID:
        return convert(item, ScalarType.GUID)
    if isinstance(item, plan.Literal) and constant_fits(value.type, item.type):
        # `5 in ("5", "x")`: what is no number is none of them.
        return as_written(item, value.type) if item.type is ScalarType.STRING else item
    return item


def _in_items(s: ScalarBinder, name: str, value: plan.Scalar, items: list[plan.Scalar], span: Span) -> plan.Scalar:
    flat: list[plan.Scalar] = []
    for item in items:
        match item:
            # A constant array stands for its elements.
            case plan.Literal(list(elements), ScalarType.DYNAMIC):
                flat += [_element(e, value) for e in elements if _may_equal(e, value)]
            case plan.Literal(None, ScalarType.DYNAMIC):
                pass
            case _:
                flat.append(item)
    return s.call(s.b.language.functions[name], (value, *flat), span)


def _may_equal(element: object, value: plan.Scalar) -> bool:
    fraction = isinstance(element, float) and not element.is_integer()
    return not isinstance(element, list | dict) and not (fraction and value.type in (ScalarType.INT, ScalarType.LONG))


def _element(element: object, value: plan.Scalar) -> plan.Scalar:
    if value.type in (ScalarType.STRING, ScalarType.DYNAMIC):
        return plan.Literal(_text(element), ScalarType.STRING)
    return convert(plan.Literal(element, ScalarType.DYNAMIC), value.type)


def _in_table(
    s: ScalarBinder, name: str, value: plan.Scalar, table: plan.Relation, node: nodes.FunctionCall
) -> plan.Scalar:
    column = table.columns[0]
    s.b.sound(column.name)
    if name not in ("in", "!in", "in~", "!in~"):
        # The terms of the table's first column, as one array.
        terms = s.b.aggregate("make_set", (plan.ColumnRef(column.name, column.type),), node.span)
        array = plan.First(plan.Summarize(table, (), (plan.Output("terms", terms),)), ScalarType.DYNAMIC)
        return s.call(s.b.language.functions[name], (value, array), node.span)
    inner: plan.Scalar = plan.ColumnRef(column.name, column.type)
    if column.type is ScalarType.DYNAMIC and value.type is not ScalarType.DYNAMIC:
        # An array in each row stands for its elements.
        item = plan.Item(column, inner)
        table = plan.Unnest(plan.Project(table, (plan.Output(column.name, inner),)), (item,))
        inner = convert(inner, value.type)
    elif value.type is ScalarType.DYNAMIC and column.type is not ScalarType.DYNAMIC:
        value = convert(value, column.type)
    elif value.type is not column.type:
        inner = _comparable(s, inner, value, node)
    if "~" in name:
        lower = s.b.language.functions["tolower"]
        value, inner = s.call(lower, (value,), node.span), s.call(lower, (inner,), node.span)
    among: plan.Scalar = plan.Among(value, plan.Project(table, (plan.Output(column.name, inner),)))
    return s.call(s.b.language.functions["not"], (among,), node.span) if name.startswith("!") else among


def _comparable(s: ScalarBinder, inner: plan.Scalar, value: plan.Scalar, node: nodes.FunctionCall) -> plan.Scalar:
    if inner.type in NUMBERS and value.type in NUMBERS:
        return inner
    if {inner.type, value.type} == {ScalarType.STRING, ScalarType.GUID}:
        return convert(inner, value.type)
    s.b.expected(value.type, inner.type, node.arguments[1].span)


def _any_column_in(s: ScalarBinder, node: nodes.FunctionCall, row: Row) -> plan.Scalar:
    if row is None:
        s.b.fail("SYN0002", "`*` has no meaning here", node.span)
    items = [s.bind(a, row) for a in node.arguments[1:]]
    texts = [c for c in s.columns_of(row).values() if c.type in (ScalarType.STRING, ScalarType.DYNAMIC)]
    terms = [_in_items(s, node.name, c, items, node.span) for c in texts]
    return s.call(s.b.language.functions["or"], terms, node.span) if terms else plan.Literal(False, ScalarType.BOOL)


def _text(element: object) -> str:
    if element is None:
        return ""
    return element if isinstance(element, str) else json.dumps(element)


MEMBERSHIP: Mapping[str, Scoped] = dict.fromkeys(
    ("in", "!in", "in~", "!in~", "has_any", "!has_any", "has_all", "!has_all"), _membership
)
