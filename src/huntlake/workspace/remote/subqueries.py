"""The parts of a local query that one remote workspace can answer whole: `workspace("r").T | where … | summarize …`.

Such a part goes there as a query of its own, from its table up to the last operator that names nothing of the rest: no
parameter, no table, no function that somebody has saved, and of what `let` names only constants, which go along. What
comes behind is done here, over its rows. It is the text that goes, as it stands, and only where it is read again as the
very tree that it was cut from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from huntlake.core.diagnostics import Diagnostic, Source, SourceError, Span
from huntlake.kql.compiler import LANGUAGE, parse
from huntlake.kql.operators.distinct import DistinctOperator
from huntlake.kql.operators.extend import ExtendOperator
from huntlake.kql.operators.mv_expand import MvExpandOperator
from huntlake.kql.operators.parse import ParseOperator, ParseWhereOperator
from huntlake.kql.operators.project import ProjectOperator
from huntlake.kql.operators.project_away import ProjectAwayOperator, ProjectKeepOperator
from huntlake.kql.operators.project_rename import ProjectRenameOperator
from huntlake.kql.operators.project_reorder import ProjectReorderOperator
from huntlake.kql.operators.summarize import SummarizeOperator
from huntlake.kql.operators.take import CountOperator, TakeOperator
from huntlake.kql.operators.top import TopOperator
from huntlake.kql.operators.where import FilterOperator
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.lexer import tokenize

SENT = (
    CountOperator,
    DistinctOperator,
    ExtendOperator,
    FilterOperator,
    MvExpandOperator,
    ParseOperator,
    ParseWhereOperator,
    ProjectAwayOperator,
    ProjectKeepOperator,
    ProjectOperator,
    ProjectRenameOperator,
    ProjectReorderOperator,
    SummarizeOperator,
    TakeOperator,
    TopOperator,
)
"""Operators that look at the rows of one table, and leave no order behind that others rely on (`top` is done again)."""

_PLACES = ("workspace", "database", "cluster", "adx", "app", "resource")
_OF_THE_PLACE = frozenset(
    ("toscalar", "materialize", "table", "external_table", "stored_query_result", "rand", "new_guid", *_PLACES)
)
"""Calls that ask tables, or mean another thing in another place, or each time."""
_CLOCK = frozenset(("now", "ago"))
"""Calls that the compiler knows by itself, and whose moment goes along with a query."""
_AMONG = frozenset(("in", "!in", "in~", "!in~", "has_any", "has_all"))

Place = Callable[[str, list[str]], str | None]
"""The remote workspace that a place, such as `workspace("soc")`, means; None where it is none, or one that is here."""


@dataclass(frozen=True)
class Part:
    """A part of a query: what is asked, and where. Of a `table` it has all columns; None where it has others.

    `span` is where it stands in the query.
    """

    workspace: str
    text: str
    table: str | None
    span: Span


def parted(source: Source, query: nodes.Query, place: Place, *, whole: bool) -> tuple[nodes.Query, dict[str, Part]]:
    """The query with a name in place of each part, and the parts by these names.

    Where a part can't be `whole` elsewhere, as when the rows of the query are bound in time, tables are asked alone,
    and functions of a remote workspace are refused.
    """
    # What the text sets may be the moment, or bounds on time.
    if any(isinstance(s, nodes.SetStatement) and s.name.lower().startswith("query_") for s in query.statements):
        whole = False
    cutter = _Cutter(source, place, query, whole)
    return cutter.cut(query), cutter.parts


class _Cutter:
    """Goes through a query and cuts the parts out."""

    def __init__(self, source: Source, place: Place, query: nodes.Query, whole: bool) -> None:
        self._source, self._place, self._whole = source, place, whole
        declared = Counter(_declared(query))
        self._declared = frozenset(declared)
        self._constants: dict[str, str] = {}
        for statement in query.statements:
            # A name that is given twice means one thing here and another there.
            if isinstance(statement, nodes.LetStatement) and declared[statement.name] == 1:
                self._keep_constant(statement)
        self.parts: dict[str, Part] = {}

    def cut(self, node: Any) -> Any:
        match node:
            case nodes.PipeExpression(nodes.PathExpression() as head, operators) if self._remote(head):
                return self._cut_pipe(node, head, operators)
            case nodes.PathExpression() if self._remote(node) and isinstance(node.selector, nodes.FunctionCall):
                return self._part(node, node, ())
            case tuple():
                made = tuple(map(self.cut, node))
                return node if all(a is b for a, b in zip(made, node, strict=True)) else made
            case _ if is_dataclass(node) and not isinstance(node, type) and not isinstance(node, Span):
                changed = {}
                for field in fields(node):
                    before = getattr(node, field.name)
                    after = self.cut(before) if isinstance(before, tuple) or is_dataclass(before) else before
                    if after is not before:
                        changed[field.name] = after
                return replace(node, **changed) if changed else node
        return node

    def _cut_pipe(
        self, pipe: nodes.PipeExpression, head: nodes.PathExpression, operators: tuple[nodes.QueryOperator, ...]
    ) -> nodes.PipeExpression:
        sent = 0
        while self._whole and sent < len(operators) and self._can_go(operators[sent]):
            sent += 1
            if isinstance(operators[sent - 1], TopOperator):
                break
        is_table = isinstance(head.selector, nodes.NameReference)
        if not sent and is_table:
            return replace(pipe, operators=self.cut(operators))
        # What `top` leaves is in order, and is known to be only where it stands.
        stays = sent - 1 if sent and isinstance(operators[sent - 1], TopOperator) else sent
        return replace(pipe, head=self._part(pipe, head, operators[:sent]), operators=self.cut(operators[stays:]))

    def _part(
        self, node: nodes.Expression, head: nodes.PathExpression, operators: tuple[nodes.QueryOperator, ...]
    ) -> nodes.Expression:
        selector, remote = head.selector, self._remote(head)
        assert remote is not None
        if isinstance(selector, nodes.FunctionCall) and not (self._whole and self._is_plain(selector)):
            why = "with values of this query" if self._whole else "in a query bound in time"
            message = f"`{selector.name}()`, a function of the remote workspace `{remote}`, {why} is not supported"
            raise SourceError(self._source, Diagnostic("HL001", message, selector.span))
        end = operators[-1].span.end if operators else selector.span.end
        text = self._source.text[selector.span.start : end]
        meant = _alone(node, selector, operators)
        if not _reads_as(text, meant):
            if isinstance(selector, nodes.FunctionCall):
                message = f"`{selector.name}()`, a function of a remote workspace, is not supported here"
                raise SourceError(self._source, Diagnostic("HL001", message, selector.span))
            return head
        same = isinstance(selector, nodes.NameReference) and all(
            isinstance(o, FilterOperator | TakeOperator | TopOperator) for o in operators
        )
        table = selector.name if same and isinstance(selector, nodes.NameReference) else None
        named = {n.name for o in operators for n in _within(o) if isinstance(n, nodes.NameReference)}
        text = "".join(f"{self._constants[n]};\n" for n in self._constants if n in self._needed(named)) + text
        # Whoever names the table by itself means the table: a text alone could be its name.
        name = f"{text}\n// {remote}"
        self.parts[name] = Part(remote, text, table, head.span.to(operators[-1].span) if operators else head.span)
        return replace(head, selector=nodes.NameReference(name, span=selector.span))

    def _keep_constant(self, let: nodes.LetStatement) -> None:
        if isinstance(let.value, nodes.FunctionDeclaration) or not all(map(self._is_of_the_row, _within(let.value))):
            return
        # Without rows there are no columns: each name is that of a constant before.
        named = {n.name for n in _within(let.value) if isinstance(n, nodes.NameReference)}
        text = self._source.text[let.span.start : let.span.end].rstrip("; \n\t\r")
        if named <= self._constants.keys() and _statement_reads_as(text, let):
            self._constants[let.name] = text

    def _needed(self, named: set[str]) -> set[str]:
        """The constants among some names, and those that these are made of."""
        needed = named & self._constants.keys()
        for name in reversed(self._constants):
            if name in needed:
                needed |= {t.text for t in tokenize(Source(self._constants[name]))} & self._constants.keys()
        return needed

    def _remote(self, path: nodes.PathExpression) -> str | None:
        if not isinstance(path.selector, nodes.NameReference | nodes.FunctionCall):
            return None
        match path.expression:
            case nodes.FunctionCall(kind, arguments) if kind in _PLACES:
                texts = arguments
            case nodes.PathExpression(
                nodes.FunctionCall(("cluster" | "adx") as kind, first), nodes.FunctionCall("database", more)
            ):
                texts = (*first, *more)
            case _:
                return None
        names = [t.value for t in texts if isinstance(t, nodes.Literal) and isinstance(t.value, str)]
        return self._place(kind, names) if names and len(names) == len(texts) else None

    def _can_go(self, operator: nodes.QueryOperator) -> bool:
        return type(operator) in SENT and all(map(self._is_of_the_row, _within(operator)))

    def _is_plain(self, call: nodes.FunctionCall) -> bool:
        return all(isinstance(a, nodes.Literal) for a in call.arguments)

    def _is_of_the_row(self, node: object) -> bool:
        match node:
            case nodes.NameReference(name):
                return (name not in self._declared or name in self._constants) and not name.startswith("$")
            case nodes.FunctionCall(name, arguments):
                others = (a.name for a in arguments[1:] if isinstance(a, nodes.NameReference))
                if name in _AMONG and any(other not in self._constants for other in others):
                    # It may be a table: here, or one of that name elsewhere.
                    return False
                known = name in LANGUAGE.named or name in _CLOCK
                elsewhere = name in self._declared or name in _OF_THE_PLACE or name.startswith("current_")
                return known and not elsewhere
            case nodes.PipeExpression() | nodes.EntityGroup() | nodes.FunctionDeclaration():
                return False
            case nodes.PathExpression(expression, _):
                # `bag.name` is of the row, `workspace("x").T` is not.
                return not (isinstance(expression, nodes.FunctionCall) and expression.name in _PLACES)
        return True


def _alone(
    node: nodes.Expression, selector: nodes.Expression, operators: tuple[nodes.QueryOperator, ...]
) -> nodes.Expression:
    """What a part means where its place is its own: `selector | operators`."""
    if isinstance(node, nodes.PipeExpression) and operators:
        return replace(node, head=selector, operators=operators)
    return selector


def _reads_as(text: str, meant: nodes.Expression) -> bool:
    return _statement_reads_as(text, nodes.ExpressionStatement(meant, span=meant.span))


def _statement_reads_as(text: str, meant: nodes.Statement) -> bool:
    try:
        return parse(text).statements == (meant,)
    except SourceError:
        return False


def _declared(query: nodes.Query) -> Iterator[str]:
    """Every name that the query gives to something, wherever: those in inner functions too."""
    for node in _within(query):
        match node:
            case nodes.LetStatement(name) | nodes.FunctionParameter(name) | nodes.AliasStatement(name):
                yield name
            case nodes.PatternStatement(name):
                yield name
            case nodes.QueryOperator() if type(node).__name__ in ("AsOperator", "MacroExpandOperator", "ScanOperator"):
                yield from (v for f in fields(node) if isinstance(v := getattr(node, f.name), str))


def _within(node: object) -> Iterator[object]:
    """A node and all below it."""
    if isinstance(node, tuple):
        for one in node:
            yield from _within(one)
    elif is_dataclass(node) and not isinstance(node, type | Span):
        yield node
        for field in fields(node):
            yield from _within(getattr(node, field.name))
