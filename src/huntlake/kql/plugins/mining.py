"""`evaluate autocluster(…)`, `evaluate basket(…)`, `evaluate diffpatterns(…)`: which values often come together.

<https://learn.microsoft.com/kusto/query/autocluster-plugin>
<https://learn.microsoft.com/kusto/query/basket-plugin>
<https://learn.microsoft.com/kusto/query/diffpatterns-plugin>
"""

from __future__ import annotations

from dataclasses import dataclass

from huntlake.kql import plan
from huntlake.kql.binding import Binder
from huntlake.kql.binding.conversions import convert
from huntlake.kql.plugins.activity import column_of
from huntlake.kql.syntax import nodes
from huntlake.kql.types import Column, ScalarType

RARE = 0.005
"""The share of the rows below which `autocluster` takes a value for none of a pattern."""
_ONE = plan.Literal(1, ScalarType.LONG)


def autocluster(
    input: plan.Relation, call: nodes.FunctionCall, declared: tuple[Column, ...] | None, open: bool, b: Binder
) -> plan.Relation:
    """A few patterns, each with its rows: those with the best weighted mean of coverage and of values shared.

    Kusto begins its search at random rows, huntlake at rows in equal distances: the patterns may be others.
    """
    given = _Arguments(list(call.arguments), call, input, b)
    size = given.fraction("the weight of the size", 0.5, 0, 1)
    weight = given.weight()
    seeds = plan.Literal(given.whole("the number of seeds", 25), ScalarType.LONG)
    rare = plan.Literal(RARE, ScalarType.REAL)
    return _mined("autocluster", given, weight, None, (rare, size, seeds), ("Count",), ("Percent",))


def basket(
    input: plan.Relation, call: nodes.FunctionCall, declared: tuple[Column, ...] | None, open: bool, b: Binder
) -> plan.Relation:
    """Every pattern of at least so large a share of the rows. Exact; of patterns of the same rows the fullest."""
    given = _Arguments(list(call.arguments), call, input, b)
    threshold = given.fraction("the threshold", 0.05, 0.015, 1)
    weight = given.weight()
    dimensions = plan.Literal(given.whole("the number of dimensions", 5), ScalarType.LONG)
    return _mined("basket", given, weight, None, (threshold, threshold, dimensions), ("Count",), ("Percent",))


def diffpatterns(
    input: plan.Relation, call: nodes.FunctionCall, declared: tuple[Column, ...] | None, open: bool, b: Binder
) -> plan.Relation:
    """A few patterns whose shares of two parts of the rows differ by at least so much.

    Which patterns Kusto leaves out beside a larger one is not documented: the patterns may be others.
    """
    if len(call.arguments) < 3:
        b.fail("SEM0219", "`diffpatterns` takes a column and two of its values", call.span)
    split_node, *values = call.arguments[:3]
    split = column_of(split_node, input, b)
    sides = [convert(b.constant(v), ScalarType.STRING) for v in values]
    given = _Arguments(list(call.arguments[3:]), call, input, b)
    weight = given.weight()
    threshold = given.fraction("the threshold", 0.05, 0.015, 1)
    dimensions = plan.Literal(given.whole("the number of dimensions", len(input.columns)), ScalarType.LONG)
    text = convert(split, ScalarType.STRING)
    within = [b.call("==", (text, s), call.span) for s in sides]
    splits = _Split(split.name, within[0], within[1])
    shares = ("PercentA", "PercentB", "PercentDiffAB")
    return _mined(
        "diffpatterns", given, weight, splits, (threshold, threshold, dimensions), ("CountA", "CountB"), shares
    )


@dataclass(frozen=True)
class _Split:
    """The column that parts the rows, and what says of a row that it is of the first part, or of the second."""

    name: str
    first: plan.Scalar
    second: plan.Scalar


@dataclass
class _Arguments:
    """The optional arguments, in their order: `'~'` stands for the default."""

    left: list[nodes.Expression]
    call: nodes.FunctionCall
    input: plan.Relation
    b: Binder

    def next(self) -> nodes.Expression | None:
        node = self.left.pop(0) if self.left else None
        return None if isinstance(node, nodes.Literal) and node.value == "~" else node

    def fraction(self, what: str, default: float, least: float, most: float) -> plan.Literal:
        node = self.next()
        if node is None:
            return plan.Literal(default, ScalarType.REAL)
        value = self.b.constant(node).value
        if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value <= most:
            self.b.fail("SEM0001", f"{what} lies between {least:g} and {most:g}", node.span)
        return plan.Literal(float(value), ScalarType.REAL)

    def whole(self, what: str, default: int) -> int:
        node = self.next()
        if node is None:
            return default
        value = self.b.constant_long(node)
        if value < 1:
            self.b.fail("SEM0001", f"{what} is at least 1", node.span)
        return value

    def weight(self) -> plan.ColumnRef | None:
        node = self.next()
        if node is None:
            return None
        column = column_of(node, self.input, self.b)
        if column.type not in (ScalarType.INT, ScalarType.LONG):
            self.b.refuse(
                f"a weight that is a `{column.type}`", node.span, help="bring it to a whole number: `tolong(…)`"
            )
        return column

    def wildcards(self) -> dict[ScalarType, plan.Literal]:
        found: dict[ScalarType, plan.Literal] = {}
        while self.left:
            node = self.next()
            if node is None:
                continue
            value = self.b.constant(node)
            if value.type in found:
                self.b.fail("SEM0001", f"two wildcards are given for a `{value.type}`", node.span)
            found[value.type] = value
        return found


def _mined(
    function: str,
    given: _Arguments,
    weight: plan.ColumnRef | None,
    split: _Split | None,
    settings: tuple[plan.Literal, ...],
    counts: tuple[str, ...],
    percents: tuple[str, ...],
) -> plan.Relation:
    b, input, call = given.b, given.input, given.call
    wildcards = given.wildcards()
    aside = {weight.name if weight else None, split.name if split else None}
    shown = [c for c in b.columns_of(input).values() if c.name not in aside]
    heads = ("SegmentId", *counts, *percents)
    for column in shown:
        if column.name in heads:
            b.refuse(f"`{call.name}` of a table with a column `{column.name}`", call.span, help="rename it first")
    if not shown:
        b.fail("SEM0001", f"`{call.name}` needs a column to look at", call.span)
    weighed = convert(weight, ScalarType.LONG) if weight else _ONE
    outputs = [plan.Output(c.name, c) for c in shown]
    zero = plan.Literal(0, ScalarType.LONG)
    for name, side in ((_FIRST, split.first), (_SECOND, split.second)) if split else ((_FIRST, None),):
        outputs.append(plan.Output(name, weighed if side is None else b.call("iff", (side, weighed, zero), call.span)))
    rows = plan.Project(input, tuple(outputs))
    marked = b.columns_of(rows)
    nothing = [
        wildcards.get(c.type) or plan.Literal("" if c.type is ScalarType.STRING else None, c.type) for c in shown
    ]
    arguments = (
        *settings,
        *(marked[n] for n in ((_FIRST, _SECOND) if split else (_FIRST,))),
        *(x for c, w in zip(shown, nothing, strict=True) for x in (marked[c.name], w)),
    )
    columns = (
        *(Column(n, ScalarType.LONG) for n in ("SegmentId", *counts)),
        *(Column(n, ScalarType.REAL) for n in percents),
        *(Column(c.name, c.type) for c in shown),
    )
    return plan.TableFunction(function, (rows,), arguments, columns)


_FIRST, _SECOND = "\x00first", "\x00second"
"""Names that no column of a query can have."""
