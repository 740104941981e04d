"""Plan to plan: the same answer, less work. `RULES` are applied in order."""

from __future__ import annotations

from collections.abc import Callable

from huntlake.kql import plan
from huntlake.kql.optimizer.bounds import bounded
from huntlake.kql.optimizer.pruning import pruned

RULES: tuple[Callable[[plan.Relation], plan.Relation], ...] = (bounded, pruned)


def optimized(relation: plan.Relation) -> plan.Relation:
    """The plan after every rule."""
    for rule in RULES:
        relation = rule(relation)
    return relation
