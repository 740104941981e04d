"""`T | make-series aggregate [default=value], … on axis [from start] [to end] step step [by key, …]`"""

from __future__ import annotations

from dataclasses import dataclass

from huntlake.core.diagnostics import Span
from huntlake.kql import plan
from huntlake.kql.binding import Binder, Operator
from huntlake.kql.binding.conversions import convert, convertible
from huntlake.kql.binding.measures import measures
from huntlake.kql.binding.naming import Names
from huntlake.kql.binding.outputs import outputs_of
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.parser import Parser
from huntlake.kql.types import NUMBERS, Column, ScalarType

_AXES = (ScalarType.DATETIME, ScalarType.TIMESPAN, ScalarType.INT, ScalarType.LONG, ScalarType.REAL)
_TIMES = (ScalarType.DATETIME, ScalarType.TIMESPAN)


@dataclass(frozen=True)
class SeriesItem(nodes.Node):
    """One aggregate, and what stands where a step has no rows."""

    expression: nodes.NamedExpression
    default: nodes.Expression | None

    @classmethod
    def parse(cls, p: Parser) -> SeriesItem:
        start = p.current
        expression = p.named_expression()
        default = None
        if p.take("default"):
            p.expect("=")
            default = p.expression()
        return cls(expression, default, span=p.since(start))


@dataclass(frozen=True)
class MakeSeriesOperator(Operator):
    """For each group an array of each aggregate's values, one for every step of the axis."""

    items: tuple[SeriesItem, ...]
    axis: nodes.NamedExpression
    start: nodes.Expression | None
    stop: nodes.Expression | None
    step: nodes.Expression
    by: tuple[nodes.NamedExpression, ...]
    nonempty: bool
    ranged: bool
    """`in range(…)`: the last step is within, and steps are counted from zero, not from the start."""

    @classmethod
    def parse(cls, p: Parser) -> MakeSeriesOperator:
        begin = p.previous
        kind, at = p.parameters("kind").get("kind", (None, begin))
        if kind not in (None, "nonempty"):
            p.fail("SEM0001", f"`{kind}` is no kind of make-series", at.span, help="nonempty")
        items = p.list_of(lambda: SeriesItem.parse(p))
        p.expect("on")
        axis = _axis(p)
        start: nodes.Expression | None = None
        stop: nodes.Expression | None = None
        if ranged := p.take("in") is not None:
            p.expect("range")
            p.expect("(")
            start = p.expression()
            p.expect(",")
            stop = p.expression()
            p.expect(",")
            step = p.expression()
            p.expect(")")
        else:
            start = p.expression() if p.take("from") else None
            stop = p.expression() if p.take("to") else None
            p.expect("step")
            step = p.expression()
        by: tuple[nodes.NamedExpression, ...] = ()
        if p.take("by"):
            p.parameters()
            by = p.list_of(p.named_expression)
        return cls(items, axis, start, stop, step, by, kind is not None, ranged, span=p.since(begin))

    def bind(self, input: plan.Relation, b: Binder) -> plan.Relation:
        names = Names()
        keys = [plan.Output(names.claim(k.name), k.value) for i in self.by for k in outputs_of(i, input, Names(), b)]
        found: list[plan.Output] = []
        defaults: list[plan.Scalar] = []
        for item in self.items:
            made = measures((item.expression,), input, names, b, {k.name for k in keys})
            found += made
            defaults += [self._default(item, m, b) for m in made]
        axis, *others = outputs_of(self.axis, input, names, b)
        if others:
            b.refuse("an axis of several columns", self.axis.span)
        value, first, last, step = self._axis(axis.value, b)
        grid = _Grid(value, first, last, step, self.ranged, self.axis.span)
        summarized = plan.Summarize(grid.filtered(input, b), (*keys, plan.Output(axis.name, grid.bin(b))), tuple(found))
        columns = tuple(k.column for k in keys)
        columns += tuple(Column(n, ScalarType.DYNAMIC) for n in (*(m.name for m in found), axis.name))
        nothing = plan.Literal(None, value.type)
        flags = (grid.anchored, self.ranged, self.nonempty and not keys)
        arguments: list[plan.Scalar] = [step, grid.origin(b) or nothing, last or nothing]
        arguments += [plan.Literal(f, ScalarType.BOOL) for f in flags]
        row = b.columns_of(summarized)
        arguments.append(row[axis.name])
        for measure, default in zip(found, defaults, strict=True):
            arguments += [row[measure.name], default]
        return plan.TableFunction("make_series", (summarized,), tuple(arguments), columns)

    def _default(self, item: SeriesItem, measure: plan.Output, b: Binder) -> plan.Scalar:
        if measure.value.type not in NUMBERS:
            b.refuse(f"`make-series` of an aggregate that gives a `{measure.value.type}`", item.span)
        if item.default is None:
            return plan.Literal(0, measure.value.type)
        value = b.scalar(item.default, None)
        if not convertible(value.type, measure.value.type):
            b.expected(measure.value.type, value.type, item.default.span)
        return value

    def _axis(
        self, axis: plan.Scalar, b: Binder
    ) -> tuple[plan.Scalar, plan.Scalar | None, plan.Scalar | None, plan.Scalar]:
        """The axis, both bounds and the step, brought to types that fit one another."""
        if axis.type not in _AXES:
            b.refuse(f"`make-series` on a `{axis.type}`", self.axis.span)
        first, last = (None if n is None else b.scalar(n, None) for n in (self.start, self.stop))
        step = b.scalar(self.step, None)
        given = [(n, v) for n, v in ((self.start, first), (self.stop, last), (self.step, step)) if n and v]
        if axis.type in _TIMES:
            type_, step_type = axis.type, ScalarType.TIMESPAN
        else:
            real = ScalarType.REAL in {axis.type, *(v.type for _, v in given)}
            type_ = step_type = ScalarType.REAL if real else ScalarType.LONG
        for node, found in given:
            wanted = step_type if node is self.step else type_
            if found.type is not wanted and not (
                convertible(found.type, wanted) and ScalarType.BOOL not in (found.type, wanted)
            ):
                b.expected(wanted, found.type, node.span)
        size = step.value if isinstance(step, plan.Literal) else None
        # Times are kept to the microsecond.
        finest = 10 if type_ is ScalarType.DATETIME else 0
        if isinstance(size, int | float) and (size <= 0 or (finest and size % finest)):
            b.fail("SEM0001", "the step of `make-series` is too small", self.step.span)
        bounds = [None if v is None else convert(v, type_) for v in (first, last)]
        return convert(axis, type_), bounds[0], bounds[1], convert(step, step_type)


