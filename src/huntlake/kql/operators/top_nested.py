"""`T | top-nested [N] of key [with others = label] by aggregate [asc | desc], top-nested …`"""

from __future__ import annotations

from dataclasses import dataclass

from huntlake.kql import plan
from huntlake.kql.binding import Binder, Operator
from huntlake.kql.binding.conversions import convert, convertible
from huntlake.kql.binding.naming import Names
from huntlake.kql.binding.outputs import explicit, outputs_of
from huntlake.kql.plan.nodes import JoinKind
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.parser import Parser
from huntlake.kql.types import ScalarType


@dataclass(frozen=True)
class Level(nodes.Node):
    """One clause: the best keys below each key of the level before."""

    count: nodes.Expression | None
    key: nodes.NamedExpression
    others: nodes.Expression | None
    aggregate: nodes.NamedExpression
    ascending: bool

    @classmethod
    def parse(cls, p: Parser) -> Level:
        start = p.current
        count = None if p.at("of") else p.expression()
        p.expect("of")
        key = p.named_expression()
        others = None
        if p.take("with"):
            p.expect("others")
            p.expect("=")
            others = p.expression()
        p.expect("by")
        aggregate = p.named_expression()
        word = p.take("asc", "desc")
        return cls(count, key, others, aggregate, word is not None and word.text == "asc", span=p.since(start))


@dataclass(frozen=True)
class TopNestedOperator(Operator):
    """The best keys, and below each of them the best keys of the next level.

    `others` gathers the rows that didn't make it. Rows that fall out at one level stay out at the levels below
    it, and are gathered there too where these ask for it.
    """

    levels: tuple[Level, ...]

    @classmethod
    def parse(cls, p: Parser) -> TopNestedOperator:
        start = p.previous
        found = [Level.parse(p)]
        while p.take(","):
            for word in ("top", "-", "nested"):
                p.expect(word)
            found.append(Level.parse(p))
        return cls(tuple(found), span=p.since(start))

    def bind(self, input: plan.Relation, b: Binder) -> plan.Relation:
        names = Names()
        rows, titles = self._rows(input, names, b)
        measures = [b.measure(level.aggregate.expression, rows) for level in self.levels]
        paths: plan.Relation | None = None
        rest: list[plan.Relation] = []
        for index, level in enumerate(self.levels):
            best = self._best(index, level, measures[index], rows, b)
            if any(l.others is not None for l in self.levels[index:]):
                rest.append(self._rest(index, measures, rows, best, paths, b))
            rows = plan.Join(JoinKind.LEFT_SEMI, rows, best, _agreeing(index + 1, rows, best, b), _aside(best))
            paths = best if paths is None else _beside(best, paths, b)
        assert paths is not None
        finished = [self._named(r, titles, measures, rows, b) for r in (paths, *rest)]
        if len(finished) == 1:
            return finished[0]
        return plan.Union(tuple(finished), finished[0].columns)

    def _rows(self, input: plan.Relation, names: Names, b: Binder) -> tuple[plan.Relation, list[tuple[str, str]]]:
        """The input with its keys as columns of names of their own; and the names that the query gives."""
        outputs = [plan.Output(n, c) for n, c in b.columns_of(input).items()]
        titles = []
        for index, level in enumerate(self.levels):
            (key,) = outputs_of(level.key, input, names, b)
            outputs.append(plan.Output(_key(index), key.value))
            title = level.aggregate.name or f"aggregated_{key.name}"
            titles.append((key.name, explicit(title, level.span, names, b)))
        return plan.Project(input, tuple(outputs)), titles

    def _best(self, index: int, level: Level, measure: plan.Scalar, rows: plan.Relation, b: Binder) -> plan.Relation:
        columns = b.columns_of(rows)
        keys = tuple(plan.Output(_key(i), columns[_key(i)]) for i in range(index + 1))
        found: plan.Relation = plan.Summarize(rows, keys, (plan.Output(_measure(index), measure),))
        if level.count is None:
            return found
        columns = b.columns_of(found)
        order = plan.SortKey(columns[_measure(index)], level.ascending, nulls_first=level.ascending)
        return top_of_each(found, [columns[_key(i)] for i in range(index)], order, b.constant_long(level.count))

    def _rest(
        self,
        index: int,
        measures: list[plan.Scalar],
        rows: plan.Relation,
        best: plan.Relation,
        paths: plan.Relation | None,
        b: Binder,
    ) -> plan.Relation:
        """A row for each path so far, of all that is below it and not among the best."""
        left = plan.Join(JoinKind.LEFT_ANTI, rows, best, _agreeing(index + 1, rows, best, b), _aside(best))
        columns = b.columns_of(rows)
        keys = tuple(plan.Output(_key(i), columns[_key(i)]) for i in range(index))
        found = [
            plan.Output(_measure(i), measures[i])
            for i, level in enumerate(self.levels)
            if i >= index and level.others is not None
        ]
        size = plan.Output(_SIZE, b.aggregate("count", (), self.span))
        summary: plan.Relation = plan.Summarize(left, keys, (*found, size))
        some = b.call(">", (b.columns_of(summary)[_SIZE], plan.Literal(0, ScalarType.LONG)), self.span)
        gathered: plan.Relation = plan.Filter(summary, some)
        if paths is not None:
            gathered = _beside(gathered, paths, b)
        columns = b.columns_of(gathered)
        outputs = [plan.Output(n, c) for n, c in columns.items() if n != _SIZE]
        row_columns = b.columns_of(rows)
        for i, level in enumerate(self.levels):
            if i >= index and level.others is not None:
                outputs.append(plan.Output(_key(i), self._label(level.others, row_columns[_key(i)].type, b)))
        return plan.Project(gathered, tuple(outputs))

    def _label(self, node: nodes.Expression, type_: ScalarType, b: Binder) -> plan.Scalar:
        label = b.constant(node)
        if not convertible(label.type, type_):
            b.expected(type_, label.type, node.span)
        return convert(label, type_)

    def _named(
        self,
        found: plan.Relation,
        titles: list[tuple[str, str]],
        measures: list[plan.Scalar],
        rows: plan.Relation,
        b: Binder,
    ) -> plan.Relation:
        columns, keys = b.columns_of(found), b.columns_of(rows)
        outputs = []
        for index, (key, measure) in enumerate(titles):
            for name, own, type_ in (
                (key, _key(index), keys[_key(index)].type),
                (measure, _measure(index), measures[index].type),
            ):
                nothing = plan.Literal("" if type_ is ScalarType.STRING else None, type_)
                outputs.append(plan.Output(name, columns.get(own, nothing)))
        return plan.Project(found, tuple(outputs))


