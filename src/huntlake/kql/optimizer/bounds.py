"""What the filters say of TimeGenerated, told to the scans below them: files outside are never opened.

Only knowledge is added: every filter stays where it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from huntlake.kql import plan
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


Ranges = dict[str, Range]


def bounded(root: plan.Relation) -> plan.Relation:
    """The plan with the time bounds of each scan."""
    return _Bounds(root).of(root, {})


class _Bounds:
    def __init__(self, root: plan.Relation) -> None:
        self._uses = uses(root)
        self._done: dict[tuple[int, tuple[tuple[str, Range], ...]], plan.Relation] = {}
        self._kept: list[plan.Relation] = []

    def of(self, relation: plan.Relation, ranges: Ranges) -> plan.Relation:
        # A table that several read is computed once, for all of them: no one's bounds are its own.
        if self._uses[id(relation)] > 1 and not isinstance(relation, plan.Scan):
            ranges = {}
        key = id(relation), tuple(sorted(ranges.items(), key=lambda r: r[0]))
        if key not in self._done:
            self._kept.append(relation)
            self._done[key] = self._bound(with_scalars(relation, lambda r: self.of(r, {})), ranges)
        return self._done[key]

    def _bound(self, relation: plan.Relation, ranges: Ranges) -> plan.Relation:
        match relation:
            case plan.Scan():
                mine = ranges.get(TIME, Range())
                since = None if mine.since is None else datetime_of(mine.since)
                until = None if mine.until is None else datetime_of(mine.until)
                return replace(relation, since=since, until=until) if since or until else relation
            case plan.Values() | plan.OuterRow():
                return relation
            case plan.Filter(input, predicate):
                if windowed(predicate):
                    return replace(relation, input=self.of(input, {}))
                merged = dict(ranges)
                for column, range_ in _ranges(predicate):
                    merged[column] = merged.get(column, Range()).within(range_)
                return replace(relation, input=self.of(input, merged))
            case plan.Project(input, outputs) if any(windowed(s) for s in computed_in(relation)):
                # A window looks at rows that the filters above it drop.
                return replace(relation, input=self.of(input, {}))
            case plan.Project(input, outputs):
                passed = {
                    o.value.name: ranges[o.name]
                    for o in outputs
                    if o.name in ranges and isinstance(o.value, plan.ColumnRef)
                }
                return replace(relation, input=self.of(input, passed))
            case plan.Summarize(input, keys, _):
                passed = {
                    k.value.name: ranges[k.name]
                    for k in keys
                    if isinstance(k.value, plan.ColumnRef) and k.name in ranges
                }
                return replace(relation, input=self.of(input, passed))
            case plan.Sort(input, _):
                return replace(relation, input=self.of(input, ranges))
            case plan.Limit(input, _) | plan.FirstOf(input, _) | plan.Materialize(input):
                # A bound from above would change which rows these let through.
                return replace(relation, input=self.of(input, {}))
            case plan.Unnest(input, items, index, _, _):
                new = {i.column.name for i in items} | {index}
                return replace(relation, input=self.of(input, {n: r for n, r in ranges.items() if n not in new}))
            case plan.Join(kind, left, right, _, _):
                mine_left = {} if kind in (plan.JoinKind.RIGHT_OUTER, plan.JoinKind.FULL_OUTER) else ranges
                names = {c.name for c in left.columns}
                return replace(
                    relation,
                    left=self.of(left, {n: r for n, r in mine_left.items() if n in names}),
                    right=self.of(right, {}),
                )
            case plan.Union(branches, _, split, _, _, renamed):
                other = split | {n for n, _ in renamed} | set(renamed.values())
                passed = {n: r for n, r in ranges.items() if n not in other}
                return replace(relation, inputs=tuple(self.of(b, passed) for b in branches))
            case plan.Apply(input, row, inner):
                return replace(relation, input=self.of(input, {}), row=row, inner=self.of(inner, {}))
            case plan.TableFunction(_, inputs, _, _):
                return replace(relation, inputs=tuple(self.of(i, {}) for i in inputs))


def _ranges(predicate: plan.Scalar) -> Iterator[tuple[str, Range]]:
    """The intervals that a condition demands of datetime columns."""
    match predicate:
        case plan.Call(function, _, terms) if function.name == "and":
            for term in terms:
                yield from _ranges(term)
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
