"""The syntax tree: what the text says, before anyone asks what it means.

Nodes are named as Kusto's own syntax kinds are.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from huntlake.core.diagnostics import Span
from huntlake.kql.types import ScalarType


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    # Two nodes that say the same are equal, wherever in the text they stand.
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Expression(Node): ...


@dataclass(frozen=True, kw_only=True)
class QueryOperator(Node): ...


# -- expressions -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Literal(Expression):
    """A value. Times are in ticks, a dynamic is what JSON makes of it, None is the null of the type."""

    value: object
    type: ScalarType


@dataclass(frozen=True, slots=True)
class NameReference(Expression):
    name: str


@dataclass(frozen=True, slots=True)
class WildcardedName(Expression):
    """`Device*`, where a list of columns or tables is asked for."""

    pattern: str


@dataclass(frozen=True, slots=True)
class Star(Expression):
    """`*`: every column."""


@dataclass(frozen=True, slots=True)
class FunctionCall(Expression):
    """A call, and a binary or unary operator too: `a == b` is the call of `==`."""

    name: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class PathExpression(Expression):
    """`bag.name`, or `workspace("x").Table`."""

    expression: Expression
    selector: Expression


@dataclass(frozen=True, slots=True)
class ElementExpression(Expression):
    """`bag["name"]` or `array[0]`."""

    expression: Expression
    selector: Expression


@dataclass(frozen=True, slots=True)
class TypeOf(Expression):
    """`typeof(long)`, `typeof(a:long, b:string)`; a type without a name has the name ``."""

    columns: tuple[ColumnDeclaration, ...]


@dataclass(frozen=True, slots=True)
class EntityGroup(Expression):
    """`entity_group [database("a"), database("b")]`: places over which `macro-expand` runs."""

    places: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class NamedExpression(Expression):
    """`name = expression`, `(a, b) = expression`; no names where the text gives none."""

    names: tuple[str, ...]
    expression: Expression

    @property
    def name(self) -> str | None:
        return self.names[0] if self.names else None


@dataclass(frozen=True, slots=True)
class OrderedExpression(Node):
    expression: Expression
    ascending: bool
    nulls_first: bool


@dataclass(frozen=True, slots=True)
class PipeExpression(Expression):
    """`head | operator | …`: a table."""

    head: Expression | QueryOperator
    operators: tuple[QueryOperator, ...]


# -- declarations and statements ---------------------------------------------


@dataclass(frozen=True, slots=True)
class ColumnDeclaration(Node):
    name: str
    type: ScalarType


@dataclass(frozen=True, slots=True)
class FunctionParameter(Node):
    """`name:type = default`, or `name:(column:type, …)`, or `name:(*)`."""

    name: str
    type: ScalarType | None
    columns: tuple[ColumnDeclaration, ...] = ()
    default: Expression | None = None

    @property
    def tabular(self) -> bool:
        return self.type is None


@dataclass(frozen=True, slots=True)
class FunctionBody(Node):
    statements: tuple[Statement, ...]
    expression: Expression | None


@dataclass(frozen=True, slots=True)
class FunctionDeclaration(Node):
    parameters: tuple[FunctionParameter, ...]
    body: FunctionBody
    view: bool = False


@dataclass(frozen=True, slots=True)
class LetStatement(Node):
    name: str
    value: Expression | FunctionDeclaration


@dataclass(frozen=True, slots=True)
class SetStatement(Node):
    name: str
    value: object
    literal: Expression | None = None
    """The value with its type, where it is more than a word."""


@dataclass(frozen=True, slots=True)
class QueryParametersStatement(Node):
    parameters: tuple[FunctionParameter, ...]


@dataclass(frozen=True, slots=True)
class PatternCase(Node):
    """`("USA").["New York"] = { … }`: what the pattern gives for these arguments, and this path."""

    arguments: tuple[str, ...]
    path: str | None
    body: FunctionBody


@dataclass(frozen=True, slots=True)
class PatternStatement(Node):
    """`declare pattern name = (argument:string, …)[path:string] { … }`; without cases, the pattern gives nothing."""

    name: str
    parameters: tuple[str, ...]
    path: str | None
    cases: tuple[PatternCase, ...]


@dataclass(frozen=True, slots=True)
class AliasStatement(Node):
    """`alias database name = cluster("…").database("…")`."""

    name: str
    database: Expression


@dataclass(frozen=True, slots=True)
class ExpressionStatement(Node):
    expression: Expression


Statement = (
    LetStatement | SetStatement | QueryParametersStatement | PatternStatement | AliasStatement | ExpressionStatement
)


@dataclass(frozen=True, slots=True)
class Query(Node):
    statements: tuple[Statement, ...]
