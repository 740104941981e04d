"""Expressions to typed scalars."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NoReturn

from huntlake.core.diagnostics import Span, did_you_mean
from huntlake.core.errors import LimitExceeded
from huntlake.kql import plan
from huntlake.kql.binding import folding
from huntlake.kql.binding.language import Surroundings
from huntlake.kql.binding.scope import UserFunction
from huntlake.kql.binding.settings import RECEIVED
from huntlake.kql.plan.graph import columns_in
from huntlake.kql.symbols import Function
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.literals import typed_value, whole
from huntlake.kql.types import NUMBERS, Column, ScalarType

MAX_TERMS = 200_000
"""How large one expression may be, written out: each `let x = y + y` that is made of another doubles it."""

_LISTS = {"in", "!in", "in~", "!in~", "has_any", "!has_any", "has_all", "!has_all"}
_EQUALITIES = {"==", "!="}
_COMPARISONS = _EQUALITIES | {"<", "<=", ">", ">=", "between", "!between"}
_WHOLES = {ScalarType.INT, ScalarType.LONG}
_PLAIN = (*NUMBERS, ScalarType.BOOL)
_STAR_OPERATORS = {
    "has",
    "contains",
    "==",
    "=~",
    "startswith",
    "endswith",
    "has_cs",
    "contains_cs",
    "matches regex",
    "hasprefix",
    "hassuffix",
}


@dataclass(frozen=True)
class Tuple:
    """The call of a function that gives several values: where it stands alone in a list, they are as many columns."""

    columns: tuple[Column, ...]
    values: tuple[plan.Scalar, ...]


class ScalarBinder:
    """Binds expressions for a `Binder`, which knows the tables and the names around."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._b = surroundings
        self._columns: dict[int, tuple[plan.Relation, Mapping[str, plan.ColumnRef]]] = {}
        self._sizes: dict[int, tuple[plan.Call, int]] = {}

    def columns_of(self, row: plan.Relation) -> Mapping[str, plan.ColumnRef]:
        """The columns of a table by name."""
        while isinstance(row, plan.PASSING):
            row = row.input
        kept = self._columns.get(id(row))
        if kept is None:
            # The relation is kept beside, so that its id can't come to mean another.
            kept = row, plan.by_name(row)
            self._columns[id(row)] = kept
        return kept[1]

    # -- expressions ----------------------------------------------------------

    def bind(self, node: nodes.Expression, row: plan.Relation | None, aggregating: bool = False) -> plan.Scalar:
        """The scalar that an expression means over the columns of `row`."""
        match node:
            case nodes.Literal(value, type_):
                return plan.Literal(value, type_)
            case nodes.NameReference(name):
                return self._name(name, node.span, row)
            case nodes.FunctionCall():
                return self._call(node, row, aggregating)
            case nodes.PathExpression() | nodes.ElementExpression():
                return self._path(node, row, aggregating)
            case nodes.NamedExpression(_, inner):
                return self.bind(inner, row, aggregating)
            case nodes.PipeExpression(head, ()) if isinstance(head, nodes.Expression):
                return self.bind(head, row, aggregating)
            case nodes.PipeExpression():
                self._b.fail(
                    "SEM0100", "a single value is expected here, this is a table", node.span, help="use `toscalar()`"
                )
            case nodes.TypeOf(columns) if len(columns) == 1:
                return plan.Literal(str(columns[0].type), ScalarType.STRING)
            case nodes.Star():
                self._b.fail("SYN0002", "`*` has no meaning here", node.span)
        self._b.fail("SYN0002", "a value is expected here", node.span)

    def predicate(self, node: nodes.Expression, row: plan.Relation | None, aggregating: bool = False) -> plan.Scalar:
        """A condition; Kusto lets a dynamic stand for one."""
        value = self.bind(node, row, aggregating)
        if value.type is ScalarType.DYNAMIC:
            return self.convert(value, ScalarType.BOOL)
        if value.type is not ScalarType.BOOL:
            self._b.expected(ScalarType.BOOL, value.type, node.span)
        return value

    def _name(self, name: str, span: Span, row: plan.Relation | None) -> plan.Scalar:
        columns = self.columns_of(row) if row is not None else {}
        if name in self._b.broken:
            self._b.sound(name)
        if name in columns:
            return columns[name]
        found = self._b.meaning(name, span)
        if isinstance(found, UserFunction):
            self._b.fail("SEM0100", f"`{name}` is a function: call it", span)
        if isinstance(found, plan.Relation):
            self._b.fail(
                "SEM0100", f"`{name}` is a table; a single value is expected here", span, help="use `toscalar()`"
            )
        if found is not None:
            return found
        known = [*columns, *self._b.names_in_scope()]
        self._b.no_column(name, span, known)

    # -- paths into dynamics ----------------------------------------------------

    def _path(
        self, node: nodes.PathExpression | nodes.ElementExpression, row: plan.Relation | None, aggregating: bool
    ) -> plan.Scalar:
        if isinstance(node, nodes.PathExpression) and (of_place := self._b.of_place(node)) is not None:
            return of_place
        steps: list[str | int | plan.Scalar] = []
        base: nodes.Expression = node
        while isinstance(base, nodes.PathExpression | nodes.ElementExpression):
            steps.append(self._step(base, row))
            base = base.expression
        several, first = self.several(base, row, aggregating), steps[-1]
        if several is not None and isinstance(first, int) and 0 <= first < len(several.values) > 1:
            # Of what gives several columns, an index takes one.
            value = several.values[first]
            steps.pop()
            if not steps:
                return value
        else:
            value = self.bind(base, row, aggregating)
        if value.type is not ScalarType.DYNAMIC:
            if value.type is not ScalarType.STRING:
                self._b.fail("SEM0100", f"a `{value.type}` has no properties", node.span, help="only a `dynamic` has")
            # The service takes such a path and finds nothing at its end; nobody means that.
            self._b.refuse("a property of a `string`", node.span, help="read it first: `parse_json(…)`")
        if isinstance(value, plan.Literal):
            value = plan.Literal(value.value, ScalarType.DYNAMIC)
        ordered = tuple(reversed(steps))
        if isinstance(value, plan.DynamicPath):
            return plan.DynamicPath(value.value, value.steps + ordered)
        return plan.DynamicPath(value, ordered)

    def _step(
        self, node: nodes.PathExpression | nodes.ElementExpression, row: plan.Relation | None
    ) -> str | int | plan.Scalar:
        match node:
            case nodes.PathExpression(_, nodes.NameReference(name)):
                return name
            case nodes.ElementExpression(_, selector):
                value = self.bind(selector, row)
                if (
                    isinstance(value, plan.Literal)
                    and isinstance(value.value, str | int)
                    and not isinstance(value.value, bool)
                ):
                    return value.value
                return value
        self._b.fail("SYN0002", "the name of a property is expected here", node.selector.span)

    # -- calls ------------------------------------------------------------------

    def _call(self, node: nodes.FunctionCall, row: plan.Relation | None, aggregating: bool) -> plan.Scalar:
        name, language = node.name, self._b.language
        if name in self._b.refused:
            self._b.refuse(f"the function `{name}()` in this workspace", node.span)
        if name in _LISTS:
            return self._list_operator(node, row, aggregating)
        if name in ("and", "or"):
            return self._logic(node, row, aggregating)
        if name in SCOPED:
            return SCOPED[name](self, node, row, aggregating)
        if aggregating and name in language.aggregates:
            arguments = self._b.all_of(node.arguments, lambda a: self.bind(a, row))
            return self.call(language.aggregates[name], arguments, node.span)
        if (function := language.functions.get(name)) is not None:
            if name in _STAR_OPERATORS and node.arguments and isinstance(node.arguments[0], nodes.Star):
                return self._any_column(node, row)
            if (several := self.several(node, row, aggregating)) is not None:
                if len(several.values) > 1:
                    self._b.refuse(f"`{name}()`, which gives several columns, inside an expression", node.span)
                return several.values[0]
            arguments = self._b.all_of(node.arguments, lambda a: self.bind(a, row, aggregating))
            if name in _EQUALITIES and len(arguments) == 2:
                arguments = self._comparable_pair(*arguments)
            if name in _COMPARISONS:
                arguments = self._exact(arguments)
            return self.call(function, arguments, node.span)
        if (own := self._b.function(name)) is not None:
            found = self._b.invoke(own, node, row)
            if isinstance(found, plan.Relation):
                self._b.fail("SEM0100", f"`{name}()` gives a table; a single value is expected here", node.span)
            return found
        self._unknown(node)

    def several(self, node: nodes.Expression, row: plan.Relation | None, aggregating: bool = False) -> Tuple | None:
        """The columns that an expression makes; None where it gives one value without a name of its own."""
        if not isinstance(node, nodes.FunctionCall):
            return None
        function = self._b.language.functions.get(node.name)
        if function is None or function.columns is None:
            return None
        arguments = self._b.all_of(node.arguments, lambda a: self.bind(a, row, aggregating))
        call = self.call(function, arguments, node.span)
        if not node.arguments:
            self._b.fail("SEM0219", f"`{node.name}` takes an argument", node.span)
        implied = [self._b.implied_name(a) for a in node.arguments]
        columns = function.columns(function.name, [a.type for a in arguments], implied)
        if not columns:
            self._b.expected(ScalarType.DYNAMIC, arguments[0].type, node.arguments[0].span)
        if len(columns) == 1:
            return Tuple(columns, (call,))
        return Tuple(columns, tuple(self.convert(plan.DynamicPath(call, (i,)), c.type) for i, c in enumerate(columns)))

    def names_of_several(self, node: nodes.Expression) -> tuple[str, ...]:
        """The names of the columns that an expression would make, were its arguments right."""
        function = self._b.language.functions.get(node.name) if isinstance(node, nodes.FunctionCall) else None
        if not isinstance(node, nodes.FunctionCall) or not node.arguments or function is None or not function.columns:
            return ()
        implied = [self._b.implied_name(a) for a in node.arguments]
        return tuple(c.name for c in function.columns(function.name, [ScalarType.DYNAMIC] * len(implied), implied))

    def _comparable_pair(self, left: plan.Scalar, right: plan.Scalar) -> list[plan.Scalar]:
        # `EventID == "4625"`, `ResultType == 0`: a constant takes the type of what it is compared with.
        if left.type is not right.type and {left.type, right.type} & {ScalarType.STRING, ScalarType.BOOL}:
            if isinstance(right, plan.Literal) and self._constant_fits(left.type, right.type):
                return [left, self._read(right, left.type)]
            if isinstance(left, plan.Literal) and self._constant_fits(right.type, left.type):
                return [self._read(left, right.type), right]
        if ScalarType.TIMESPAN in (left.type, right.type):
            # Nothing is nothing in any unit; of another number nobody knows what it counts.
            none = plan.Literal(0, ScalarType.TIMESPAN)
            return [
                none if isinstance(a, plan.Literal) and a.value == 0 and a.type in _WHOLES else a for a in (left, right)
            ]
        return [left, right]

    def _exact(self, arguments: Sequence[plan.Scalar]) -> list[plan.Scalar]:
        # As a whole number, the 2.7 in a dynamic would equal 2; as a real, two long numbers could be one.
        types = {a.type for a in arguments}
        if ScalarType.DYNAMIC in types and types & _WHOLES and types <= _WHOLES | {ScalarType.DYNAMIC}:
            return [self.convert(a, ScalarType.DECIMAL) for a in arguments]
        return list(arguments)

    def _constant_fits(self, wanted: ScalarType, given: ScalarType) -> bool:
        of = (ScalarType.STRING, *_PLAIN)
        return (given is ScalarType.STRING and wanted in _PLAIN) or (given in _PLAIN and wanted in of)

    def _read(self, literal: plan.Literal, wanted: ScalarType) -> plan.Scalar:
        if literal.type is ScalarType.STRING:
            value, _ = typed_value(wanted, str(literal.value).strip())
            return plan.Literal(value, wanted)
        return self.convert(literal, wanted)

    def _unknown(self, node: nodes.FunctionCall) -> NoReturn:
        name, language = node.name, self._b.language
        if name in language.aggregates:
            self._b.fail("SEM0001", f"the aggregate `{name}()` may stand only in `summarize` and its like", node.span)
        if name in language.refused_functions:
            self._b.refuse(f"the function `{name}()`", node.span)
        known = [*language.functions, *self._b.names_in_scope()]
        self._b.sound(name)
        self._b.fail("SEM0260", f"no function is named `{name}`", node.span, help=did_you_mean(name, known))

    def call(self, function: Function, arguments: Sequence[plan.Scalar], span: Span) -> plan.Scalar:
        """The call of a built-in function, its arguments brought to the types that it asks for."""
        resolved = function.resolve([a.type for a in arguments])
        if resolved is None:
            self._mismatch(function, arguments, span)
        converted = tuple(self.convert(a, t) for a, t in zip(arguments, resolved.arguments, strict=True))
        call = plan.Call(function, resolved.signature, converted, resolved.type, span)
        if self._size(call) > MAX_TERMS:
            raise LimitExceeded(f"an expression of more than {MAX_TERMS} terms is not supported")
        return folding.folded(call)

    def _size(self, scalar: plan.Scalar) -> int:
        """The terms of an expression as SQL would write them: what `let` names is written wherever it is named."""
        match scalar:
            case plan.Call(_, _, arguments):
                if id(scalar) not in self._sizes:
                    # The call is kept beside, so that its id can't come to mean another.
                    self._sizes[id(scalar)] = scalar, 1 + sum(map(self._size, arguments))
                return self._sizes[id(scalar)][1]
            case plan.Convert(value, _) | plan.DynamicPath(value, _):
                return self._size(value)
            case plan.Literal(str(text), _):
                return 1 + len(text) // 100
        return 1

    def _mismatch(self, function: Function, arguments: Sequence[plan.Scalar], span: Span) -> NoReturn:
        types = ", ".join(str(a.type) for a in arguments)
        if not any(s.takes(len(arguments)) for s in function.signatures):
            self._b.fail(
                "SEM0219", f"`{function.name}` doesn't take {len(arguments)} arguments", span, help=str(function)
            )
        if function.name.isalnum() or "_" in function.name:
            self._b.fail("SEM0001", f"`{function}` takes no ({types})", span, help=function.docs)
        self._b.fail(
            "SEM0064",
            f"`{function.name}` can't be used between {types.replace(', ', ' and ')}",
            span,
            help="add an explicit cast",
        )

    def _logic(self, node: nodes.FunctionCall, row: plan.Relation | None, aggregating: bool) -> plan.Scalar:
        terms = self._b.all_of(node.arguments, lambda a: self._term(a, row, aggregating))
        return self.call(self._b.language.functions[node.name], terms, node.span)

    def _term(self, node: nodes.Expression, row: plan.Relation | None, aggregating: bool) -> plan.Scalar:
        value = self.bind(node, row, aggregating)
        if value.type is ScalarType.BOOL:
            return value
        if not self.convertible(value.type, ScalarType.BOOL):
            self._b.expected(ScalarType.BOOL, value.type, node.span)
        return self.convert(value, ScalarType.BOOL)

    def _any_column(self, node: nodes.FunctionCall, row: plan.Relation | None) -> plan.Scalar:
        # `* has "x"`: any string column of the row, and any dynamic as its text.
        if row is None:
            self._b.fail("SYN0002", "`*` has no meaning here", node.span)
        wanted = self.bind(node.arguments[1], row)
        function = self._b.language.functions.get(f"* {node.name}")
        if function is not None:
            texts = [c for c in self.columns_of(row).values() if c.type is not ScalarType.BOOL]
            return self.call(function, (self.convert(wanted, ScalarType.STRING), *texts), node.span)
        terms: list[plan.Scalar] = []
        for column in self.columns_of(row).values():
            if column.type in (ScalarType.STRING, ScalarType.DYNAMIC):
                terms.append(self.call(self._b.language.functions[node.name], (column, wanted), node.span))
            elif node.name == "==" and self._b.language.functions["=="].resolve((column.type, wanted.type)):
                terms.append(self.call(self._b.language.functions["=="], (column, wanted), node.span))
        if not terms:
            return plan.Literal(False, ScalarType.BOOL)
        return terms[0] if len(terms) == 1 else self.call(self._b.language.functions["or"], terms, node.span)

    # -- `in` and its kin ---------------------------------------------------------

    def _list_operator(self, node: nodes.FunctionCall, row: plan.Relation | None, aggregating: bool) -> plan.Scalar:
        if not node.arguments:
            self._b.fail("SEM0219", f"`{node.name}` takes what is looked for, and where", node.span)
        name, (first, *rest) = node.name, node.arguments
        if isinstance(first, nodes.Star):
            return self._any_column_in(node, row)
        value = self.bind(first, row, aggregating)
        items: list[plan.Scalar] = []
        for argument in rest:
            found = self._operand(argument, row)
            if isinstance(found, plan.Relation):
                if len(rest) > 1:
                    self._b.fail("SEM0001", "a table must stand alone here", argument.span)
                return self._in_table(name, value, found, node)
            items.append(self._as_list_item(found, value))
        return self._in_items(name, value, items, node.span)

    def _operand(self, node: nodes.Expression, row: plan.Relation | None) -> plan.Relation | plan.Scalar:
        if isinstance(node, nodes.Literal):
            return plan.Literal(node.value, node.type)
        # A column shadows a table of its name; a table shadows nothing.
        inner = node.head if isinstance(node, nodes.PipeExpression) and not node.operators else node
        if isinstance(inner, nodes.NameReference) and (row is None or inner.name not in self.columns_of(row)):
            return self._b.value(inner, None)
        return self._b.value(node, row)

    def _as_list_item(self, item: plan.Scalar, value: plan.Scalar) -> plan.Scalar:
        if item.type is value.type is ScalarType.STRING:
            return item
        if isinstance(item, plan.Literal) and item.type is ScalarType.GUID and value.type is ScalarType.STRING:
            return plan.Literal(item.value or "", ScalarType.STRING)
        if item.type is ScalarType.STRING and value.type is ScalarType.GUID:
            return self.convert(item, ScalarType.GUID)
        if isinstance(item, plan.Literal) and self._constant_fits(value.type, item.type):
            # `5 in ("5", "x")`: what is no number is none of them.
            return self._read(item, value.type) if item.type is ScalarType.STRING else item
        return item

    def _in_items(self, name: str, value: plan.Scalar, items: list[plan.Scalar], span: Span) -> plan.Scalar:
        flat: list[plan.Scalar] = []
        for item in items:
            match item:
                # A constant array stands for its elements.
                case plan.Literal(list(elements), ScalarType.DYNAMIC):
                    flat += [self._element(e, value) for e in elements if self._may_equal(e, value)]
                case plan.Literal(None, ScalarType.DYNAMIC):
                    pass
                case _:
                    flat.append(item)
        return self.call(self._b.language.functions[name], (value, *flat), span)

    def _may_equal(self, element: object, value: plan.Scalar) -> bool:
        fraction = isinstance(element, float) and not element.is_integer()
        return not isinstance(element, list | dict) and not (fraction and value.type in _WHOLES)

    def _element(self, element: object, value: plan.Scalar) -> plan.Scalar:
        if value.type in (ScalarType.STRING, ScalarType.DYNAMIC):
            return plan.Literal(_text(element), ScalarType.STRING)
        return self.convert(plan.Literal(element, ScalarType.DYNAMIC), value.type)

    def _in_table(self, name: str, value: plan.Scalar, table: plan.Relation, node: nodes.FunctionCall) -> plan.Scalar:
        column = table.columns[0]
        self._b.sound(column.name)
        if name not in ("in", "!in", "in~", "!in~"):
            # The terms of the table's first column, as one array.
            terms = self._b.aggregate("make_set", (plan.ColumnRef(column.name, column.type),), node.span)
            array = plan.First(plan.Summarize(table, (), (plan.Output("terms", terms),)), ScalarType.DYNAMIC)
            return self.call(self._b.language.functions[name], (value, array), node.span)
        inner: plan.Scalar = plan.ColumnRef(column.name, column.type)
        if column.type is ScalarType.DYNAMIC and value.type is not ScalarType.DYNAMIC:
            # An array in each row stands for its elements.
            item = plan.Item(column, inner)
            table = plan.Unnest(plan.Project(table, (plan.Output(column.name, inner),)), (item,))
            inner = self.convert(inner, value.type)
        elif value.type is ScalarType.DYNAMIC and column.type is not ScalarType.DYNAMIC:
            value = self.convert(value, column.type)
        elif value.type is not column.type:
            inner = self._comparable(inner, value, node)
        if "~" in name:
            lower = self._b.language.functions["tolower"]
            value, inner = self.call(lower, (value,), node.span), self.call(lower, (inner,), node.span)
        among: plan.Scalar = plan.Among(value, plan.Project(table, (plan.Output(column.name, inner),)))
        return self.call(self._b.language.functions["not"], (among,), node.span) if name.startswith("!") else among

    def _comparable(self, inner: plan.Scalar, value: plan.Scalar, node: nodes.FunctionCall) -> plan.Scalar:
        if inner.type in NUMBERS and value.type in NUMBERS:
            return inner
        if {inner.type, value.type} == {ScalarType.STRING, ScalarType.GUID}:
            return self.convert(inner, value.type)
        self._b.expected(value.type, inner.type, node.arguments[1].span)

    def _any_column_in(self, node: nodes.FunctionCall, row: plan.Relation | None) -> plan.Scalar:
        if row is None:
            self._b.fail("SYN0002", "`*` has no meaning here", node.span)
        items = [self.bind(a, row) for a in node.arguments[1:]]
        texts = [c for c in self.columns_of(row).values() if c.type in (ScalarType.STRING, ScalarType.DYNAMIC)]
        terms = [self._in_items(node.name, c, items, node.span) for c in texts]
        return (
            self.call(self._b.language.functions["or"], terms, node.span)
            if terms
            else plan.Literal(False, ScalarType.BOOL)
        )

    # -- conversions --------------------------------------------------------------

    def convertible(self, given: ScalarType, wanted: ScalarType) -> bool:
        """Whether Kusto brings one type to the other by itself."""
        numeric = (*NUMBERS, ScalarType.BOOL)
        return (
            given is wanted
            or ScalarType.DYNAMIC in (given, wanted)
            or (given in numeric and wanted in numeric)
            or {given, wanted} == {ScalarType.STRING, ScalarType.GUID}
        )

    def convert(self, value: plan.Scalar, type_: ScalarType) -> plan.Scalar:
        """`value` brought to another type; constants at once."""
        if value.type is type_:
            return value
        if isinstance(value, plan.Literal):
            known, converted = folding.converted(value.value, value.type, type_)
            if known:
                return plan.Literal(converted, type_)
        return plan.Convert(value, type_)

    def parameter_value(self, given: object, type_: ScalarType) -> plan.Literal | None:
        """A value that came from outside: raw, or as a KQL literal in a string. None where it doesn't fit."""
        given = whole(given)
        if given is None:
            return plan.Literal("" if type_ is ScalarType.STRING else None, type_)
        if type_ is ScalarType.STRING:
            return plan.Literal(given if isinstance(given, str) else json.dumps(given), type_)
        if type_ is ScalarType.DYNAMIC:
            return self._dynamic_parameter(given)
        if isinstance(given, bool | int | float | Decimal):
            known, value = folding.converted(given, _TYPES[type(given)], type_)
            return plan.Literal(value, type_) if known else None
        if not isinstance(given, str):
            return None
        text = given.strip()
        if "(" in text and text.endswith(")"):
            text = text[text.index("(") + 1 : -1].strip()
        value, ok = typed_value(type_, text)
        return plan.Literal(value, type_) if ok else None

    def _dynamic_parameter(self, given: object) -> plan.Literal | None:
        if not isinstance(given, str):
            return plan.Literal(given, ScalarType.DYNAMIC)
        text = given.strip()
        if text.startswith("dynamic(") and text.endswith(")"):
            text = text[len("dynamic(") : -1]
        try:
            return plan.Literal(json.loads(text), ScalarType.DYNAMIC)
        except ValueError:
            return plan.Literal(given, ScalarType.DYNAMIC)


