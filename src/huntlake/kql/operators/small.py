"""Operators of a line or two: `as`, `serialize`, `invoke`, `getschema`, `assert-schema`, `consume`"""

from __future__ import annotations

from dataclasses import dataclass

from huntlake.kql import plan
from huntlake.kql.binding import Binder, Operator
from huntlake.kql.operators.extend import extended
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.parser import Parser
from huntlake.kql.syntax.tokens import TokenKind
from huntlake.kql.types import Column, ScalarType


@dataclass(frozen=True)
class AsOperator(Operator):
    """`T | as name`: the table by a name, for the rest of the query."""

    passes_columns = True
    name: str

    @classmethod
    def parse(cls, p: Parser) -> AsOperator:
        start = p.previous
        p.parameters()
        return cls(p.name().text, span=p.since(start))

    def bind(self, input: plan.Relation, b: Binder) -> plan.Relation:
        b.let(self.name, input)
        return input


@dataclass(frozen=True)
class SerializeOperator(Operator):
    """`T | serialize name = expression, …`: the order of the rows is meant."""

    columns: tuple[nodes.NamedExpression, ...]

    @classmethod
    def parse(cls, p: Parser) -> SerializeOperator:
        start = p.previous
        if p.at("|", ";", ")", "}") or p.current.kind is TokenKind.END:
            return cls((), span=p.since(start))
        return cls(p.list_of(p.named_expression), span=p.since(start))

    def bind(self, input: plan.Relation, b: Binder) -> plan.Relation:
        if not self.columns:
            return input
        return plan.Project(input, tuple(extended(self.columns, input, b).values()))


@dataclass(frozen=True)
class InvokeOperator(Operator):
    """`T | invoke function(arguments)`: a function whose first parameter is the table."""

    call: nodes.Expression

    @classmethod
    def parse(cls, p: Parser) -> InvokeOperator:
        start = p.previous
        return cls(p.expression(), span=p.since(start))

    def bind(self, input: plan.Relation, b: Binder) -> plan.Relation:
        call = self.call
        if isinstance(call, nodes.NameReference):
            call = nodes.FunctionCall(call.name, (), span=call.span)
        if not isinstance(call, nodes.FunctionCall):
            b.fail("SYN0002", "a function is expected here", call.span)
        function = b.function(call.name)
        if function is None and call.name in b.refused:
            b.refuse(f"the function `{call.name}()` in this workspace", call.span)
        if function is None:
            b.fail("SEM0260", f"no function is named `{call.name}`", call.span)
        found = b.invoke(function, call, input, first=input)
        if isinstance(found, plan.Scalar):
            b.fail("SEM0100", f"`{call.name}` gives a single value, not a table", call.span)
        return found


@dataclass(frozen=True)
class GetSchemaOperator(Operator):
    """`T | getschema`: a row for each column."""

    @classmethod
    def parse(cls, p: Parser) -> GetSchemaOperator:
        start = p.previous
        if "kind" in p.parameters("kind"):
            p.refuse("`getschema` with a kind", p.since(start))
        return cls(span=p.since(start))

    def bind(self, input: plan.Relation, b: Binder) -> plan.Relation:
        text, long = ScalarType.STRING, ScalarType.LONG
        columns = (
            Column("ColumnName", text),
            Column("ColumnOrdinal", long),
            Column("DataType", text),
            Column("ColumnType", text),
        )
        rows = tuple(
            (
                plan.Literal(c.name, text),
                plan.Literal(i, long),
                plan.Literal(DOTNET[c.type], text),
                plan.Literal(str(c.type), text),
            )
            for i, c in enumerate(input.columns)
        )
        return plan.Values(columns, rows)


@dataclass(frozen=True)
class AssertSchemaOperator(Operator):
    """`T | assert-schema (name:type, …)`: the table, if it has these columns in this order; else an error."""

    columns: tuple[nodes.ColumnDeclaration, ...]

    @classmethod
    def parse(cls, p: Parser) -> AssertSchemaOperator:
        start = p.previous
        p.expect("(")
        columns = p.list_of(p.column_declaration)
        p.expect(")")
        return cls(columns, span=p.since(start))

    def bind(self, input: plan.Relation, b: Binder) -> plan.Relation:
        if [(c.name, c.type) for c in self.columns] != [(c.name, c.type) for c in input.columns]:
            have = ", ".join(f"{c.name}:{c.type}" for c in input.columns)
            b.fail("SEM0001", "the table has other columns", self.span, help=f"it has ({have})")
        return input


@dataclass(frozen=True)
class ConsumeOperator(Operator):
    """`T | consume`: the table is computed, and nothing of it is given."""

    @classmethod
    def parse(cls, p: Parser) -> ConsumeOperator:
        start = p.previous
        p.parameters("decodeblocks")
        return cls(span=p.since(start))

    def bind(self, input: plan.Relation, b: Binder) -> plan.Relation:
        return plan.Limit(input, 0)


DOTNET = {
    ScalarType.BOOL: "System.SByte",
    ScalarType.INT: "System.Int32",
    ScalarType.LONG: "System.Int64",
    ScalarType.REAL: "System.Double",
    ScalarType.DECIMAL: "System.Data.SqlTypes.SqlDecimal",
    ScalarType.STRING: "System.String",
    ScalarType.DATETIME: "System.DateTime",
    ScalarType.TIMESPAN: "System.TimeSpan",
    ScalarType.GUID: "System.Guid",
    ScalarType.DYNAMIC: "System.Object",
}
"""The names that .NET gives the types, as Kusto shows them."""
