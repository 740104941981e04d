"""What the SQL of a table function is written from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from huntlake.core.diagnostics import NOWHERE, Diagnostic, SourceError
from huntlake.kql import plan
from huntlake.kql.sql.scalars import Expressions
from huntlake.kql.types import Column

Identifiers = Mapping[str, str]


@dataclass(frozen=True)
class Reading:
    """What a table function reads: the steps, their columns' identifiers, a writer of expressions over each."""

    steps: list[str]
    identifiers: Sequence[Identifiers]
    columns: Sequence[Sequence[Column]]
    expressions: list[Expressions]
    arguments: tuple[plan.Scalar, ...]
    place: str = ""
    """The column that must tell the order of the rows it gives; empty where they come in it."""

    def sql(self, scalar: plan.Scalar, input: int = 0) -> str:
        """A scalar over the columns of one of the inputs."""
        return f"{self.expressions[input].sql(scalar)}"

    def refuse(self, what: str) -> NoReturn:
        """Say that something is Kusto's, but not ours."""
        raise SourceError(self.expressions[0].source, Diagnostic("HL001", f"{what} is not supported", NOWHERE))


TableFunctionWriter = Callable[[Reading, Identifiers], str]
"""Gives the SELECT; its columns go by the identifiers."""