_TYPES = {bool: ScalarType.BOOL, int: ScalarType.LONG, float: ScalarType.REAL, Decimal: ScalarType.DECIMAL}


def _text(element: object) -> str:
    if element is None:
        return ""
    return element if isinstance(element, str) else json.dumps(element)


# -- functions that need to know where they stand --------------------------------

Row = plan.Relation | None


def _toscalar(s: ScalarBinder, node: nodes.FunctionCall, row: Row, aggregating: bool) -> plan.Scalar:
    if len(node.arguments) != 1:
        s._b.fail("SEM0219", "`toscalar` takes one table", node.span)
    found = s._b.value(node.arguments[0], None)
    if not isinstance(found, plan.Relation):
        return found
    s._b.sound(found.columns[0].name)
    return plan.First(found, found.columns[0].type)


def _column_ifexists(
    s: ScalarBinder, node: nodes.FunctionCall, row: plan.Relation | None, aggregating: bool
) -> plan.Scalar:
    if len(node.arguments) != 2:
        s._b.fail("SEM0219", f"`{node.name}` takes a column's name and a value for where there is none", node.span)
    columns = s.columns_of(row) if row is not None else {}
    name = _given_column(s, node.arguments[0]) or s._b.constant_text(node.arguments[0])
    return columns[name] if name in columns else s.bind(node.arguments[1], row, aggregating)


