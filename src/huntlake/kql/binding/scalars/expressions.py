"""An expression to a typed scalar: names, paths into dynamics, and calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from huntlake.core.diagnostics import Span, did_you_mean
from huntlake.core.errors import LimitExceeded
from huntlake.kql import plan
from huntlake.kql.binding import folding
from huntlake.kql.binding.conversions import as_written, constant_fits, convert, convertible
from huntlake.kql.binding.language import Surroundings
from huntlake.kql.binding.scope import UserFunction
from huntlake.kql.symbols import Function
from huntlake.kql.syntax import nodes
from huntlake.kql.types import Column, ScalarType

MAX_TERMS = 200_000
"""How large one expression may be, written out: each `let x = y + y` that is made of another doubles it."""

_EQUALITIES = {"==", "!="}
_COMPARISONS = _EQUALITIES | {"<", "<=", ">", ">=", "between", "!between"}
_WHOLES = {ScalarType.INT, ScalarType.LONG}
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
    """Binds expressions for a `Binder`, which knows the tables and the names around, and the functions that ask it."""

    def __init__(self, surroundings: Surroundings, scoped: Mapping[str, Scoped]) -> None:
        self.b = surroundings
        self._scoped = scoped
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
                self.b.fail(
                    "SEM0100", "a single value is expected here, this is a table", node.span, help="use `toscalar()`"
                )
            case nodes.TypeOf(columns) if len(columns) == 1:
                return plan.Literal(str(columns[0].type), ScalarType.STRING)
            case nodes.Star():
                self.b.fail("SYN0002", "`*` has no meaning here", node.span)
        self.b.fail("SYN0002", "a value is expected here", node.span)

    def predicate(self, node: nodes.Expression, row: plan.Relation | None, aggregating: bool = False) -> plan.Scalar:
        """A condition; Kusto lets a dynamic stand for one."""
        value = self.bind(node, row, aggregating)
        if value.type is ScalarType.DYNAMIC:
            return convert(value, ScalarType.BOOL)
        if value.type is not ScalarType.BOOL:
            self.b.expected(ScalarType.BOOL, value.type, node.span)
        return value

    def _name(self, name: str, span: Span, row: plan.Relation | None) -> plan.Scalar:
        columns = self.columns_of(row) if row is not None else {}
        if name in self.b.broken:
            self.b.sound(name)
        if name in columns:
            return columns[name]
        found = self.b.meaning(name, span)
        if isinstance(found, UserFunction):
            self.b.fail("SEM0100", f"`{name}` is a function: call it", span)
        if isinstance(found, plan.Relation):
            self.b.fail(
                "SEM0100", f"`{name}` is a table; a single value is expected here", span, help="use `toscalar()`"
            )
        if found is not None:
            return found
        known = [*columns, *self.b.names_in_scope()]
        self.b.no_column(name, span, known)

    # -- paths into dynamics ----------------------------------------------------

    def _path(
        self, node: nodes.PathExpression | nodes.ElementExpression, row: plan.Relation | None, aggregating: bool
    ) -> plan.Scalar:
        if isinstance(node, nodes.PathExpression) and (of_place := self.b.of_place(node)) is not None:
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
                self.b.fail("SEM0100", f"a `{value.type}` has no properties", node.span, help="only a `dynamic` has")
            # The service takes such a path and finds nothing at its end; nobody means that.
            self.b.refuse("a property of a `string`", node.span, help="read it first: `parse_json(…)`")
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
        self.b.fail("SYN0002", "the name of a property is expected here", node.selector.span)

    # -- calls ------------------------------------------------------------------

    def _call(self, node: nodes.FunctionCall, row: plan.Relation | None, aggregating: bool) -> plan.Scalar:
        name, language = node.name, self.b.language
        if name in self.b.refused:
            self.b.refuse(f"the function `{name}()` in this workspace", node.span)
        if name in ("and", "or"):
            return self._logic(node, row, aggregating)
        if (scoped := self._scoped.get(name)) is not None:
            return scoped(self, node, row, aggregating)
        if aggregating and name in language.aggregates:
            arguments = self.b.all_of(node.arguments, lambda a: self.bind(a, row))
            return self.call(language.aggregates[name], arguments, node.span)
        if (function := language.functions.get(name)) is not None:
            if name in _STAR_OPERATORS and node.arguments and isinstance(node.arguments[0], nodes.Star):
                return self._any_column(node, row)
            if (several := self.several(node, row, aggregating)) is not None:
                if len(several.values) > 1:
                    self.b.refuse(f"`{name}()`, which gives several columns, inside an expression", node.span)
                return several.values[0]
            arguments = self.b.all_of(node.arguments, lambda a: self.bind(a, row, aggregating))
            if name in _EQUALITIES and len(arguments) == 2:
                arguments = self._comparable_pair(*arguments)
            if name in _COMPARISONS:
                arguments = self._exact(arguments)
            return self.call(function, arguments, node.span)
        if (own := self.b.function(name)) is not None:
            found = self.b.invoke(own, node, row)
            if isinstance(found, plan.Relation):
                self.b.fail("SEM0100", f"`{name}()` gives a table; a single value is expected here", node.span)
            return found
        self._unknown(node)

    def several(self, node: nodes.Expression, row: plan.Relation | None, aggregating: bool = False) -> Tuple | None:
        """The columns that an expression makes; None where it gives one value without a name of its own."""
        if not isinstance(node, nodes.FunctionCall):
            return None
        function = self.b.language.functions.get(node.name)
        if function is None or function.columns is None:
            return None
        arguments = self.b.all_of(node.arguments, lambda a: self.bind(a, row, aggregating))
        call = self.call(function, arguments, node.span)
        if not node.arguments:
            self.b.fail("SEM0219", f"`{node.name}` takes an argument", node.span)
        implied = [self.b.implied_name(a) for a in node.arguments]
        columns = function.columns(function.name, [a.type for a in arguments], implied)
        if not columns:
            self.b.expected(ScalarType.DYNAMIC, arguments[0].type, node.arguments[0].span)
        if len(columns) == 1:
            return Tuple(columns, (call,))
        return Tuple(columns, tuple(convert(plan.DynamicPath(call, (i,)), c.type) for i, c in enumerate(columns)))

    def names_of_several(self, node: nodes.Expression) -> tuple[str, ...]:
        """The names of the columns that an expression would make, were its arguments right."""
        function = self.b.language.functions.get(node.name) if isinstance(node, nodes.FunctionCall) else None
        if not isinstance(node, nodes.FunctionCall) or not node.arguments or function is None or not function.columns:
            return ()
        implied = [self.b.implied_name(a) for a in node.arguments]
        return tuple(c.name for c in function.columns(function.name, [ScalarType.DYNAMIC] * len(implied), implied))

    def _comparable_pair(self, left: plan.Scalar, right: plan.Scalar) -> list[plan.Scalar]:
        # `EventID == "4625"`, `ResultType == 0`: a constant takes the type of what it is compared with.
        if left.type is not right.type and {left.type, right.type} & {ScalarType.STRING, ScalarType.BOOL}:
            if isinstance(right, plan.Literal) and constant_fits(left.type, right.type):
                return [left, as_written(right, left.type)]
            if isinstance(left, plan.Literal) and constant_fits(right.type, left.type):
                return [as_written(left, right.type), right]
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
            return [convert(a, ScalarType.DECIMAL) for a in arguments]
        return list(arguments)

    def _unknown(self, node: nodes.FunctionCall) -> NoReturn:
        name, language = node.name, self.b.language
        if name in language.aggregates:
            self.b.fail("SEM0001", f"the aggregate `{name}()` may stand only in `summarize` and its like", node.span)
        if name in language.refused_functions:
            self.b.refuse(f"the function `{name}()`", node.span)
        known = [*language.functions, *self.b.names_in_scope()]
        self.b.sound(name)
        self.b.fail("SEM0260", f"no function is named `{name}`", node.span, help=did_you_mean(name, known))

    def call(self, function: Function, arguments: Sequence[plan.Scalar], span: Span) -> plan.Scalar:
        """The call of a built-in function, its arguments brought to the types that it asks for."""
        resolved = function.resolve([a.type for a in arguments])
        if resolved is None:
            self.mismatch(function, arguments, span)
        converted = tuple(convert(a, t) for a, t in zip(arguments, resolved.arguments, strict=True))
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

    def mismatch(self, function: Function, arguments: Sequence[plan.Scalar], span: Span) -> NoReturn:
        types = ", ".join(str(a.type) for a in arguments)
        if not any(s.takes(len(arguments)) for s in function.signatures):
            self.b.fail(
                "SEM0219", f"`{function.name}` doesn't take {len(arguments)} arguments", span, help=str(function)
            )
        if function.name.isalnum() or "_" in function.name:
            self.b.fail("SEM0001", f"`{function}` takes no ({types})", span, help=function.docs)
        self.b.fail(
            "SEM0064",
            f"`{function.name}` can't be used between {types.replace(', ', ' and ')}",
            span,
            help="add an explicit cast",
        )

    def _logic(self, node: nodes.FunctionCall, row: plan.Relation | None, aggregating: bool) -> plan.Scalar:
        terms = self.b.all_of(node.arguments, lambda a: self._term(a, row, aggregating))
        return self.call(self.b.language.functions[node.name], terms, node.span)

    def _term(self, node: nodes.Expression, row: plan.Relation | None, aggregating: bool) -> plan.Scalar:
        value = self.bind(node, row, aggregating)
        if value.type is ScalarType.BOOL:
            return value
        if not convertible(value.type, ScalarType.BOOL):
            self.b.expected(ScalarType.BOOL, value.type, node.span)
        return convert(value, ScalarType.BOOL)

    def _any_column(self, node: nodes.FunctionCall, row: plan.Relation | None) -> plan.Scalar:
        # `* has "x"`: any string column of the row, and any dynamic as its text.
        if row is None:
            self.b.fail("SYN0002", "`*` has no meaning here", node.span)
        wanted = self.bind(node.arguments[1], row)
        function = self.b.language.functions.get(f"* {node.name}")
        if function is not None:
            texts = [c for c in self.columns_of(row).values() if c.type is not ScalarType.BOOL]
            return self.call(function, (convert(wanted, ScalarType.STRING), *texts), node.span)
        terms: list[plan.Scalar] = []
        for column in self.columns_of(row).values():
            if column.type in (ScalarType.STRING, ScalarType.DYNAMIC):
                terms.append(self.call(self.b.language.functions[node.name], (column, wanted), node.span))
            elif node.name == "==" and self.b.language.functions["=="].resolve((column.type, wanted.type)):
                terms.append(self.call(self.b.language.functions["=="], (column, wanted), node.span))
        if not terms:
            return plan.Literal(False, ScalarType.BOOL)
        return terms[0] if len(terms) == 1 else self.call(self.b.language.functions["or"], terms, node.span)


Row = plan.Relation | None
Scoped = Callable[[ScalarBinder, nodes.FunctionCall, Row, bool], plan.Scalar]
"""What binds the call of a function that needs more than its arguments."""
