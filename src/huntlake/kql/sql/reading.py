"""What the SQL of a table function is written from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from huntlake.kql import plan
from huntlake.kql.sql.scalars import Expressions

Identifiers = Mapping[str, str]


@dataclass(frozen=True)
class Reading:
    """What a table function reads: the steps, their columns' identifiers, a writer of expressions over each."""

    steps: list[str]
    identifiers: Sequence[Identifiers]
    expressions: list[Expressions]
    arguments: tuple[plan.Scalar, ...]

    def sql(self, scalar: plan.Scalar, input: int = 0) -> str:
        """A scalar over the columns of one of the inputs."""
        return f"{self.expressions[input].sql(scalar)}"


TableFunctionWriter = Callable[[Reading, Identifiers], str]
"""Gives the SELECT; its columns go by the identifiers."""