def top_of_each(input: plan.Relation, keys: list[plan.ColumnRef], order: plan.SortKey, count: int) -> plan.Relation:
    """The first rows of each group of rows that agree on the keys."""
    if not keys:
        return plan.Limit(plan.Sort(input, (order,)), max(0, count))
    arguments = (
        plan.Literal(max(0, count), ScalarType.LONG),
        plan.Literal(order.ascending, ScalarType.BOOL),
        plan.Literal(order.nulls_first, ScalarType.BOOL),
        order.value,
        *keys,
    )
    return plan.TableFunction("top_of_each", (input,), arguments, input.columns)


_SIZE = "\x00size"
"""Names that no column of a query can have."""


def _key(index: int) -> str:
    return f"\x00k{index}"


def _measure(index: int) -> str:
    return f"\x00a{index}"


def _agreeing(
    count: int, left: plan.Relation, right: plan.Relation, b: Binder
) -> tuple[tuple[plan.Scalar, plan.Scalar], ...]:
    """The first so many keys as a join compares them: as text, in which a null is equal to a null."""
    here, there = b.columns_of(left), b.columns_of(right)
    return tuple(
        (
            convert(here[_key(i)], ScalarType.STRING),
            convert(there[_key(i)], ScalarType.STRING),
        )
        for i in range(count)
    )


def _aside(right: plan.Relation) -> tuple[str, ...]:
    return tuple(f"\x00r{c.name}" for c in right.columns)


def _beside(below: plan.Relation, above: plan.Relation, b: Binder) -> plan.Relation:
    """Rows of one level with the measures of the levels above them."""
    joined = plan.Join(JoinKind.INNER, below, above, _agreeing(_depth(above), below, above, b), _aside(above))
    columns = b.columns_of(joined)
    outputs = [plan.Output(n, c) for n, c in b.columns_of(below).items()]
    outputs += [
        plan.Output(c.name, columns[f"\x00r{c.name}"]) for c in above.columns if c.name not in b.columns_of(below)
    ]
    return plan.Project(joined, tuple(outputs))


def _depth(paths: plan.Relation) -> int:
    names = {c.name for c in paths.columns}
    return next(i for i in range(len(names) + 1) if _key(i) not in names)