def _given_column(s: ScalarBinder, node: nodes.Expression) -> str | None:
    """The name of the column that a parameter stands for: `FileProfile(SHA1)` means what `FileProfile("SHA1")` does."""
    given = s._b.given(node.name) if isinstance(node, nodes.NameReference) else None
    return given.name if isinstance(given, plan.ColumnRef) else None


def _column_names_of(
    s: ScalarBinder, node: nodes.FunctionCall, row: plan.Relation | None, aggregating: bool
) -> plan.Scalar:
    if len(node.arguments) != 1:
        s._b.fail("SEM0219", "`column_names_of` takes one table", node.span)
    return plan.Literal([c.name for c in s._b.table(node.arguments[0]).columns], ScalarType.DYNAMIC)


def _now(s: ScalarBinder, node: nodes.FunctionCall, row: Row, aggregating: bool) -> plan.Scalar:
    moment: plan.Scalar = plan.Literal(s._b.now, ScalarType.DATETIME)
    if not node.arguments:
        return moment
    offset = s.bind(node.arguments[0], row, aggregating)
    return s.call(s._b.language.functions["+"], (moment, offset), node.span)


def _ago(s: ScalarBinder, node: nodes.FunctionCall, row: Row, aggregating: bool) -> plan.Scalar:
    if len(node.arguments) != 1:
        s._b.fail("SEM0219", "`ago` takes one timespan", node.span)
    span = s.bind(node.arguments[0], row, aggregating)
    if span.type is not ScalarType.TIMESPAN and span.type is not ScalarType.DYNAMIC:
        s._b.expected(ScalarType.TIMESPAN, span.type, node.arguments[0].span)
    moment = plan.Literal(s._b.now, ScalarType.DATETIME)
    return s.call(s._b.language.functions["-"], (moment, s.convert(span, ScalarType.TIMESPAN)), node.span)


