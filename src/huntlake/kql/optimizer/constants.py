"""Columns that hold the same value in all rows, because the query's text says it."""

from __future__ import annotations

from collections.abc import Iterable

from huntlake.kql import plan


def constants_of(relation: plan.Relation, names: Iterable[str]) -> dict[str, plan.Literal]:
    """Of the columns of these names those that are a constant, whichever step of the query has put it there."""
    found: dict[str, plan.Literal] = {}
    wanted = {name: [name] for name in names}
    while wanted:
        if isinstance(relation, plan.PASSING):
            relation = relation.input
            continue
        match relation:
            case plan.Project(input, outputs):
                said = [(o.name, o.value) for o in outputs if o.name in wanted]
            case plan.Values(columns, (row,)):
                said = [(c.name, value) for c, value in zip(columns, row, strict=True) if c.name in wanted]
                input = relation
            case _:
                break
        below: dict[str, list[str]] = {}
        for name, value in said:
            match value:
                case plan.Literal():
                    found |= dict.fromkeys(wanted[name], value)
                case plan.ColumnRef(inner, _):
                    below.setdefault(inner, []).extend(wanted[name])
        relation, wanted = input, below
    return found
