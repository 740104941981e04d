"""`T | mv-apply [with_itemindex=i] name = array to typeof(type), … [limit N] on (operators)`"""

from __future__ import annotations

from dataclasses import dataclass

from huntlake.kql import plan
from huntlake.kql.binding import Binder, Operator
from huntlake.kql.operators.mv_expand import ExpandedItem, expanded
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.parser import Parser


@dataclass(frozen=True)
class MvApplyOperator(Operator):
    """For each row, a query over the elements of its arrays; its rows stand beside the row's other columns."""

    items: tuple[ExpandedItem, ...]
    index: str | None
    limit: nodes.Expression | None
    on: tuple[nodes.QueryOperator, ...]

    @classmethod
    def parse(cls, p: Parser) -> MvApplyOperator:
        start = p.previous
        given = {name: value for name, (value, _) in p.parameters("with_itemindex").items()}
        items = p.list_of(lambda: ExpandedItem.parse(p))
        limit = p.expression() if p.take("limit") else None
        p.expect("on")
        index = given.get("with_itemindex")
        return cls(items, None if index is None else str(index), limit, p.subpipe(), span=p.since(start))

    def bind(self, input: plan.Relation, b: Binder) -> plan.Relation:
        row = plan.OuterRow(input.columns)
        limit = None if self.limit is None else b.constant_long(self.limit)
        elements = expanded(self.items, row, b, index=self.index, limit=limit, outer=False)
        inner = b.pipe(self.on, elements)
        # The row's own columns come first, without those that are expanded under their own name.
        gone = {
            i.expression.expression.name
            for i in self.items
            if not i.expression.names and isinstance(i.expression.expression, nodes.NameReference)
        }
        kept = [c.name for c in input.columns if c.name not in gone]
        inner_columns = b.columns_of(inner)
        # Where the inner query makes a column that the row has too, its own stands in the place of the row's.
        added = tuple(plan.Output(n, c) for n, c in inner_columns.items() if n not in kept or not _of_row(n, inner))
        hidden = plan.Apply(input, row, plan.Project(inner, tuple(plan.Output(_inner(o.name), o.value) for o in added)))
        columns = b.columns_of(hidden)
        made = {o.name: columns[_inner(o.name)] for o in added}
        outputs = [plan.Output(n, made.pop(n, columns[n])) for n in kept]
        outputs += [plan.Output(n, c) for n, c in made.items()]
        return plan.Project(hidden, tuple(outputs))


def _of_row(name: str, inner: plan.Relation) -> bool:
    """Whether a column of the inner query is the outer row's column of that name, unchanged."""
    origin = name
    while not isinstance(inner, plan.OuterRow):
        match inner:
            case plan.Project(input, outputs) | plan.Summarize(input, outputs, _):
                value = next((o.value for o in outputs if o.name == origin), None)
                if not isinstance(value, plan.ColumnRef):
                    return False
                origin, inner = value.name, input
            case plan.Unnest(input, items, index, _, _):
                if origin == index or any(i.column.name == origin for i in items):
                    return False
                inner = input
            case plan.Join(_, input, _, _, _) | plan.Apply(input, _, _):
                if origin not in plan.by_name(input):
                    return False
                inner = input
            case _ if isinstance(inner, plan.PASSING):
                inner = inner.input
            case _:
                return False
    return origin == name


def _inner(name: str) -> str:
    # A name that no column of a query can have, so that it meets none of the outer row's.
    return f"\x00{name}"
