"""Rows of which only the first are asked for: how to find where they lie without a look at all of their columns.

`T | where … | top 10 by TimeGenerated` wants every column of ten rows. Which ten they are is told by the time and the
columns that the filter reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from huntlake.kql import plan
from huntlake.kql.optimizer.bounds import TIME
from huntlake.kql.optimizer.pruning import pruned
from huntlake.kql.plan.graph import computed_in, inputs_of, nested_in, of_chance, uses, windowed
from huntlake.kql.types import Column, ScalarType

PLACE = Column("place of a row", ScalarType.LONG)
"""What the scans of `Firsts.relation` have beside their columns: a number that tells where a row lies."""
MOST = 10_000
"""More rows than these are not looked for one by one."""


@dataclass(frozen=True)
class Firsts:
    """The rows that a limit lets through, of scans that nothing else in the plan reads.

    `relation` gives the places of `count` such rows as its only column. It reads `found`: the plan's `scans`, in their
    order, each with `PLACE`. The rows come by TimeGenerated, the newest first where `descending` and else the oldest;
    where that is None, in some other order.
    """

    count: int
    descending: bool | None
    relation: plan.Relation
    scans: tuple[plan.Scan, ...]
    found: tuple[plan.Scan, ...]


def firsts_of(root: plan.Relation) -> Iterator[Firsts]:
    """What can be said of each limit in a plan."""
    used = uses(root)
    for limit in _relations(root):
        if isinstance(limit, plan.Limit) and 0 < limit.count <= MOST and (found := _firsts(limit, used)) is not None:
            yield found


def _firsts(limit: plan.Limit, used: Mapping[int, int]) -> Firsts | None:
    above: list[plan.Filter | plan.Project] = []
    below = limit.input
    while isinstance(below, plan.Filter | plan.Project) and used[id(below)] == 1 and not _windowed(below):
        above.append(below)
        below = below.input
    keys: tuple[plan.SortKey, ...] = ()
    if isinstance(below, plan.Sort) and used[id(below)] == 1:
        keys, below = below.keys, below.input
    elif any(isinstance(r, plan.Filter) for r in above):
        # Any rows will do: the newest are taken.
        above, below = [], limit.input
    else:
        return None
    placed = _placed(below, used)
    if placed is None:
        return None
    orders = tuple(Column(f"key {i} of the order", k.value.type) for i, k in enumerate(keys))
    names = {c.name for r in (below, *above) for c in r.columns}
    if names & {c.name for c in (PLACE, *orders)}:
        return None
    scans = [r for r in _relations(below) if isinstance(r, plan.Scan)]
    computed = tuple(plan.Output(c.name, k.value) for c, k in zip(orders, keys, strict=True))
    found: plan.Relation = plan.Project(placed, _passed(placed.columns) + computed)
    for between in reversed(above):
        match between:
            case plan.Filter(_, predicate):
                found = plan.Filter(found, predicate)
            case plan.Project(_, outputs):
                found = plan.Project(found, outputs + _passed((PLACE, *orders)))
    if keys:
        found = plan.Sort(found, tuple(replace(k, value=c) for k, c in zip(keys, orders, strict=True)))
    found = pruned(plan.Project(plan.Limit(found, limit.count), _passed((PLACE,))))
    relations = list(_relations(found))
    if not all(_askable(r) for r in relations):
        return None
    descending = True if not keys else not keys[0].ascending if _is_time(below, keys[0].value) else None
    return Firsts(limit.count, descending, found, tuple(scans), tuple(r for r in relations if isinstance(r, plan.Scan)))


def _placed(relation: plan.Relation, used: Mapping[int, int]) -> plan.Relation | None:
    """The relation with `PLACE` as its last column; None where a row of it is not one of a scan, or others read it."""
    if used[id(relation)] > 1 or _windowed(relation):
        return None
    match relation:
        case plan.Scan(_, columns):
            return replace(relation, columns=(*columns, PLACE))
        case plan.Filter(input, _):
            below = _placed(input, used)
            return below and replace(relation, input=below)
        case plan.Project(input, outputs):
            below = _placed(input, used)
            return below and replace(relation, input=below, outputs=outputs + _passed((PLACE,)))
        case plan.Union(inputs, columns):
            branches = [_placed(i, used) for i in inputs]
            placed = tuple(b for b in branches if b is not None)
            if len(placed) < len(inputs):
                return None
            return replace(relation, inputs=placed, columns=(*columns, PLACE))
    return None


def _passed(columns: tuple[Column, ...]) -> tuple[plan.Output, ...]:
    return tuple(plan.Output(c.name, c) for c in columns)


def _relations(root: plan.Relation) -> Iterator[plan.Relation]:
    """Every relation below one, itself included, each once: from the left to the right."""
    seen: set[int] = set()
    pending = [root]
    while pending:
        relation = pending.pop()
        if id(relation) not in seen:
            seen.add(id(relation))
            yield relation
            pending += reversed(inputs_of(relation))


def _askable(relation: plan.Relation) -> bool:
    """Whether it gives the same rows when it is asked a second time, for little."""
    if _windowed(relation) or any(map(of_chance, computed_in(relation))):
        return False
    return not any(isinstance(r, plan.Scan) for inner in nested_in(relation) for r in _relations(inner))


def _windowed(relation: plan.Relation) -> bool:
    """Whether what it gives for one row depends on the others that it reads."""
    return any(map(windowed, computed_in(relation)))


def _is_time(relation: plan.Relation, value: plan.Scalar) -> bool:
    """Whether a value is, in each row, the TimeGenerated of the scan that it comes from."""
    if not isinstance(value, plan.ColumnRef):
        return False
    match relation:
        case plan.Scan():
            return value.name == TIME and value.type is ScalarType.DATETIME
        case plan.Filter(input, _):
            return _is_time(input, value)
        case plan.Project(input, outputs):
            return any(o.name == value.name and _is_time(input, o.value) for o in outputs)
        case plan.Union(inputs):
            origins = [relation.origin(value, plan.by_name(i)) for i in inputs]
            return all(o is not None and _is_time(i, o) for i, o in zip(inputs, origins, strict=True))
    return False
