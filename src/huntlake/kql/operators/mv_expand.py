"""`T | mv-expand [kind=bag|array] [with_itemindex=i] name = array to typeof(type), … [limit N]`"""

from __future__ import annotations

from dataclasses import dataclass

from huntlake.kql import plan
from huntlake.kql.binding import Binder, Operator
from huntlake.kql.binding.conversions import convert
from huntlake.kql.binding.naming import Names
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.parser import Parser
from huntlake.kql.types import Column, ScalarType


@dataclass(frozen=True)
class ExpandedItem(nodes.Node):
    """One array to be expanded, and the type of its elements where one is asked for."""

    expression: nodes.NamedExpression
    type: ScalarType | None

    @classmethod
    def parse(cls, p: Parser) -> ExpandedItem:
        start = p.current
        expression = p.named_expression()
        type_ = None
        if p.take("to"):
            type_ = p.type_of().columns[0].type
        return cls(expression, type_, span=p.since(start))


@dataclass(frozen=True)
class MvExpandOperator(Operator):
    """A row for each element of an array, or each property of a bag."""

    items: tuple[ExpandedItem, ...]
    index: str | None
    as_array: bool
    limit: nodes.Expression | None

    @classmethod
    def parse(cls, p: Parser) -> MvExpandOperator:
        start = p.previous
        given = {name: value for name, (value, _) in p.parameters("kind", "bagexpansion", "with_itemindex").items()}
        items = p.list_of(lambda: ExpandedItem.parse(p))
        limit = p.expression() if p.take("limit") else None
        kind = given.get("kind", given.get("bagexpansion", "bag"))
        if kind not in ("bag", "array"):
            p.fail("SEM0001", f"`{kind}` is no kind of expansion", p.since(start), help="bag, array")
        index = given.get("with_itemindex")
        return cls(items, None if index is None else str(index), kind == "array", limit, span=p.since(start))

    def bind(self, input: plan.Relation, b: Binder) -> plan.Relation:
        limit = None if self.limit is None else b.constant_long(self.limit)
        return expanded(self.items, input, b, index=self.index, as_array=self.as_array, limit=limit)


def expanded(
    items: tuple[ExpandedItem, ...],
    input: plan.Relation,
    b: Binder,
    *,
    index: str | None = None,
    as_array: bool = False,
    limit: int | None = None,
    outer: bool = True,
) -> plan.Relation:
    """The unnested table, its elements brought to the types that are asked for."""
    names = Names(c.name for c in input.columns)
    found, types = [], {}
    for item in items:
        value = b.scalar(item.expression.expression, input)
        if value.type is ScalarType.STRING:
            # Text is one element, as a dynamic that holds text would be.
            value = convert(value, ScalarType.DYNAMIC)
        elif value.type is not ScalarType.DYNAMIC:
            b.expected(ScalarType.DYNAMIC, value.type, item.span)
        # `mv-expand todynamic(Entities)` has the name of the column, and stands in its place.
        name = item.expression.name or b.implied_name(item.expression.expression) or names.unnamed()
        found.append(plan.Item(Column(name, ScalarType.DYNAMIC), value, as_array))
        if item.type is not None:
            types[name] = item.type
    new = [i.column.name for i in found]
    if len(set(new)) < len(new):
        b.fail("SEM0001", "two arrays are expanded to columns of one name", items[0].span, help="name them: `x = …`")
    if index is not None:
        index = Names([*(c.name for c in input.columns), *new]).claim(index)
    relation: plan.Relation = plan.Unnest(input, tuple(found), index, outer, limit)
    if types:
        columns = b.columns_of(relation)
        relation = plan.Project(
            relation,
            tuple(plan.Output(n, convert(c, types[n]) if n in types else c) for n, c in columns.items()),
        )
    return relation
