"""Operators that make a table out of the text itself: `print`, `range`, `datatable`, `externaldata`"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from huntlake.core.errors import Invalid, Refused
from huntlake.kql import plan
from huntlake.kql.binding import Binder, SourceOperator
from huntlake.kql.binding.conversions import convert, convertible
from huntlake.kql.binding.naming import Names
from huntlake.kql.binding.outputs import explicit, outputs_of, sound_outputs
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.parser import Parser
from huntlake.kql.syntax.tokens import TokenKind
from huntlake.kql.types import Column, ScalarType


@dataclass(frozen=True)
class PrintOperator(SourceOperator):
    """`print name = expression, …`: one row."""

    columns: tuple[nodes.NamedExpression, ...]

    @classmethod
    def parse(cls, p: Parser) -> PrintOperator:
        start = p.previous
        if p.at("|", ";", ")", "}") or p.current.kind is TokenKind.END:
            p.unexpected("an expression")
        return cls(p.list_of(p.named_expression), span=p.since(start))

    def bind_source(self, b: Binder) -> plan.Relation:
        one = plan.Values((), ((),))
        names = Names()
        outputs: list[plan.Output] = []
        for index, item in enumerate(self.columns):
            found = sound_outputs(item, partial(outputs_of, item, one, names, b), b)
            if not item.names and len(found) == 1:
                # `print` implies no name: it numbers its columns.
                b.broken.update([f"print_{index}"] if found[0].name in b.broken else [])
                found = [plan.Output(f"print_{index}", found[0].value)]
            outputs += found
        return plan.Project(one, tuple(outputs))


@dataclass(frozen=True)
class RangeOperator(SourceOperator):
    """`range name from start to stop step step`: a row for each value."""

    name: str
    start: nodes.Expression
    stop: nodes.Expression
    step: nodes.Expression

    @classmethod
    def parse(cls, p: Parser) -> RangeOperator:
        start = p.previous
        name = p.name().text
        p.expect("from")
        first = p.expression()
        p.expect("to")
        last = p.expression()
        p.expect("step")
        return cls(name, first, last, p.expression(), span=p.since(start))

    def bind_source(self, b: Binder) -> plan.Relation:
        first, last, step = (b.scalar(n, None) for n in (self.start, self.stop, self.step))
        type_ = first.type
        if type_ in (ScalarType.DATETIME, ScalarType.TIMESPAN):
            if step.type is not ScalarType.TIMESPAN:
                b.expected(ScalarType.TIMESPAN, step.type, self.step.span)
            last = convert(last, type_)
        else:
            if {first.type, last.type, step.type} <= {ScalarType.INT, ScalarType.LONG}:
                type_ = ScalarType.LONG
            else:
                type_ = ScalarType.REAL
            for value, node in ((first, self.start), (last, self.stop), (step, self.step)):
                if not convertible(value.type, type_):
                    b.expected(type_, value.type, node.span)
            first, last, step = (convert(v, type_) for v in (first, last, step))
        return plan.TableFunction("range", (), (first, last, step), (Column(self.name, type_),))


@dataclass(frozen=True)
class DataTableOperator(SourceOperator):
    """`datatable (name:type, …) [value, …]`: rows that the text holds."""

    columns: tuple[nodes.ColumnDeclaration, ...]
    values: tuple[nodes.Expression, ...]

    @classmethod
    def parse(cls, p: Parser) -> DataTableOperator:
        start = p.previous
        p.expect("(")
        columns = p.list_of(p.column_declaration)
        p.expect(")")
        p.expect("[")
        values: list[nodes.Expression] = []
        while not p.take("]"):
            values.append(p.expression())
            if not p.take(",") and not p.at("]"):
                p.unexpected("`,` or `]`")
        return cls(columns, tuple(values), span=p.since(start))

    def bind_source(self, b: Binder) -> plan.Relation:
        width = len(self.columns)
        if len(self.values) % width:
            b.fail("SEM0001", f"the number of values is no multiple of the {width} columns", self.span)
        columns = tuple(Column(c.name, c.type) for c in self.columns)
        cells = [self._cell(v, columns[i % width].type, b) for i, v in enumerate(self.values)]
        rows = tuple(tuple(cells[i : i + width]) for i in range(0, len(cells), width))
        return plan.Values(columns, rows)

    def _cell(self, node: nodes.Expression, type_: ScalarType, b: Binder) -> plan.Scalar:
        value = b.scalar(node, None)
        if value.type is type_:
            return value
        if isinstance(value, plan.Literal) and value.value is None:
            return plan.Literal("" if type_ is ScalarType.STRING else None, type_)
        return convert(value, type_)


@dataclass(frozen=True)
class ExternalDataOperator(SourceOperator):
    """`externaldata (name:type, …) [uri, …] with (…)`: a file from elsewhere, where the workspace allows it."""

    columns: tuple[nodes.ColumnDeclaration, ...]
    uris: tuple[nodes.Expression, ...]
    properties: tuple[tuple[str, object], ...]

    @classmethod
    def parse(cls, p: Parser) -> ExternalDataOperator:
        start = p.previous
        p.expect("(")
        columns = p.list_of(p.column_declaration)
        p.expect(")")
        p.expect("[")
        uris: list[nodes.Expression] = []
        while not p.take("]"):
            uris.append(p.expression())
            if not p.take(",") and not p.at("]"):
                p.unexpected("`,` or `]`")
        properties: list[tuple[str, object]] = []
        if p.take("with"):
            p.expect("(")
            while not p.take(")"):
                name = p.name().text
                p.expect("=")
                token = p.advance()
                properties.append((name.lower(), token.text if token.value is None else token.value))
                p.take(",")
        return cls(columns, tuple(uris), tuple(properties), span=p.since(start))

    def bind_source(self, b: Binder) -> plan.Relation:
        uris = tuple(b.constant_text(u) for u in self.uris)
        names = Names()
        columns = tuple(Column(explicit(c.name, c.span, names, b), c.type) for c in self.columns)
        place = self.uris[0].span if self.uris else self.span
        if "externaldata" in b.refused:
            b.refuse("`externaldata` in this workspace", place)
        try:
            table = b.schema.external(uris, columns, dict(self.properties))
        except Refused as error:
            b.refuse(str(error), place)
        except Invalid as error:
            b.fail("SEM0001", str(error), place)
        if table is None:
            b.refuse("`externaldata` from this address", place)
        # Files hold text, and only then values.
        texts = plan.Scan(table, tuple(Column(c.name, ScalarType.STRING) for c in columns))
        return plan.Project(texts, tuple(plan.Output(c.name, self._value(c, b)) for c in columns))

    def _value(self, column: Column, b: Binder) -> plan.Scalar:
        text = plan.ColumnRef(column.name, ScalarType.STRING)
        if column.type is not ScalarType.DYNAMIC:
            return convert(text, column.type)
        # To convert a string makes a dynamic that holds it; the text is what has to be read. No text is no value.
        value, missing = b.call("parse_json", (text,), self.span), plan.Literal(None, ScalarType.DYNAMIC)
        return b.call("iff", (b.call("isempty", (text,), self.span), missing, value), self.span)
