"""The plan as a graph: what each relation reads, and the same relation over other inputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import assert_never

from huntlake.kql.plan import nodes as plan
from huntlake.kql.symbols import Kind

Change = Callable[[plan.Relation], plan.Relation]


def scalars_of(relation: plan.Relation) -> list[plan.Scalar]:
    """The scalars that stand in a relation itself."""
    match relation:
        case plan.Filter(_, predicate):
            return [predicate]
        case plan.Project(_, outputs):
            return [o.value for o in outputs]
        case plan.Summarize(_, keys, measures):
            return [o.value for o in keys + measures]
        case plan.Join(_, _, _, pairs, _):
            return [side for pair in pairs for side in pair]
        case plan.Sort(_, sort_keys):
            return [k.value for k in sort_keys]
        case plan.FirstOf(_, first_keys):
            return list(first_keys)
        case plan.Unnest(_, items, _, _, _):
            return [i.value for i in items]
        case plan.TableFunction(_, _, arguments, _):
            return list(arguments)
        case plan.Values(_, rows):
            return [value for row in rows for value in row]
        case plan.Scan() | plan.OuterRow() | plan.Union() | plan.Limit() | plan.Materialize() | plan.Apply():
            return []
    assert_never(relation)


def is_empty(relation: plan.Relation) -> bool:
    """Whether a relation is known to have columns and no row."""
    return isinstance(relation, plan.Values) and not relation.rows


def computed_in(relation: plan.Relation) -> list[plan.Scalar]:
    """Its scalars that are neither a constant nor a column passed on: of a wide table, the few."""
    return [s for s in scalars_of(relation) if type(s) not in _LEAVES]


def tables_of(relation: plan.Relation) -> tuple[plan.Relation, ...]:
    """The relations that a relation reads, but for those inside its scalars."""
    match relation:
        case plan.Scan() | plan.Values() | plan.OuterRow():
            return ()
        case plan.Join(_, left, right, _, _):
            return left, right
        case plan.Union(branches) | plan.TableFunction(_, branches, _, _):
            return branches
        case plan.Apply(input, _, inner):
            return input, inner
    return (relation.input,)


_LEAVES = (plan.ColumnRef, plan.Literal)


def nested_in(relation: plan.Relation) -> list[plan.Relation]:
    """The relations that stand inside the scalars of a relation, but for those inside these."""
    found: list[plan.Relation] = []
    pending = computed_in(relation)
    while pending:
        match pending.pop():
            case plan.Call(_, _, arguments):
                pending += [a for a in arguments if type(a) not in _LEAVES]
            case plan.Convert(value, _):
                pending.append(value)
            case plan.DynamicPath(value, steps):
                pending.append(value)
                pending += [s for s in steps if not isinstance(s, str | int)]
            case plan.First(inner, _):
                found.append(inner)
            case plan.Among(value, inner):
                found.append(inner)
                pending.append(value)
    return found


def inputs_of(relation: plan.Relation) -> list[plan.Relation]:
    """Every relation that a relation reads, subqueries included."""
    return [*tables_of(relation), *nested_in(relation)]


def uses(root: plan.Relation) -> Counter[int]:
    """How often each relation is read, by its id."""
    found: Counter[int] = Counter()
    pending = [root]
    while pending:
        relation = pending.pop()
        if id(relation) not in found:
            pending += inputs_of(relation)
        found[id(relation)] += 1
    return found


def with_subqueries(scalar: plan.Scalar, change: Change) -> plan.Scalar:
    """The scalar with each relation inside it changed."""
    match scalar:
        case plan.Call(_, _, arguments):
            changed = tuple(with_subqueries(a, change) for a in arguments)
            return (
                scalar
                if all(a is b for a, b in zip(arguments, changed, strict=True))
                else replace(scalar, arguments=changed)
            )
        case plan.Convert(value, _):
            inner = with_subqueries(value, change)
            return scalar if inner is value else replace(scalar, value=inner)
        case plan.DynamicPath(value, steps):
            new = tuple(s if isinstance(s, str | int) else with_subqueries(s, change) for s in steps)
            return replace(scalar, value=with_subqueries(value, change), steps=new)
        case plan.First(relation, _):
            return replace(scalar, relation=change(relation))
        case plan.Among(value, relation):
            return replace(scalar, value=with_subqueries(value, change), relation=change(relation))
        case plan.Literal() | plan.ColumnRef() | plan.Extracted():
            return scalar
    assert_never(scalar)


def with_scalars(relation: plan.Relation, change: Change) -> plan.Relation:
    """The relation with each relation inside its scalars changed; its own inputs stay."""
    return mapped(relation, lambda scalar: with_subqueries(scalar, change)) if nested_in(relation) else relation


def mapped(relation: plan.Relation, inside: Callable[[plan.Scalar], plan.Scalar]) -> plan.Relation:
    """The relation with each scalar that stands in it changed."""
    match relation:
        case plan.Filter(_, predicate):
            return replace(relation, predicate=inside(predicate))
        case plan.Project(_, outputs):
            return replace(relation, outputs=tuple(plan.Output(o.name, inside(o.value)) for o in outputs))
        case plan.Summarize(_, keys, measures):
            return replace(
                relation,
                keys=tuple(plan.Output(o.name, inside(o.value)) for o in keys),
                measures=tuple(plan.Output(o.name, inside(o.value)) for o in measures),
            )
        case plan.Join(_, _, _, pairs, _):
            return replace(relation, keys=tuple((inside(a), inside(b)) for a, b in pairs))
        case plan.Sort(_, sort_keys):
            return replace(relation, keys=tuple(replace(k, value=inside(k.value)) for k in sort_keys))
        case plan.FirstOf(_, first_keys):
            return replace(relation, keys=tuple(inside(k) for k in first_keys))
        case plan.Unnest(_, items, _, _, _):
            return replace(relation, items=tuple(replace(i, value=inside(i.value)) for i in items))
        case plan.TableFunction(_, _, arguments, _):
            return replace(relation, arguments=tuple(inside(a) for a in arguments))
        case plan.Values(_, rows):
            return replace(relation, rows=tuple(tuple(inside(v) for v in row) for row in rows))
    return relation


def columns_in(*scalars: plan.Scalar) -> set[str]:
    """The names of the columns that scalars read."""
    found: set[str] = set()
    pending = list(scalars)
    while pending:
        match pending.pop():
            case plan.ColumnRef(name, _):
                found.add(name)
            case plan.Extracted(json, text):
                found |= {json, text}
            case plan.Call(_, _, arguments):
                pending += arguments
            case plan.Convert(value, _) | plan.Among(value, _, _):
                pending.append(value)
            case plan.DynamicPath(value, steps):
                pending.append(value)
                pending += [s for s in steps if not isinstance(s, str | int)]
    return found


def windowed(scalar: plan.Scalar) -> bool:
    """Whether a window function stands anywhere inside."""
    match scalar:
        case plan.Call(function, _, arguments):
            return function.kind is Kind.WINDOW or any(windowed(a) for a in arguments)
        case plan.Convert(value, _) | plan.DynamicPath(value, _):
            return windowed(value)
    return False


def of_chance(scalar: plan.Scalar) -> bool:
    match scalar:
        case plan.Call(function, _, arguments):
            return function.name in _OF_CHANCE or any(map(of_chance, arguments))
        case plan.Convert(value, _) | plan.Among(value, _, _):
            return of_chance(value)
        case plan.DynamicPath(value, steps):
            return any(of_chance(s) for s in (value, *steps) if not isinstance(s, str | int))
    return False


_OF_CHANCE = {"rand", "new_guid"}