def _case(s: ScalarBinder, node: nodes.FunctionCall, row: Row, aggregating: bool) -> plan.Scalar:
    if len(node.arguments) < 3 or len(node.arguments) % 2 == 0:
        s._b.fail("SEM0219", "`case` takes pairs of a predicate and a value, and a value for the rest", node.span)
    *pairs, last = node.arguments
    predicates = [s.predicate(p, row, aggregating) for p in pairs[::2]]
    values = [s.bind(v, row, aggregating) for v in (*pairs[1::2], last)]
    function = s._b.language.functions["case"]
    agreed = function.resolve([v.type for v in values])
    if agreed is None:
        s._mismatch(function, values, node.span)
    brought = [s.convert(v, agreed.type) for v in values]
    arguments = [x for pair in zip(predicates, brought, strict=False) for x in pair]
    return plan.Call(function, agreed.signature, (*arguments, brought[-1]), agreed.type, node.span)


def _pack_all(s: ScalarBinder, node: nodes.FunctionCall, row: Row, aggregating: bool) -> plan.Scalar:
    if row is None:
        s._b.fail("SEM0001", "`pack_all` needs a table's columns", node.span)
    filled = bool(node.arguments) and bool(s._b.constant(node.arguments[0]).value)
    return _packed(s, list(s.columns_of(row).values()), node.span, "pack_all" if filled else "bag_pack")


