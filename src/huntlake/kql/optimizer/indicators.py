"""What no row holds isn't looked for: of the many texts that a condition lists, those are left out.

A list of a thousand indicators costs an engine a thousand patterns in each row, and a table seldom holds three of them.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from dataclasses import replace

from huntlake.kql import plan
from huntlake.kql.optimizer.needles import MOST, clauses_of, text_column
from huntlake.kql.types import ScalarType

Held = Callable[[plan.Scan, plan.Clause], frozenset[plan.Needle] | None]
"""Of some needles those that the rows of a scan may hold, all others being in none; None where nobody knows."""

_LEAST = 8
"""Texts in a condition: fewer cost the engine less than the question."""
_LISTS = ("in", "in~", "has_any")
"""Operators that hold where one of their texts alone makes them hold: without another they are the same."""
_FALSE = plan.Literal(False, ScalarType.BOOL)


def without_unheld(predicate: plan.Scalar, over: plan.Relation, held: Held) -> plan.Scalar:
    """A filter's condition, without what is false in every row of the relation that it filters.

    Only in `and` and `or` is anything left out: what stands in a negation or in a function stays as it is.
    """
    leaves = list(_leaves(predicate))
    if sum(map(_texts_in, leaves)) < _LEAST:
        return predicate
    needles = dict.fromkeys(n for leaf in leaves for clause in clauses_of(leaf) for n in clause)
    if not needles or len(needles) > MOST:
        return predicate
    places = {column: _places(over, column) for column in dict.fromkeys(n.column for n in needles)}
    there: set[plan.Needle] = set()
    asked: dict[int, tuple[plan.Scan, dict[plan.Needle, list[plan.Needle]]]] = {}
    for needle in needles:
        origins = places[needle.column]
        if origins is None:
            there.add(needle)
            continue
        for scan, column in origins:
            _, of_scan = asked.setdefault(id(scan), (scan, {}))
            of_scan.setdefault(needle._replace(column=column), []).append(needle)
    for scan, of_scan in asked.values():
        found = held(scan, tuple(of_scan))
        for below, above in of_scan.items():
            if found is None or below in found:
                there.update(above)
    return predicate if len(there) == len(needles) else _without(predicate, there)


def _leaves(predicate: plan.Scalar) -> Iterator[plan.Call]:
    """The conditions that `and` and `or` join."""
    if isinstance(predicate, plan.Call):
        if predicate.function.name in ("and", "or"):
            for term in predicate.arguments:
                yield from _leaves(term)
        else:
            yield predicate


def _texts_in(leaf: plan.Call) -> int:
    constants = (a.value for a in leaf.arguments if isinstance(a, plan.Literal))
    return sum(len(value) if isinstance(value, list) else 1 for value in constants)


def _places(relation: plan.Relation, column: str) -> list[tuple[plan.Scan, str]] | None:
    """The columns of scans that hold every term of a column's texts; None where some may come from elsewhere."""
    match relation:
        case plan.Scan():
            return [(relation, column)]
        case plan.Filter(input) | plan.Sort(input) | plan.Limit(input) | plan.FirstOf(input) | plan.Materialize(input):
            return _places(input, column)
        case plan.Project(input, outputs):
            value = next((o.value for o in outputs if o.name == column), None)
            below = None if value is None else text_column(value)
            return None if below is None else _places(input, below)
        case plan.Union():
            own = next((c for c in relation.columns if c.name == column), None)
            if own is None or column == relation.source:
                return None
            found: list[tuple[plan.Scan, str]] = []
            for branch in relation.inputs:
                # Rows of a table without the column have nothing there.
                origin = relation.origin(own, plan.by_name(branch))
                places = [] if origin is None else _places(branch, origin.name)
                if places is None:
                    return None
                found += places
            return found
    return None


def _without(predicate: plan.Scalar, there: Container[plan.Needle]) -> plan.Scalar:
    if not isinstance(predicate, plan.Call):
        return predicate
    name = predicate.function.name
    if name in ("and", "or"):
        terms = [_without(t, there) for t in predicate.arguments]
        if name == "and":
            return _FALSE if _FALSE in terms else replace(predicate, arguments=tuple(terms))
        kept = tuple(t for t in terms if t != _FALSE)
        return replace(predicate, arguments=kept) if len(kept) > 1 else kept[0] if kept else _FALSE
    for clause in clauses_of(predicate):
        texts = {n.text for n in clause if n in there}
        if not texts:
            return _FALSE
        if name in _LISTS and len(texts) < len(clause):
            value, *items = predicate.arguments
            return replace(predicate, arguments=(value, *_among(items, texts)))
    return predicate


def _among(items: list[plan.Scalar], texts: Container[object]) -> Iterator[plan.Literal]:
    """Of constants, each a text or a list of texts, those among `texts`."""
    for item in items:
        assert isinstance(item, plan.Literal)
        if not isinstance(item.value, list):
            if item.value in texts:
                yield item
        elif kept := [text for text in item.value if text in texts]:
            yield replace(item, value=kept)
