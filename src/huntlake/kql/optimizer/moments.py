"""When a query that is asked again and again, each time at a later moment, can have an answer at all.

A rule that runs every hour for a year is asked 8,760 times, and nearly always finds nothing. Which runs are worth it
is told by the rows of its tables that pass the filters right above them: these are found once, over the whole year.
What is said here errs on one side only: a run that isn't worth it has no answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from huntlake.kql import plan
from huntlake.kql.optimizer.bounds import TIME, Range, ranges_of
from huntlake.kql.optimizer.pruning import pruned
from huntlake.kql.plan.graph import columns_in, is_empty, nested_in, of_chance, windowed
from huntlake.kql.syntax.literals import Moment
from huntlake.kql.types import Column, ScalarType

MOMENT = Column("moment of a row", ScalarType.DATETIME)
"""The only column of `Rows.relation`: a row's TimeGenerated."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of one table that may matter, and how many ticks before or after the query's moment they lie."""

    relation: plan.Relation
    offsets: Range


@dataclass(frozen=True)
class AllOf:
    """There is an answer only where each of these has a row."""

    parts: tuple[When, ...]


@dataclass(frozen=True)
class AnyOf:
    """There is an answer only where one of these has a row."""

    parts: tuple[When, ...]


When = Rows | AllOf | AnyOf | bool
"""Where an answer can be; `True` is anywhere, `False` nowhere."""


def moments(relation: plan.Relation, now: Moment) -> When:
    """Where the query can have an answer.

    Its plan was bound at that moment, and has all columns still; literals that are a `Moment` go with it.
    """
    return _Found(now).of(relation)


class _Found:
    def __init__(self, now: Moment) -> None:
        self._now = now
        self._done: dict[int, tuple[plan.Relation, When]] = {}

    def of(self, relation: plan.Relation) -> When:
        if id(relation) not in self._done:
            self._done[id(relation)] = relation, self._seek(relation)
        return self._done[id(relation)][1]

    def _seek(self, relation: plan.Relation) -> When:
        if (rows := self._rows(relation)) is not None:
            return rows
        match relation:
            case plan.Values():
                return not is_empty(relation)
            case plan.Filter(input) | plan.Project(input) | plan.Sort(input) | plan.FirstOf(input):
                return self.of(input)
            case plan.Limit(input) | plan.Unnest(input) | plan.Materialize(input) | plan.Apply(input):
                return self.of(input)
            case plan.Summarize(input, keys):
                # Without keys there is a row of nothing, too.
                return self.of(input) if keys else True
            case plan.Join(kind, left, right):
                return self._join(kind, left, right)
            case plan.Union(inputs):
                return _any(map(self.of, inputs))
        return True

    def _join(self, kind: plan.JoinKind, left: plan.Relation, right: plan.Relation) -> When:
        match kind:
            case plan.JoinKind.INNER | plan.JoinKind.CROSS | plan.JoinKind.LEFT_SEMI:
                return _all(map(self.of, (left, right)))
            case plan.JoinKind.LEFT_OUTER | plan.JoinKind.LEFT_ANTI:
                return self.of(left)
            case plan.JoinKind.RIGHT_OUTER:
                return self.of(right)
            case plan.JoinKind.FULL_OUTER:
                return _any(map(self.of, (left, right)))

    def _rows(self, relation: plan.Relation) -> Rows | None:
        """The rows of a scan that its filters let through; None for what isn't a filtered scan, bound in time."""
        chain: list[plan.Filter | plan.Project] = []
        while isinstance(relation, plan.Filter | plan.Project):
            chain.append(relation)
            relation = relation.input
        if not isinstance(relation, plan.Scan) or _TIME not in relation.columns:
            return None
        found: plan.Relation = plan.Project(relation, (*_passed(relation.columns), plan.Output(MOMENT.name, _TIME)))
        offsets = Range()
        # The columns that still are the row's time, and those that the moment, other rows or chance decide.
        times, doubtful = {TIME}, set[str]()
        for above in reversed(chain):
            match above:
                case plan.Filter(_, predicate):
                    for term in _terms(predicate):
                        if _is_sure(term, doubtful):
                            found = plan.Filter(found, term)
                        else:
                            offsets = offsets.within(self._offsets(term, times))
                case plan.Project(_, outputs):
                    sure = {o.name for o in outputs if _is_sure(o.value, doubtful)}
                    kept = (o if o.name in sure else plan.Output(o.name, _null(o)) for o in outputs)
                    found = plan.Project(found, (*kept, plan.Output(MOMENT.name, MOMENT)))
                    doubtful = {o.name for o in outputs} - sure
                    times = {o.name for o in outputs if isinstance(o.value, plan.ColumnRef) and o.value.name in times}
        if offsets.since is None or offsets.until is None:
            return None
        return Rows(pruned(plan.Project(found, (plan.Output(MOMENT.name, MOMENT),))), offsets)

    def _offsets(self, term: plan.Scalar, times: set[str]) -> Range:
        """How far from the query's moment a row's time lies where that is all the term says."""
        if not isinstance(term, plan.Call) or not all(map(_is_plain, term.arguments)):
            return Range()
        found = Range()
        for column, said in ranges_of(term):
            if column in times:
                since = None if said.since is None else said.since - self._now
                found = found.within(Range(since, None if said.until is None else said.until - self._now))
        return found


_TIME = Column(TIME, ScalarType.DATETIME)


def _passed(columns: Iterable[Column]) -> tuple[plan.Output, ...]:
    return tuple(plan.Output(c.name, c) for c in columns)


def _null(output: plan.Output) -> plan.Literal:
    return plan.Literal(None, output.value.type)


def _is_sure(scalar: plan.Scalar, doubtful: set[str]) -> bool:
    """Whether a row alone decides the value, at whatever moment."""
    if windowed(scalar) or of_chance(scalar) or columns_in(scalar) & doubtful:
        return False
    return not _is_moved(scalar) and not nested_in(plan.Filter(_NOTHING, scalar))


def _is_moved(scalar: plan.Scalar) -> bool:
    match scalar:
        case plan.Literal(value):
            # A list of values, as of `in`, is one literal.
            return any(isinstance(v, Moment) for v in (value if isinstance(value, list | tuple) else (value,)))
        case plan.Call(_, _, arguments):
            return any(map(_is_moved, arguments))
        case plan.Convert(value) | plan.Among(value):
            return _is_moved(value)
        case plan.DynamicPath(value, steps):
            return any(_is_moved(s) for s in (value, *steps) if not isinstance(s, str | int))
    return False


def _is_plain(argument: plan.Scalar) -> bool:
    """Whether a bound is made of the row's column, the query's moment and a timespan, and of no other time."""
    match argument:
        case plan.Literal(value, ScalarType.DATETIME):
            return isinstance(value, Moment)
        case plan.Literal(_, ScalarType.TIMESPAN) | plan.ColumnRef():
            return True
    return False


_NOTHING = plan.Values((), ())


def _terms(predicate: plan.Scalar) -> list[plan.Scalar]:
    match predicate:
        case plan.Call(function, _, arguments) if function.name == "and":
            return [term for a in arguments for term in _terms(a)]
    return [predicate]


def _all(parts: Iterable[When]) -> When:
    found = [p for p in parts if p is not True]
    if any(p is False for p in found):
        return False
    return AllOf(tuple(found)) if len(found) > 1 else found[0] if found else True


def _any(parts: Iterable[When]) -> When:
    found = [p for p in parts if p is not False]
    if any(p is True for p in found):
        return True
    return AnyOf(tuple(found)) if len(found) > 1 else found[0] if found else False
