"""Everything that has a name in KQL itself, and what an expression asks of the text around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn, Protocol

from huntlake.core.diagnostics import Span
from huntlake.kql import plan
from huntlake.kql.binding.naming import Names
from huntlake.kql.binding.scope import Meaning, UserFunction
from huntlake.kql.symbols import Function
from huntlake.kql.syntax import nodes
from huntlake.kql.types import ScalarType


@dataclass(frozen=True)
class Language:
    """The functions, aggregates and plugins that there are, and the names of those that Kusto has besides."""

    functions: Mapping[str, Function]
    aggregates: Mapping[str, Function]
    plugins: Mapping[str, Any]
    refused_functions: frozenset[str]
    refused_plugins: frozenset[str]
    named: Mapping[str, Function] = field(init=False)
    """Functions and aggregates; where both have a name, the aggregate."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "named", {**self.functions, **self.aggregates})


class Surroundings(Protocol):
    """What an expression asks of the text around it; the binder answers."""

    language: Language
    now: int

    def meaning(self, name: str, span: Span) -> Meaning | None: ...
    def names_in_scope(self) -> list[str]: ...
    def function(self, name: str, workspace: str | None = None) -> UserFunction | None: ...
    def value(self, node: nodes.Expression, row: plan.Relation | None = None) -> plan.Relation | plan.Scalar: ...
    def table(self, node: nodes.Expression) -> plan.Relation: ...
    def invoke(
        self,
        function: UserFunction,
        call: nodes.FunctionCall,
        row: plan.Relation | None,
        first: plan.Relation | None = None,
    ) -> plan.Relation | plan.Scalar: ...
    def scalar(self, node: nodes.Expression, row: plan.Relation | None) -> plan.Scalar: ...
    def measure(self, node: nodes.Expression, row: plan.Relation) -> plan.Scalar: ...
    def predicate(self, node: nodes.Expression, row: plan.Relation | None) -> plan.Scalar: ...
    def aggregate(self, name: str, arguments: Sequence[plan.Scalar], span: Span) -> plan.Scalar: ...
    def constant(self, node: nodes.Expression) -> plan.Literal: ...
    def constant_text(self, node: nodes.Expression) -> str: ...
    def columns_of(self, row: plan.Relation) -> Mapping[str, plan.ColumnRef]: ...
    def matching(
        self, node: nodes.Expression, row: plan.Relation, *, required: bool = True
    ) -> list[plan.ColumnRef]: ...
    def implied_name(self, node: nodes.Expression) -> str: ...
    def explicit(self, name: str, span: Span, names: Names) -> str: ...
    def expected(self, wanted: ScalarType, given: ScalarType, span: Span) -> NoReturn: ...
    def refuse(self, what: str, span: Span, help: str = "") -> NoReturn: ...
    def fail(self, code: str, message: str, span: Span, *, label: str = "", help: str = "") -> NoReturn: ...