def _bag_pack_columns(
    s: ScalarBinder, node: nodes.FunctionCall, row: plan.Relation | None, aggregating: bool
) -> plan.Scalar:
    if row is None:
        s._b.fail("SEM0001", f"`{node.name}` needs a table's columns", node.span)
    return _packed(s, [c for a in node.arguments for c in s._b.matching(a, row)], node.span)


def _packed(s: ScalarBinder, columns: Sequence[plan.ColumnRef], span: Span, function: str = "bag_pack") -> plan.Scalar:
    pairs = [x for c in columns for x in (plan.Literal(c.name, ScalarType.STRING), c)]
    return s.call(s._b.language.functions[function], pairs, span)


def _estimate_data_size(
    s: ScalarBinder, node: nodes.FunctionCall, row: plan.Relation | None, aggregating: bool
) -> plan.Scalar:
    if row is None:
        s._b.fail("SEM0001", f"`{node.name}` needs a table's columns", node.span)
    columns = [c for a in node.arguments for c in s._b.matching(a, row)]
    return s.call(s._b.language.functions[node.name], columns, node.span)


def _iscolumnexists(
    s: ScalarBinder, node: nodes.FunctionCall, row: plan.Relation | None, aggregating: bool
) -> plan.Scalar:
    if len(node.arguments) != 1:
        s._b.fail("SEM0219", "`iscolumnexists` takes one name of a column", node.span)
    columns = s.columns_of(row) if row is not None else {}
    return plan.Literal(s._b.constant_text(node.arguments[0]) in columns, ScalarType.BOOL)


