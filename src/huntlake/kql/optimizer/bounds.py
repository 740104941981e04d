"""What the filters say of TimeGenerated and of texts, told to the scans below them: what lies outside isn't read.

Only knowledge is added: every filter stays where it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from huntlake.kql import plan
from huntlake.kql.optimizer.needles import clauses_of, text_column, through
from huntlake.kql.plan.graph import computed_in, uses, windowed, with_scalars
from huntlake.kql.syntax.literals import MAX_DATETIME, datetime_of
from huntlake.kql.types import ScalarType

TIME = "TimeGenerated"


@dataclass(frozen=True)
class Range:
    """An interval of ticks, both ends within; None is open."""

    since: int | None = None
    until: int | None = None

    def within(self, other: Range) -> Range:
        """What both say."""
        since = max((s for s in (self.since, other.since) if s is not None), default=None)
        until = min((u for u in (self.until, other.until) if u is not None), default=None)
        return Range(since, until)


@dataclass(frozen=True)
class Demands:
    """What a row must be: the range of its times, by column, and the texts of which it must hold some.

    Where `newest`, some such rows are enough, and the newest are the best.
    """

    ranges: tuple[tuple[str, Range], ...] = ()
    clauses: tuple[plan.Clause, ...] = ()
    newest: bool = False

    def range_of(self, column: str) -> Range:
        return dict(self.ranges).get(column, Range())

    def and_of(self, predicate: plan.Scalar) -> Demands:
        """These, and those of a condition."""
        merged = dict(self.ranges)
        for column, range_ in ranges_of(predicate):
            merged[column] = merged.get(column, Range()).within(range_)
        clauses = dict.fromkeys((*self.clauses, *clauses_of(predicate)))
        return Demands(tuple(sorted(merged.items(), key=lambda r: r[0])), tuple(clauses), self.newest)

    def through(self, column_of: Callable[[str], str | None], text_of: Callable[[str], str | None]) -> Demands:
        """These of the rows below: which column is the one of that name, and in which its text is held."""
        ranges = {below: r for name, r in self.ranges if (below := column_of(name)) is not None}
        clauses = through(self.clauses, text_of) if self.clauses else ()
        return Demands(tuple(sorted(ranges.items(), key=lambda r: r[0])), clauses, self.newest)

    def of(self, names: Callable[[str], bool]) -> Demands:
        """Those that speak only of some columns."""

        def kept(name: str) -> str | None:
            return name if names(name) else None

        return self.through(kept, kept)


NONE = Demands()
NEWEST = Demands(newest=True)


def bounded(root: plan.Relation) -> plan.Relation:
    """The plan with what is known of the rows that each scan has to give."""
    return _Bounds(root).of(root, NONE)


class _Bounds:
    def __init__(self, root: plan.Relation) -> None:
        self._uses = uses(root)
        self._done: dict[tuple[int, Demands], plan.Relation] = {}
        self._kept: list[plan.Relation] = []

    def of(self, relation: plan.Relation, demands: Demands) -> plan.Relation:
        # A table that several read is computed once, for all of them: no one's demands are its own.
        if self._uses[id(relation)] > 1 and not isinstance(relation, plan.Scan):
            demands = NONE
        key = id(relation), demands
        if key not in self._done:
            self._kept.append(relation)
            self._done[key] = self._bound(with_scalars(relation, lambda r: self.of(r, NONE)), demands)
        return self._done[key]

    def _bound(self, relation: plan.Relation, demands: Demands) -> plan.Relation:
        match relation:
            case plan.Scan():
                mine = demands.range_of(TIME)
                since = None if mine.since is None else datetime_of(mine.since)
                until = None if mine.until is None else datetime_of(mine.until)
                if since is None and until is None and not demands.clauses and not demands.newest:
                    return relation
                return replace(relation, since=since, until=until, clauses=demands.clauses, newest=demands.newest)
            case plan.Values() | plan.OuterRow():
                return relation
            case plan.Filter(input, predicate):
                if windowed(predicate):
                    return replace(relation, input=self.of(input, NONE))
                return replace(relation, input=self.of(input, demands.and_of(predicate)))
            case plan.Project(input, outputs) if any(windowed(s) for s in computed_in(relation)):
                # A window looks at rows that the filters above it drop.
                return replace(relation, input=self.of(input, NONE))
            case plan.Project(input, outputs):
                return replace(relation, input=self.of(input, _below(outputs, demands)))
            case plan.Summarize(input, outputs, measures):
                demands = replace(demands, newest=any(map(_is_latest, measures)))
                return replace(relation, input=self.of(input, _below(outputs, demands)))
            case plan.Sort(input, _):
                return replace(relation, input=self.of(input, replace(demands, newest=False)))
            case plan.Limit(input, _):
                return replace(relation, input=self.of(input, NEWEST))
            case plan.FirstOf(input, _) | plan.Materialize(input):
                # A demand from above would change which rows these let through.
                return replace(relation, input=self.of(input, NONE))
            case plan.Unnest(input, items, index, _, _):
                new = {i.column.name for i in items} | {index}
                return replace(relation, input=self.of(input, demands.of(lambda n: n not in new)))
            case plan.Join(kind, left, right, _, _):
                outer = kind in (plan.JoinKind.RIGHT_OUTER, plan.JoinKind.FULL_OUTER)
                names = plan.by_name(left)
                mine_left = NONE if outer or demands == NONE else demands.of(lambda n: n in names)
                return replace(relation, left=self.of(left, mine_left), right=self.of(right, NONE))
            case plan.Union(branches, _, split, source, _, renamed):
                other = split | {n for n, _ in renamed} | set(renamed.values()) | {source}
                passed = NONE if demands == NONE else demands.of(lambda n: n not in other)
                return replace(relation, inputs=tuple(self.of(b, passed) for b in branches))
            case plan.Apply(input, row, inner):
                return replace(relation, input=self.of(input, NONE), row=row, inner=self.of(inner, NONE))
            case plan.TableFunction(_, inputs, _, _):
                return replace(relation, inputs=tuple(self.of(i, NONE) for i in inputs))


def _is_latest(measure: plan.Output) -> bool:
    """Whether a measure is of the latest row: an engine that meets it first has less to do with those before it."""
    match measure.value:
        case plan.Call(function, _, (plan.ColumnRef(name), _)):
            return function.name == "arg_max" and name == TIME
    return False


def _below(outputs: tuple[plan.Output, ...], demands: Demands) -> Demands:
    """What demands on columns that are computed so ask of the rows from which they are."""
    if demands == NONE:
        return NONE
    values = {o.name: o.value for o in outputs}

    def column_of(name: str) -> str | None:
        value = values.get(name)
        return value.name if isinstance(value, plan.ColumnRef) else None

    def text_of(name: str) -> str | None:
        return text_column(values[name]) if name in values else None

    return demands.through(column_of, text_of)


def ranges_of(predicate: plan.Scalar) -> Iterator[tuple[str, Range]]:
    """The intervals that a condition demands of datetime columns."""
    match predicate:
        case plan.Call(function, _, terms) if function.name == "and":
            for term in terms:
                yield from ranges_of(term)
        case plan.Call(
            function, _, (plan.ColumnRef(name, ScalarType.DATETIME), plan.Literal(int(ticks), ScalarType.DATETIME))
        ):
            if (found := _interval(function.name, ticks)) is not None:
                yield name, found
        case plan.Call(
            function, _, (plan.Literal(int(ticks), ScalarType.DATETIME), plan.ColumnRef(name, ScalarType.DATETIME))
        ):
            turned = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}.get(function.name, function.name)
            if (found := _interval(turned, ticks)) is not None:
                yield name, found
        case plan.Call(
            function,
            _,
            (plan.ColumnRef(name, ScalarType.DATETIME), plan.Literal(int(low), _), plan.Literal(int(high), type_)),
        ) if function.name == "between":
            last = high if type_ is ScalarType.DATETIME else low + high
            yield name, Range(low, min(max(last, 0), MAX_DATETIME))


def _interval(operator: str, ticks: int) -> Range | None:
    match operator:
        case ">" | ">=":
            return Range(since=ticks)
        case "<" | "<=":
            return Range(until=ticks)
        case "==":
            return Range(ticks, ticks)
    return None
