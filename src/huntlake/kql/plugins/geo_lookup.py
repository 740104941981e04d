"""`evaluate geo_polygon_lookup(table, polygon, longitude, latitude [, radius] …)`, and `geo_line_lookup`

<https://learn.microsoft.com/kusto/query/geo-polygon-lookup-plugin>
<https://learn.microsoft.com/kusto/query/geo-line-lookup-plugin>
"""

from __future__ import annotations

from huntlake.kql import plan
from huntlake.kql.binding import Binder
from huntlake.kql.binding.conversions import convert
from huntlake.kql.binding.naming import Names
from huntlake.kql.syntax import nodes
from huntlake.kql.types import Column, ScalarType

_OPTIONS = ("radius", "return_unmatched", "lookup_area_radius", "return_lookup_key")
"""What may follow the columns, in this order or by name."""


def geo_polygon_lookup(
    input: plan.Relation, call: nodes.FunctionCall, declared: tuple[Column, ...] | None, open: bool, b: Binder
) -> plan.Relation:
    """Each row, extended with the rows of the lookup table whose polygons its place is in, or within metres of."""
    return _lookup("geo_polygon_lookup", input, call, b)


def geo_line_lookup(
    input: plan.Relation, call: nodes.FunctionCall, declared: tuple[Column, ...] | None, open: bool, b: Binder
) -> plan.Relation:
    """Each row, extended with the rows of the lookup table whose lines are within metres of its place."""
    return _lookup("geo_line_lookup", input, call, b)


def _lookup(name: str, input: plan.Relation, call: nodes.FunctionCall, b: Binder) -> plan.Relation:
    positional = [a for a in call.arguments if not isinstance(a, nodes.NamedExpression)]
    if len(positional) < 4 or len(positional) > 4 + len(_OPTIONS):
        b.fail("SEM0219", f"`{name}` takes a table, its column of shapes, a longitude and a latitude", call.span)
    table_node, shape_node, longitude_node, latitude_node, *rest = positional
    options = dict(zip(_OPTIONS, rest, strict=False))
    for argument in call.arguments:
        if isinstance(argument, nodes.NamedExpression):
            if argument.name not in _OPTIONS or argument.name in options:
                b.fail("SEM0001", f"`{name}` has no option `{argument.name}` here", argument.span)
            options[argument.name] = argument.expression
    if (area := options.get("lookup_area_radius")) is not None:
        b.refuse("`lookup_area_radius`", area.span)
    if name == "geo_line_lookup" and "radius" not in options:
        b.fail("SEM0219", "`geo_line_lookup` needs a radius in metres", call.span)
    lookup = b.table(table_node)
    if not isinstance(shape_node, nodes.NameReference):
        b.fail("SEM0001", f"`{name}` takes the column of shapes by its name", shape_node.span)
    shape = b.column(shape_node.name, shape_node.span, lookup)
    radius = b.constant(options["radius"]) if "radius" in options else plan.Literal(0.0, ScalarType.REAL)
    names = Names(c.name for c in input.columns)
    columns = input.columns + tuple(Column(names.claim(c.name), c.type) for c in lookup.columns)
    found = plan.TableFunction(
        name,
        (input, lookup),
        (
            convert(b.scalar(longitude_node, input), ScalarType.REAL),
            convert(b.scalar(latitude_node, input), ScalarType.REAL),
            shape,
            convert(radius, ScalarType.REAL),
            plan.Literal(_flag(options.get("return_unmatched"), b), ScalarType.BOOL),
            *b.columns_of(lookup).values(),
        ),
        columns,
    )
    if _flag(options.get("return_lookup_key"), b):
        return found
    place = len(input.columns) + [c.name for c in lookup.columns].index(shape.name)
    kept = (c for i, c in enumerate(columns) if i != place)
    return plan.Project(found, tuple(plan.Output(c.name, plan.ColumnRef(c.name, c.type)) for c in kept))


def _flag(node: nodes.Expression | None, b: Binder) -> bool:
    if node is None:
        return False
    value = b.constant(node)
    if value.type is not ScalarType.BOOL:
        b.expected(ScalarType.BOOL, value.type, node.span)
    return bool(value.value)