def _assert(s: ScalarBinder, node: nodes.FunctionCall, row: Row, aggregating: bool) -> plan.Scalar:
    if len(node.arguments) != 2:
        s._b.fail("SEM0219", "`assert` takes a condition and a message", node.span)
    condition, message = s._b.predicate(node.arguments[0], row), s._b.constant_text(node.arguments[1])
    if columns_in(condition):
        s._b.fail("SEM0001", "the condition of `assert` must be a constant", node.arguments[0].span)
    if not s._b.known(condition, "`assert` of what is not a plain constant", node.span):
        s._b.fail("SEM0001", f"assert() has failed with message: '{message}'", node.span)
    return plan.Literal(True, ScalarType.BOOL)


def _bin_auto(s: ScalarBinder, node: nodes.FunctionCall, row: Row, aggregating: bool) -> plan.Scalar:
    if len(node.arguments) != 1:
        s._b.fail("SEM0219", "`bin_auto` takes one value", node.span)
    size = s._b.option("query_bin_auto_size")
    if size is None:
        s._b.refuse("`bin_auto` without a size", node.span, help="set query_bin_auto_size = 1h;")
    at, value = s._b.option("query_bin_auto_at"), s.bind(node.arguments[0], row, aggregating)
    if at is None:
        return s.call(s._b.language.functions["bin"], (value, size), node.span)
    return s.call(s._b.language.functions["bin_at"], (value, size, at), node.span)


