"""What the tables have nothing of: no scan without a row that fits is read, and no column that is empty in all rows.

A search of everything asks hundreds of columns, and most of them were never filled.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol, assert_never

from huntlake.kql import plan
from huntlake.kql.optimizer.indicators import without_unheld
from huntlake.kql.plan.graph import columns_in, is_empty, scalars_of, windowed, with_scalars
from huntlake.kql.types import ScalarType


class Contents(Protocol):
    """What is known of the rows that scans have to give, as they are when the SQL runs."""

    def columns(self, scan: plan.Scan) -> frozenset[str] | None:
        """The columns, by name in lower case, of the rows: none of no rows. None where nobody knows."""
        ...

    def held(self, scan: plan.Scan, needles: plan.Clause) -> frozenset[plan.Needle] | None:
        """Those of the needles that some row may hold, all others being in none; None where nobody knows."""
        ...


_NOTHING: frozenset[str] = frozenset()
_SUBSTITUTED = ("and", "or", "*")
"""What may stand around a column that is replaced by nothing: all else is left to the engine as it is."""
_ALL_OR_NOTHING = (plan.JoinKind.INNER, plan.JoinKind.CROSS, plan.JoinKind.LEFT_SEMI)
_LEFT_OR_NOTHING = (*_ALL_OR_NOTHING, plan.JoinKind.LEFT_OUTER, plan.JoinKind.LEFT_ANTI)


def without_absent(root: plan.Relation, contents: Contents) -> plan.Relation:
    """The plan without the scans and columns that have nothing; its own columns all stay."""
    return _Absent(contents).whole(root)


class _Absent:
    def __init__(self, contents: Contents) -> None:
        self._contents = contents
        self._done: dict[int, tuple[plan.Relation, plan.Relation, frozenset[str]]] = {}
        self._restored: dict[int, tuple[plan.Relation, plan.Relation]] = {}

    def whole(self, old: plan.Relation) -> plan.Relation:
        """What comes of a relation, with all of its columns."""
        relation, absent = self._of(old)
        if not absent:
            return relation
        # Those who share a relation shall share what comes of it.
        if id(old) not in self._restored:
            present = {c.name for c in relation.columns}
            outputs = tuple(plan.Output(c.name, c if c.name in present else _nothing(c)) for c in old.columns)
            self._restored[id(old)] = old, plan.Project(relation, outputs)
        return self._restored[id(old)][1]

    def _of(self, old: plan.Relation) -> tuple[plan.Relation, frozenset[str]]:
        """What comes of a relation, and which of its columns that lacks: they hold nothing in any row."""
        if id(old) not in self._done:
            relation, absent = self._rid(with_scalars(old, self.whole))
            if is_empty(relation):
                relation, absent = plan.Values(tuple(old.columns), ()), _NOTHING
            # The old relation is kept beside, so that its id can't come to mean another.
            self._done[id(old)] = old, relation, absent
        _, relation, absent = self._done[id(old)]
        return relation, absent

    def _rid(self, relation: plan.Relation) -> tuple[plan.Relation, frozenset[str]]:
        match relation:
            case plan.Scan():
                return self._scan(relation)
            case plan.Values() | plan.OuterRow():
                return relation, _NOTHING
            case plan.Filter(input, predicate):
                below, absent = self._of(input)
                predicate = without_unheld(predicate, input, self._contents.held)
                return self._filter(relation, below, _without(predicate, absent), absent)
            case plan.Project(input, outputs):
                below, absent = self._of(input)
                kept = tuple(plan.Output(o.name, _or_nothing(o.value, absent)) for o in outputs)
                if _reads([o.value for o in kept], absent):
                    return self._over(relation)
                return _empty_or(below, replace(relation, input=below, outputs=kept)), _NOTHING
            case plan.Sort(input) | plan.FirstOf(input):
                below, absent = self._of(input)
                if _reads(scalars_of(relation), absent):
                    return self._over(relation)
                return _empty_or(below, replace(relation, input=below)), absent
            case plan.Limit(input) | plan.Materialize(input):
                below, absent = self._of(input)
                return _empty_or(below, replace(relation, input=below)), absent
            case plan.Unnest():
                return self._over(relation)
            case plan.Summarize(input, keys, _):
                below, absent = self._of(input)
                if _reads(scalars_of(relation), absent):
                    below = self.whole(input)
                # Without keys there is a row of nothing, too.
                summarized = replace(relation, input=below)
                return (_empty_or(below, summarized) if keys else summarized), _NOTHING
            case plan.Join(kind, left, right):
                left, right = self.whole(left), self.whole(right)
                if (is_empty(left) and kind in _LEFT_OR_NOTHING) or (is_empty(right) and kind in _ALL_OR_NOTHING):
                    return plan.Values((), ()), _NOTHING
                return replace(relation, left=left, right=right), _NOTHING
            case plan.Union():
                return self._union(relation)
            case plan.Apply(input, _, inner):
                below = self.whole(input)
                return _empty_or(below, replace(relation, input=below, inner=self.whole(inner))), _NOTHING
            case plan.TableFunction(_, inputs):
                return replace(relation, inputs=tuple(self.whole(i) for i in inputs)), _NOTHING
        assert_never(relation)

    def _over(
        self, relation: plan.Project | plan.Sort | plan.FirstOf | plan.Unnest | plan.Filter
    ) -> tuple[plan.Relation, frozenset[str]]:
        """The relation over all columns of its input."""
        below = self.whole(relation.input)
        return _empty_or(below, replace(relation, input=below)), _NOTHING

    def _scan(self, scan: plan.Scan) -> tuple[plan.Relation, frozenset[str]]:
        held = self._contents.columns(scan)
        if held is None:
            return scan, _NOTHING
        if not held:
            return plan.Values(scan.columns, ()), _NOTHING
        # One column stays even where none is there: rows must be counted somehow.
        kept = tuple(c for c in scan.columns if c.name.lower() in held) or tuple(scan.columns[:1])
        if len(kept) == len(scan.columns):
            return scan, _NOTHING
        return replace(scan, columns=kept), frozenset(c.name for c in scan.columns) - {c.name for c in kept}

    def _filter(
        self, old: plan.Filter, below: plan.Relation, predicate: plan.Scalar, absent: frozenset[str]
    ) -> tuple[plan.Relation, frozenset[str]]:
        if isinstance(predicate, plan.Literal) and predicate.value is not True:
            return plan.Values((), ()), _NOTHING
        if _reads([predicate], absent):
            return self._over(old)
        return _empty_or(below, replace(old, input=below, predicate=predicate)), absent

    def _union(self, union: plan.Union) -> tuple[plan.Relation, frozenset[str]]:
        labels = union.labels or ("",) * len(union.inputs)
        # A union gives nothing for the columns that a table hasn't: those that are absent need no other mention.
        found = [(self._of(i)[0], label) for i, label in zip(union.inputs, labels, strict=True)]
        branches = [(branch, label) for branch, label in found if not is_empty(branch)]
        if not branches:
            return plan.Values((), ()), _NOTHING
        named = {(union.name_of(c), c.type) for branch, _ in branches for c in plan.by_name(branch).values()}
        kept = tuple(c for c in union.columns if c.name == union.source or (c.name, c.type) in named)
        absent = frozenset(c.name for c in union.columns) - {c.name for c in kept}
        if len(branches) > 1:
            inputs, labels = tuple(b for b, _ in branches), tuple(n for _, n in branches) if union.labels else ()
            return replace(union, inputs=inputs, columns=kept, labels=labels), absent
        ((branch, label),) = branches
        names, outputs = plan.by_name(branch), []
        for column in kept:
            origin = plan.Literal(label, ScalarType.STRING) if column.name == union.source else None
            outputs.append(plan.Output(column.name, origin or union.origin(column, names) or _nothing(column)))
        return plan.Project(branch, tuple(outputs)), absent


def _empty_or(input: plan.Relation, relation: plan.Relation) -> plan.Relation:
    return input if is_empty(input) else relation


def _nothing(column: plan.ColumnRef) -> plan.Literal:
    return plan.Literal("" if column.type is ScalarType.STRING else None, column.type)


def _reads(scalars: Iterable[plan.Scalar], absent: frozenset[str]) -> bool:
    return bool(absent) and not absent.isdisjoint(columns_in(*scalars))


def _or_nothing(value: plan.Scalar, absent: frozenset[str]) -> plan.Scalar:
    return _nothing(value) if isinstance(value, plan.ColumnRef) and value.name in absent else value


def _without(predicate: plan.Scalar, absent: frozenset[str]) -> plan.Scalar:
    """The condition, in which a search of many columns asks only those that are there."""
    if not absent or not isinstance(predicate, plan.Call) or windowed(predicate):
        return predicate
    word, _, of_any = predicate.function.name.partition(" ")
    if word not in _SUBSTITUTED:
        return predicate
    if not of_any:
        return replace(predicate, arguments=tuple(_without(a, absent) for a in predicate.arguments))
    sought, *columns = predicate.arguments
    if not isinstance(sought, plan.Literal) or not sought.value:
        return predicate
    kept = [c for c in columns if not (isinstance(c, plan.ColumnRef) and c.name in absent)]
    if not kept:
        return plan.Literal(False, ScalarType.BOOL)
    return predicate if len(kept) == len(columns) else replace(predicate, arguments=(sought, *kept))