def _axis(p: Parser) -> nodes.NamedExpression:
    start = p.current
    named: tuple[str, ...] = ()
    if p.ahead().text == "=":
        named = (p.name().text,)
        p.advance()
    # An `in` behind it is not the operator of that name.
    return nodes.NamedExpression(named, p.expression(3), span=p.since(start))


@dataclass(frozen=True)
class _Grid:
    """Where the steps of the axis lie."""

    axis: plan.Scalar
    start: plan.Scalar | None
    stop: plan.Scalar | None
    step: plan.Scalar
    ranged: bool
    span: Span

    def filtered(self, input: plan.Relation, b: Binder) -> plan.Relation:
        """The rows that lie within."""
        terms = [b.call("isnotnull", (self.axis,), self.span)]
        if self.start is not None:
            terms.append(b.call(">=", (self.axis, self.start), self.span))
        if self.stop is not None:
            terms.append(b.call("<=" if self.ranged else "<", (self.axis, self.stop), self.span))
        return plan.Filter(input, b.call("and", terms, self.span))

    @property
    def anchored(self) -> bool:
        """Whether steps are counted from the start."""
        return self.start is not None and not self.ranged

    def bin(self, b: Binder) -> plan.Scalar:
        """Where a row's step begins: by the axis, or counted from the start."""
        place = self.axis
        if self.start is not None and self.anchored:
            place = b.call("-", (self.axis, self.start), self.span)
        return b.call("bin", (place, self.step), self.span)

    def origin(self, b: Binder) -> plan.Scalar | None:
        """Where the first step begins, where that is known."""
        if self.start is None or not self.ranged:
            return self.start
        return b.call("bin", (self.start, self.step), self.span)