def _ingestion_time(
    s: ScalarBinder, node: nodes.FunctionCall, row: plan.Relation | None, aggregating: bool
) -> plan.Scalar:
    column = s.columns_of(row).get(RECEIVED) if row is not None else None
    if column is None or column.type is not ScalarType.DATETIME:
        # Kusto carries it along unseen; another time in its place would be a plausible wrong answer.
        s._b.refuse(f"`ingestion_time()` where the rows have no `{RECEIVED}`", node.span)
    return column


def _gettype(s: ScalarBinder, node: nodes.FunctionCall, row: Row, aggregating: bool) -> plan.Scalar:
    if len(node.arguments) != 1:
        s._b.fail("SEM0219", "`gettype` takes one value", node.span)
    value = s.bind(node.arguments[0], row, aggregating)
    if value.type is ScalarType.DYNAMIC:
        return s.call(s._b.language.functions["gettype"], (value,), node.span)
    return plan.Literal(str(value.type), ScalarType.STRING)


def _typed(s: ScalarBinder, node: nodes.FunctionCall, row: Row, aggregating: bool) -> plan.Scalar:
    """Functions whose last argument may name the type of what they give: `typeof(long)`."""
    function = s._b.language.functions[node.name]
    usual = 3 if function.name == "extract" else 2
    arguments = [s.bind(a, row, aggregating) for a in node.arguments]
    found = s.call(function, arguments[:usual] if len(arguments) == usual + 1 else arguments, node.span)
    if len(arguments) != usual + 1:
        return found
    wanted = arguments[-1]
    if not isinstance(wanted, plan.Literal) or wanted.value not in [t.value for t in ScalarType]:
        s._b.fail("SEM0001", "a type is expected here", node.arguments[-1].span, help="write `typeof(long)`")
    return s.convert(found, ScalarType(wanted.value))


Scoped = Callable[[ScalarBinder, nodes.FunctionCall, Row, bool], plan.Scalar]

SCOPED: Mapping[str, Scoped] = {
    "ago": _ago,
    "assert": _assert,
    "bin_auto": _bin_auto,
    "case": _case,
    "bag_pack_columns": _bag_pack_columns,
    "column_ifexists": _column_ifexists,
    "column_names_of": _column_names_of,
    "columnifexists": _column_ifexists,
    "estimate_data_size": _estimate_data_size,
    "extract": _typed,
    "extract_json": _typed,
    "extractjson": _typed,
    "gettype": _gettype,
    "ingestion_time": _ingestion_time,
    "iscolumnexists": _iscolumnexists,
    "now": _now,
    "pack_all": _pack_all,
    "percentile_tdigest": _typed,
    "toscalar": _toscalar,
}
"""Functions that need more than their arguments: the row, the moment, the tables."""
