"""The binder: tables and statements, and what the operators ask of it."""

from __future__ import annotations

import fnmatch
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, NoReturn, Self, TypeVar

from huntlake.core.diagnostics import Diagnostic, Source, SourceError, Span, did_you_mean
from huntlake.core.errors import LimitExceeded, NotFound, Refused
from huntlake.kql import plan
from huntlake.kql.binding.arguments import argument, arguments
from huntlake.kql.binding.complaints import Complaints, Unsaid
from huntlake.kql.binding.conversions import convert, parameter_value
from huntlake.kql.binding.language import Language
from huntlake.kql.binding.naming import implied_name
from huntlake.kql.binding.patterns import Patterns
from huntlake.kql.binding.places import PLACES, Places
from huntlake.kql.binding.scalars import SCOPED, ScalarBinder
from huntlake.kql.binding.scans import Scans
from huntlake.kql.binding.schema import Schema, TableCall
from huntlake.kql.binding.scope import Meaning, Scope, UserFunction
from huntlake.kql.binding.settings import Period, Settings
from huntlake.kql.plan.graph import columns_in
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.parser import Parser
from huntlake.kql.types import Column, ScalarType

N = TypeVar("N")
T = TypeVar("T")

MAX_CALL_DEPTH = 64
MAX_CALLS = 10_000
"""How often one query may call functions of users: a few that call one another twice are soon millions."""


class Operator(nodes.QueryOperator, ABC):
    """A query operator: it reads itself, and says what it makes of the rows before it."""

    passes_columns: ClassVar[bool] = False
    """Whether its rows have the columns of those before it: then what follows can be judged although it is wrong."""

    @classmethod
    @abstractmethod
    def parse(cls, p: Parser) -> Self: ...

    @abstractmethod
    def bind(self, input: plan.Relation, b: Binder) -> plan.Relation: ...


class SourceOperator(nodes.QueryOperator, ABC):
    """An operator that begins a pipe."""

    @classmethod
    @abstractmethod
    def parse(cls, p: Parser) -> Self: ...

    @abstractmethod
    def bind_source(self, b: Binder) -> plan.Relation: ...


Probe = Callable[[plan.Relation], Sequence[tuple[object, ...]]]
"""Runs a plan while the query is still being compiled: some columns are known only from the data."""


@dataclass(frozen=True)
class Result:
    """One table that the query answers with."""

    relation: plan.Relation
    visualization: Mapping[str, object] | None = None
    name: str = "PrimaryResult"


class MissingTable(SourceError):
    """A table, or a function that would give one, is not there: the one complaint that a fuzzy union passes over."""


class Binder:
    """Binds one text. Operators speak to it; it asks the schema and the language."""

    def __init__(
        self,
        source: Source,
        schema: Schema,
        language: Language,
        now: int,
        parameters: Mapping[str, object],
        reader: Callable[[Source], nodes.FunctionDeclaration],
        probe: Probe | None = None,
        period: Period | None = None,
    ) -> None:
        self.source = source
        self.schema = schema
        self.refused = schema.refused
        self.language = language
        self.visualization: Mapping[str, object] | None = None
        self._several: tuple[Span, list[Result]] | None = None
        self._parameters = parameters
        self._probe = probe
        self._reader = reader
        self._stored: dict[tuple[str | None, str], UserFunction | None] = {}
        self._scope = Scope()
        self._home: str | None = None
        self._running: list[UserFunction] = []
        self._calls = 0
        self._depth = 0
        self._forgiving = 0
        self._complaints = Complaints()
        self.broken = self._complaints.broken
        self._named = language.named
        self.scalars = ScalarBinder(self, SCOPED)
        self.settings = Settings(self, now, period or Period())
        self.scans = Scans(self, schema, self.settings)
        self.patterns = Patterns(self)
        self.places = Places(self, schema)

    @property
    def now(self) -> int:
        """The query's own moment, in ticks: `now()` is the same everywhere in it."""
        return self.settings.now

    @property
    def options(self) -> Mapping[str, object]:
        """All that the query sets."""
        return self.settings.said

    # -- statements -----------------------------------------------------------

    def query(self, query: nodes.Query) -> list[Result]:
        """The tables that the query answers with, in order."""
        results = []
        for statement in query.statements:
            self.visualization, self._several = None, None
            try:
                relation = self._statement(statement)
                if self._several is not None:
                    results += self._all_of(self._several, relation)
                elif relation is not None:
                    results.append(Result(relation, self.visualization))
            except SourceError as error:
                self._complaints.hear(error, *_names(statement))
                if self._complaints.enough or isinstance(statement, nodes.AliasStatement):
                    # Behind a place that nobody knows, nobody knows what there is.
                    break
        self._tell()
        if not results:
            self.fail("SYN0001", "the query has no expression that gives a table", query.span)
        return results

    def _statement(self, statement: nodes.Statement) -> plan.Relation | None:
        match statement:
            case nodes.LetStatement(name, nodes.EntityGroup() as group):
                self.places.declare_group(name, group)
            case nodes.LetStatement(name, value):
                # A function sees the names declared before it, not itself nor those that follow.
                before, self._scope = self._scope, Scope(self._scope, {}, self._depth)
                self._scope.names[name] = (
                    UserFunction(name, value, before, self.source, self._home)
                    if isinstance(value, nodes.FunctionDeclaration)
                    else self._let_value(value)
                )
            case nodes.SetStatement():
                self.settings.take(statement)
            case nodes.QueryParametersStatement(parameters):
                for parameter in parameters:
                    self._scope.names[parameter.name] = self._query_parameter(parameter)
            case nodes.PatternStatement():
                self.patterns.declare(statement)
            case nodes.AliasStatement(name, database):
                self.places.declare_alias(name, database)
            case nodes.ExpressionStatement(expression):
                return self._result(expression)
        return None

    def several(self, results: list[Result], span: Span) -> plan.Relation:
        """Say that an operator gives several tables, as `fork` does: it must be the last of a statement."""
        if self._several is not None:
            self.refuse("an operator that gives several tables inside another", span)
        self._several = span, results
        return results[0].relation

    def _all_of(self, several: tuple[Span, list[Result]], relation: plan.Relation | None) -> list[Result]:
        span, results = several
        if relation is not results[0].relation:
            self.refuse("an operator that gives several tables, and isn't the last,", span)
        return results

    def _let_value(self, node: nodes.Expression) -> plan.Relation | plan.Scalar:
        kept, self._scope = self._scope, self._scope.outer or self._scope
        try:
            return self.value(node)
        finally:
            self._scope = kept

    def _result(self, expression: nodes.Expression) -> plan.Relation:
        found = self.value(expression)
        if isinstance(found, plan.Relation):
            return found
        self.fail(
            "SEM0100", "a table is expected here, this is a single value", expression.span, help="print it: `print …`"
        )

    def _query_parameter(self, parameter: nodes.FunctionParameter) -> plan.Scalar:
        if parameter.type is None:
            self.refuse("a table as a query parameter", parameter.span)
        if parameter.name in self._parameters:
            given = self._parameters[parameter.name]
            literal = parameter_value(given, parameter.type)
            if literal is None:
                self.fail(
                    "SEM0001", f"the value given for `{parameter.name}` is not a {parameter.type}", parameter.span
                )
            return literal
        if parameter.default is None:
            self.fail("SEM0001", f"no value was given for the query parameter `{parameter.name}`", parameter.span)
        return convert(self.scalar(parameter.default, None), parameter.type)

    # -- values: a table or a scalar --------------------------------------------

    def value(self, node: nodes.Expression, row: plan.Relation | None = None) -> plan.Relation | plan.Scalar:
        """What an expression gives where both a table and a scalar may stand."""
        if (of_pattern := self._of_pattern(node)) is not None:
            return of_pattern
        match node:
            case nodes.PipeExpression():
                return self.table(node)
            case nodes.NameReference(name) if row is None:
                found = self.meaning(name, node.span)
                if found is not None and not isinstance(found, UserFunction):
                    return found
                if found is not None or self.scan(name) is not None or self.function(name) is not None:
                    return self.table(node)
            case nodes.FunctionCall(name, _):
                if name in TABULAR_CALLS:
                    return self.table(node)
                if name not in self._named:
                    if (function := self.function(name)) is not None:
                        return self.invoke(function, node, row)
                    if self.schema.table_call(name, self._home) is not None:
                        return self.table(node)
            case nodes.PathExpression(nodes.FunctionCall(name, _), _) if name in PLACES:
                return self.table(node)
            case nodes.PathExpression(nodes.NameReference(name), nodes.NameReference(of_it)) if self.places.is_entity(
                name
            ) and not of_it.startswith("$"):
                return self.table(node)
            case nodes.PathExpression(nodes.PathExpression(nodes.FunctionCall(name, _), _), _) if name in PLACES:
                return self.table(node)
        return self.scalar(node, row)

    def invoke(
        self,
        function: UserFunction,
        call: nodes.FunctionCall,
        row: plan.Relation | None,
        first: plan.Relation | None = None,
    ) -> plan.Relation | plan.Scalar:
        """The body of a function that the query declares, with its arguments put in."""
        if function.kept and KEPT_FUNCTIONS in self.refused:
            self.refuse(f"`{function.name}()`, a function that the workspace keeps,", call.span)
        given = arguments(function, call, row, first, self)
        if any(f is function for f in self._running):
            self.refuse(f"`{function.name}`, which calls itself,", call.span)
        if len(self._running) >= MAX_CALL_DEPTH:
            self.fail("SEM0001", "functions call one another too deeply", call.span)
        self._calls += 1
        if self._calls > MAX_CALLS:
            # No mistake of one place, that might be forgiven there.
            raise LimitExceeded(f"a query that calls functions more than {MAX_CALLS} times is not supported")
        return self._body(function, given)

    def check(self, name: str, source: Source) -> None:
        """Bind a function that is about to be kept, with nulls and empty tables for what has no default.

        Which columns `T:(*)` has, only a call can say: such a function is only read.
        """
        function = UserFunction(name, self._reader(source), Scope(), source)
        self._stored[None, name] = function
        parameters = function.declaration.parameters
        if any(p.tabular and not p.columns for p in parameters):
            return
        try:
            self._body(function, {p.name: self._stand_in(p) for p in parameters})
        except SourceError as error:
            self._complaints.hear(error)
        self._tell()

    def _stand_in(self, parameter: nodes.FunctionParameter) -> plan.Relation | plan.Scalar:
        if parameter.type is None:
            return plan.Values(tuple(Column(c.name, c.type) for c in parameter.columns), ())
        if parameter.default is not None:
            return argument(parameter, parameter.default, None, self)
        return plan.Literal("" if parameter.type is ScalarType.STRING else None, parameter.type)

    def _body(self, function: UserFunction, given: Mapping[str, Meaning]) -> plan.Relation | plan.Scalar:
        declaration = function.declaration
        kept = self._scope, self.source, self._home
        self._scope, self.source, self._home = (
            Scope(function.scope, dict(given), self._depth),
            function.source,
            function.workspace,
        )
        self._running.append(function)
        try:
            for statement in declaration.body.statements:
                self._statement(statement)
            if declaration.body.expression is None:
                self.fail("SYN0002", f"the function `{function.name}` has no result", declaration.span)
            return self.value(declaration.body.expression)
        finally:
            self._scope, self.source, self._home = kept
            self._running.pop()

    # -- tables ---------------------------------------------------------------

    def table(self, node: nodes.Expression | nodes.QueryOperator) -> plan.Relation:
        """The table that an expression gives."""
        self._depth += 1
        try:
            return self._table(node)
        finally:
            self._depth -= 1

    def of_place(self, node: nodes.PathExpression) -> plan.Literal | None:
        """What `X.$current_database` says where `X` stands for a workspace; None where it doesn't."""
        return self.places.current_database(node)

    def of_entity(self, name: str, workspace: str, body: nodes.FunctionBody) -> plan.Relation:
        """The table that a body gives where a name stands for a workspace."""
        with self.places.entity(name, workspace, body.span):
            declaration = nodes.FunctionDeclaration((), body, span=body.span)
            function = UserFunction(name, declaration, self._scope, self.source, self._home)
            return self._tabular(self._body(function, {}), body.span)

    def table_given(self, node: nodes.Expression, names: Mapping[str, plan.Scalar]) -> plan.Relation:
        """The table that an expression gives where these names have these meanings."""
        kept, self._scope = self._scope, Scope(self._scope, dict(names), self._depth)
        try:
            return self.table(node)
        finally:
            self._scope = kept

    def _table(self, node: nodes.Expression | nodes.QueryOperator) -> plan.Relation:
        if isinstance(node, nodes.Expression) and (of_pattern := self._of_pattern(node)) is not None:
            return self._tabular(of_pattern, node.span)
        match node:
            case nodes.PipeExpression(head, operators):
                return self.pipe(operators, self.table(head))
            case SourceOperator():
                return node.bind_source(self)
            case nodes.NameReference(name):
                return self._named_table(name, node.span)
            case nodes.FunctionCall():
                return self._table_call(node)
            case nodes.PathExpression(place, selector) if (workspace := self.places.workspace(place)) is not None:
                if isinstance(selector, nodes.NameReference):
                    return self._named_table(selector.name, selector.span, workspace)
                if isinstance(selector, nodes.FunctionCall):
                    return self._table_call(selector, workspace)
            case nodes.WildcardedName() | nodes.Star():
                self.fail("SEM0001", "a wildcard may stand only in `union`, `find` and `search`", node.span)
        self.fail("SEM0100", "a table is expected here", node.span)

    def pipe(self, operators: Iterable[nodes.QueryOperator], relation: plan.Relation) -> plan.Relation:
        """What the operators, one after another, make of a table."""
        for operator in operators:
            if not isinstance(operator, Operator):
                self.fail("SYN0002", "this operator can only begin a query", operator.span)
            try:
                relation = operator.bind(relation, self)
            except SourceError as error:
                self.go_on(error)
                if not operator.passes_columns:
                    # Nobody knows what columns there are behind it.
                    raise Unsaid(self.source) from None
        return relation

    def _named_table(self, name: str, span: Span, workspace: str | None = None) -> plan.Relation:
        if workspace is None:
            found = self._scope.find(name)
            if isinstance(found, plan.Relation):
                return found
            if found is not None and not isinstance(found, UserFunction):
                self.fail("SEM0100", f"`{name}` is a single value, not a table", span)
        relation = self.scan(name, workspace)
        if relation is None and (function := self.function(name, workspace)) is not None:
            return self._tabular(self.invoke(function, nodes.FunctionCall(name, (), span=span), None), span)
        if relation is None:
            stored = self.schema.table_names(workspace or self._home)
            self._missing("SEM0100", f"no table is named `{name}`", span, name, stored)
        return relation

    def scan(self, name: str, workspace: str | None = None) -> plan.Relation | None:
        """A stored table, its rows of the query's period; None where there is none."""
        return self.scans.of(name, workspace or self._home)

    def tables_like(self, pattern: str, workspace: str | None = None) -> list[tuple[str, plan.Relation]]:
        """The tables, and the tables of `let`, whose names fit a pattern with `*`.

        A table without rows gives its columns, and isn't read. `*` alone means the tables with rows, where any has.
        """
        fits = re.compile(fnmatch.translate(pattern)).match
        own = [
            (n, r) for n in self._scope.all_names() if fits(n) and isinstance(r := self._scope.find(n), plan.Relation)
        ]
        place = workspace or self._home
        filled = set(self.schema.tables_with_rows(place))
        names = filled if pattern == "*" and filled else self.schema.table_names(place)
        found = [(n, self.scan(n, workspace)) for n in sorted(names) if fits(n)]
        return own + [(n, t if n in filled else plan.Values(t.columns, ())) for n, t in found if t is not None]

    def _table_call(self, call: nodes.FunctionCall, workspace: str | None = None) -> plan.Relation:
        found = self.function(call.name, workspace)
        if found is not None:
            return self._tabular(self.invoke(found, call, None), call.span)
        if call.name in self.refused:
            self.refuse(f"the function `{call.name}()` in this workspace", call.span)
        if (made := self.schema.table_call(call.name, workspace or self._home)) is not None:
            return self._made_table(made, call, workspace)
        match call:
            case nodes.FunctionCall("materialize", (inner,)):
                return plan.Materialize(self.table(inner))
            case nodes.FunctionCall("table" | "external_table", (name, *_)):
                return self._named_table(self.constant_text(name), name.span, workspace)
            case nodes.FunctionCall("view", ()):
                self.refuse("`view()` here", call.span)
        if call.name in self.language.refused_functions:
            self.refuse(f"the function `{call.name}()`", call.span)
        if call.name in self._named:
            self.fail("SEM0100", f"`{call.name}()` gives a single value, not a table", call.span)
        self._missing("SEM0260", f"no function is named `{call.name}`", call.span, call.name)

    def table_if_there(self, node: nodes.Expression) -> plan.Relation | None:
        """The table that an expression gives; None where it, or one that it reads, is not there."""
        self._forgiving += 1
        try:
            return self.table(node)
        except MissingTable:
            return None
        finally:
            self._forgiving -= 1

    def function(self, name: str, workspace: str | None = None) -> UserFunction | None:
        """A function that the query declares, or the workspace keeps."""
        found = self._scope.find(name) if workspace is None else None
        if found is not None:
            return found if isinstance(found, UserFunction) else None
        workspace = workspace or self._home
        key = workspace, name
        if key not in self._stored:
            text = self.schema.function(name, workspace)
            self._stored[key] = None if text is None else self._declared(name, text, workspace)
        return self._stored[key]

    def _declared(self, name: str, text: str, workspace: str | None) -> UserFunction:
        source = Source(text, name)
        return UserFunction(name, self._reader(source), Scope(), source, workspace, kept=True)

    def _made_table(self, made: TableCall, call: nodes.FunctionCall, workspace: str | None) -> plan.Relation:
        if KEPT_FUNCTIONS in self.refused:
            self.refuse(f"the function `{call.name}()` in this workspace", call.span)
        function = self._declared(call.name, f"{made.parameters} {{}}", workspace)
        given = arguments(function, call, None, None, self)
        values: dict[str, object] = {}
        for name, value in given.items():
            if not isinstance(value, plan.Literal):
                self.refuse(f"`{call.name}()` of a value that is not a constant", call.span)
            values[name] = value.value
        try:
            return self._named_table(made.table(**values), call.span, workspace)
        except NotFound as error:
            self._missing("SEM0100", str(error), call.span, "")
        except Refused as error:
            self.refuse(str(error), call.span)

    def _of_pattern(self, node: nodes.Expression) -> plan.Relation | plan.Scalar | None:
        """What a declared pattern gives for these arguments; None where no pattern is called."""
        called = self.patterns.case(node)
        if called is None:
            return None
        name, case = called
        declaration = nodes.FunctionDeclaration((), case.body, span=case.span)
        function = UserFunction(name, declaration, self._scope, self.source, self._home)
        return self.invoke(function, nodes.FunctionCall(name, (), span=node.span), None)

    def _tabular(self, value: plan.Relation | plan.Scalar, span: Span) -> plan.Relation:
        if isinstance(value, plan.Relation):
            return value
        self.fail("SEM0100", "a table is expected here, this function gives a single value", span)

    def let(self, name: str, relation: plan.Relation) -> None:
        """Give a table a name for the rest of the query, as `as` does."""
        self._scope.names[name] = relation

    def meaning(self, name: str, span: Span) -> plan.Relation | plan.Scalar | UserFunction | None:
        """What a name that is no column means here."""
        home = self._scope.home(name)
        found = None if home is None else home.names[name]
        if home is not None and home.depth != self._depth and isinstance(found, plan.Scalar) and columns_in(found):
            # In the rows of another table the same names would be other columns.
            self.refuse(f"`{name}`, which differs from row to row, inside a table of its own", span)
        return found

    def given(self, name: str) -> Meaning | None:
        """What a parameter or a `let` stands for, wherever its value was made."""
        return self._scope.find(name)

    def names_in_scope(self) -> list[str]:
        """The names that `let`, parameters and `as` have given."""
        return self._scope.all_names()

    def probe(self, relation: plan.Relation, what: str, span: Span) -> Sequence[tuple[object, ...]]:
        """The rows of a table, now: for columns that only the data can name."""
        if self._complaints:
            # What is wrong so far may be the very filter that makes the rows few.
            raise Unsaid(self.source)
        if self._probe is None:
            self.refuse(f"{what} where no data can be looked at", span, help="declare its output columns in the query")
        return self._probe(relation)

    # -- scalars --------------------------------------------------------------

    def scalar(self, node: nodes.Expression, row: plan.Relation | None) -> plan.Scalar:
        """An expression over the columns of `row`."""
        return self.scalars.bind(node, row)

    def measure(self, node: nodes.Expression, row: plan.Relation) -> plan.Scalar:
        """An expression over aggregates of the columns of `row`."""
        return self.scalars.bind(node, row, aggregating=True)

    def predicate(self, node: nodes.Expression, row: plan.Relation | None) -> plan.Scalar:
        """A condition; Kusto lets a dynamic stand for one."""
        return self.scalars.predicate(node, row)

    def key(self, value: plan.Scalar, span: Span, what: str) -> plan.Scalar:
        """A value by which rows are put in order or in groups; a dynamic has neither order nor one form."""
        if value.type is ScalarType.DYNAMIC:
            self.fail("SEM0080", f"a `dynamic` can't be {what}", span, help="add an explicit cast: `tostring(…)`")
        return value

    def call(self, name: str, arguments: Sequence[plan.Scalar], span: Span) -> plan.Scalar:
        """The call of a built-in function."""
        return self.scalars.call(self.language.functions[name], arguments, span)

    def aggregate(self, name: str, arguments: Sequence[plan.Scalar], span: Span) -> plan.Scalar:
        """The call of a built-in aggregate."""
        return self.scalars.call(self.language.aggregates[name], arguments, span)

    def constant(self, node: nodes.Expression) -> plan.Literal:
        """An expression whose value the text itself holds."""
        value = self.scalar(node, None)
        if isinstance(value, plan.Literal):
            return value
        self.refuse("a value here that is not a constant", node.span)

    def known(self, value: plan.Scalar, what: str, span: Span) -> object:
        """What a value is that reads no column, as Python holds it; `what` names it in the refusal."""
        if isinstance(value, plan.Literal):
            return value.value
        rows = self.probe(plan.Project(plan.Values((), ((),)), (plan.Output("value", value),)), what, span)
        return rows[0][0]

    def option(self, name: str) -> plan.Literal | None:
        """The value of `set name = …`; None where the query sets none."""
        return self.settings.option(name)

    def constant_long(self, node: nodes.Expression) -> int:
        """A whole number that the text itself holds."""
        value = self.constant(node)
        if isinstance(value.value, int) and value.type in (ScalarType.LONG, ScalarType.INT):
            return value.value
        if isinstance(value.value, float) and value.value.is_integer():
            return int(value.value)
        self.expected(ScalarType.LONG, value.type, node.span)

    def constant_text(self, node: nodes.Expression) -> str:
        """A string that the text itself holds."""
        value = self.constant(node)
        if isinstance(value.value, str):
            return value.value
        self.expected(ScalarType.STRING, value.type, node.span)

    # -- columns --------------------------------------------------------------

    def column(self, name: str, span: Span, row: plan.Relation) -> plan.ColumnRef:
        """A column by its name."""
        found = self.columns_of(row).get(name)
        if found is None:
            self.no_column(name, span, self.columns_of(row))
        return found

    def columns_of(self, row: plan.Relation) -> Mapping[str, plan.ColumnRef]:
        """The columns of a table by name."""
        return self.scalars.columns_of(row)

    def implied_name(self, node: nodes.Expression) -> str:
        """The name of a column that the text gives none; `` where Kusto implies none."""
        return implied_name(node, self._named)

    # -- errors ---------------------------------------------------------------

    def all_of(self, items: Iterable[N], bind: Callable[[N], T]) -> list[T]:
        """What `bind` makes of each item. Where several are wrong, all of them are told."""
        found = []
        sound = True
        for item in items:
            try:
                found.append(bind(item))
            except SourceError as error:
                self.go_on(error)
                sound = False
        if not sound:
            raise Unsaid(self.source)
        return found

    def go_on(self, error: SourceError, *names: str) -> None:
        """Keep an error for the end, unless someone waits for it."""
        if self._forgiving:
            raise error
        self._complaints.hear(error, *names)
        if self._complaints.enough:
            raise Unsaid(self.source)

    def _tell(self) -> None:
        if self._complaints:
            raise self._complaints.error(self.source)

    def no_column(self, name: str, span: Span, known: Iterable[str]) -> NoReturn:
        """Say that there is no such column, unless it is missing because of another mistake."""
        self.sound(name)
        self.fail("SEM0100", f"no column is named `{name}`", span, help=did_you_mean(name, known))

    def sound(self, name: str) -> None:
        """Go no further where a name means nothing because of another mistake."""
        if name in self._complaints.broken:
            raise Unsaid(self.source)

    def expected(self, wanted: ScalarType, given: ScalarType, span: Span) -> NoReturn:
        """Say that a value is of another type than the place asks for."""
        self.fail("SEM0024", f"a `{wanted}` is expected", span, label=f"this is `{given}`")

    def refuse(self, what: str, span: Span, help: str = "") -> NoReturn:
        """Say that something is Kusto's, but not ours."""
        self.fail("HL001", f"{what} is not supported", span, help=help)

    def _missing(self, code: str, message: str, span: Span, name: str, stored: Iterable[str] = ()) -> NoReturn:
        # Looking for a like name among thousands costs more than most queries: not where nobody will read it.
        self.sound(name)
        help = "" if self._forgiving else did_you_mean(name, [*self._scope.all_names(), *stored])
        raise MissingTable(self.source, Diagnostic(code, message, span, help=help))

    def fail(self, code: str, message: str, span: Span, *, label: str = "", help: str = "") -> NoReturn:
        """End the compilation with one diagnostic."""
        raise SourceError(self.source, Diagnostic(code, message, span, label, help))


def _names(statement: nodes.Statement) -> tuple[str, ...]:
    """The names that a statement declares."""
    match statement:
        case nodes.LetStatement(name):
            return (name,)
        case nodes.QueryParametersStatement(parameters):
            return tuple(p.name for p in parameters)
    return ()


TABULAR_CALLS = {"materialize", "table", "external_table"}
KEPT_FUNCTIONS = "functions"
"""The word in `Schema.refused` for every function that a workspace keeps."""
