"""`search [kind=…] [in (T, U*)] "term"` and `T | search "term"`"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from huntlake.core.diagnostics import Span
from huntlake.kql import plan
from huntlake.kql.binding import Binder, Operator, SourceOperator
from huntlake.kql.operators.union import united
from huntlake.kql.plan.graph import is_empty
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.parser import Parser
from huntlake.kql.types import ScalarType

MAX_COLUMNS = 40_000
"""How many columns one search may ask: more of them are more SQL than an engine reads in good time."""


POSITIVE = {
    "==",
    "=~",
    "<",
    "<=",
    ">",
    ">=",
    "between",
    "contains",
    "contains_cs",
    "endswith",
    "endswith_cs",
    "has",
    "has_all",
    "has_any",
    "has_cs",
    "hasprefix",
    "hasprefix_cs",
    "hassuffix",
    "hassuffix_cs",
    "in",
    "in~",
    "matches regex",
    "startswith",
    "startswith_cs",
}
"""Comparisons that hold for no null, nor for an empty text where they are given one that isn't."""

_READERS = {"tolower", "tostring", "toupper"}
"""Functions that give no text where they are given none."""
_KINDS = ("default", "case_insensitive", "case_sensitive")
_SENSITIVE = {"=~": "==", "!~": "!=", "in~": "in", "!in~": "!in"}
_REGEX = "matches regex"


@dataclass(frozen=True)
class SearchOperator(Operator, SourceOperator):
    """The rows in which any column has the term; with `$table`, the name of the row's table."""

    case_sensitive: bool
    tables: tuple[nodes.Expression, ...]
    predicate: nodes.Expression

    @classmethod
    def parse(cls, p: Parser) -> SearchOperator:
        start = p.previous
        kind, at = p.parameters("kind").get("kind", ("default", start))
        if kind not in _KINDS:
            p.fail("SEM0001", f"`{kind}` is no kind of search", at.span, help=", ".join(_KINDS))
        tables: tuple[nodes.Expression, ...] = ()
        if p.at("in") and p.ahead().text == "(":
            p.advance()
            p.advance()
            tables = p.list_of(p.table_reference)
            p.expect(")")
        return cls(kind == "case_sensitive", tables, p.expression(), span=p.since(start))

    def bind(self, input: plan.Relation, b: Binder) -> plan.Relation:
        return self._search([(_table_name(input), input)], b)

    def bind_source(self, b: Binder) -> plan.Relation:
        found: list[tuple[str, plan.Relation]] = []
        for node in self.tables or (nodes.Star(span=self.span),):
            match node:
                case nodes.Star():
                    found += b.tables_like("*")
                case nodes.WildcardedName(pattern):
                    found += b.tables_like(pattern)
                case nodes.NameReference(name):
                    found.append((name, b.table(node)))
                case _:
                    found.append(("", b.table(node)))
        if not found:
            b.fail("SEM0100", "no table's name fits", self.span)
        return self._search(found, b)

    def _search(self, tables: list[tuple[str, plan.Relation]], b: Binder) -> plan.Relation:
        read = [t for _, t in tables if not is_empty(t)]
        columns = sum(len(t.columns) for t in read)
        if columns > MAX_COLUMNS:
            what = f"a search in {columns:,} columns of {len(read):,} tables"
            b.refuse(what, self.span, help="name the tables: `search in (SigninLogs, Device*) …`")
        known = {c.name for _, t in tables for c in t.columns}
        filtered = [
            (name, t if is_empty(t) else plan.Filter(t, self._condition(self.predicate, t, known, b)))
            for name, t in tables
        ]
        return united(filtered, source="$table")

    def _condition(self, node: nodes.Expression, table: plan.Relation, known: set[str], b: Binder) -> plan.Scalar:
        # A term alone asks every column; a comparison asks its own, and is false where a table hasn't it.
        match node:
            case nodes.FunctionCall("and" | "or" as word, terms):
                return b.call(word, [self._condition(t, table, known, b) for t in terms], node.span)
            case nodes.FunctionCall("not", (inner,)):
                return b.call("not", (self._condition(inner, table, known, b),), node.span)
            case nodes.Star():
                return plan.Literal(True, ScalarType.BOOL)
            case nodes.Literal(str(term), ScalarType.STRING):
                return anywhere(term, node.span, table, b, case_sensitive=self.case_sensitive)
            case nodes.FunctionCall(_, (nodes.NameReference(column), *_)) if column not in b.columns_of(table):
                return plan.Literal(False, ScalarType.BOOL)
            case nodes.FunctionCall(word, (first, *others)) if (
                word in POSITIVE
                and (column := _read(first)) in known
                and column not in b.columns_of(table)
                and all(filled(o, b) for o in others)
            ):
                return plan.Literal(False, ScalarType.BOOL)
            case nodes.FunctionCall("has", (nodes.NameReference() as name, nodes.Literal(str(term)))) if "*" in term:
                asked, needle = _operator(term, case_sensitive=self.case_sensitive)
                node = nodes.FunctionCall(asked, (name, _text(needle, node.span)), span=node.span)
        if self.case_sensitive and isinstance(node, nodes.FunctionCall):
            strict = _SENSITIVE.get(node.name, f"{node.name}_cs")
            if strict in b.language.functions:
                node = nodes.FunctionCall(strict, node.arguments, span=node.span)
        return b.predicate(node, table)


def anywhere(term: str, span: Span, table: plan.Relation, b: Binder, *, case_sensitive: bool = False) -> plan.Scalar:
    """Whether any column of a row has the term."""
    if term in ("", "*"):
        return plan.Literal(True, ScalarType.BOOL)
    word, needle = _operator(term, case_sensitive=case_sensitive)
    columns = b.columns_of(table).values()
    if word == _REGEX:
        texts = [c for c in columns if c.type in (ScalarType.STRING, ScalarType.DYNAMIC)]
        tests = [nodes.FunctionCall(word, (_name(c, span), _text(needle, span)), span=span) for c in texts]
        if not tests:
            return plan.Literal(False, ScalarType.BOOL)
        return b.predicate(tests[0] if len(tests) == 1 else nodes.FunctionCall("or", tuple(tests), span=span), table)
    if case_sensitive:
        word += "_cs"
    literal = plan.Literal(needle, ScalarType.STRING)
    return b.call(f"* {word}", (literal, *(c for c in columns if _may_hold(c.type, needle))), span)


_SHAPES = {
    ScalarType.INT: r"-?\d*",
    ScalarType.LONG: r"-?\d*",
    ScalarType.REAL: r"[-+]?\d*\.?\d*(e[-+]?\d*)?|-?[aefinty]*|∞",
    ScalarType.DECIMAL: r"[-+]?\d*\.?\d*(e[-+]?\d*)?",
    ScalarType.DATETIME: r"\d{0,4}-?\d{0,2}-?\d{0,2}t?\d{0,2}:?\d{0,2}:?\d{0,2}\.?\d{0,7}z?",
    ScalarType.TIMESPAN: r"-?\d*\.?\d{0,2}:?\d{0,2}:?\d{0,2}\.?\d{0,7}",
    ScalarType.GUID: r"[0-9a-f]*-?[0-9a-f]*-?[0-9a-f]*-?[0-9a-f]*-?[0-9a-f]*",
    ScalarType.BOOL: "",
}
"""What any part of a type's text looks like, in lower case; of the others, anything."""
_LONGEST = 64
"""No text of those types is longer; the patterns would take long to say so."""


def _read(node: nodes.Expression) -> str:
    """The column that an expression reads and gives nothing without, `tostring(a.b)`; `` where there is none."""
    match node:
        case nodes.NameReference(name):
            return name
        case nodes.PathExpression(inner, _) | nodes.ElementExpression(inner, _):
            return _read(inner)
        case nodes.FunctionCall(word, (inner,)) if word in _READERS:
            return _read(inner)
    return ""


def filled(node: nodes.Expression, b: Binder) -> bool:
    """Whether it is certain that this is neither null nor empty."""
    if isinstance(node, nodes.NameReference):
        value = b.meaning(node.name, node.span)
        return isinstance(value, plan.Literal) and value.value not in ("", None)
    return isinstance(node, nodes.Literal) and node.value not in ("", None)


def names_in(node: nodes.Expression) -> Iterator[nodes.NameReference]:
    """The names of a predicate that may be columns."""
    match node:
        case nodes.NameReference():
            yield node
        case nodes.FunctionCall(_, arguments):
            for argument in arguments:
                yield from names_in(argument)
        case nodes.PathExpression(inner, _):
            yield from names_in(inner)
        case nodes.ElementExpression(inner, selector):
            yield from names_in(inner)
            yield from names_in(selector)
        case nodes.NamedExpression(_, inner):
            yield from names_in(inner)


@lru_cache(maxsize=256)
def _may_hold(type_: ScalarType, needle: str) -> bool:
    """Whether a value's text can have the needle: writing out every time to look for a word in it costs dearly."""
    shape = _SHAPES.get(type_)
    return shape is None or (len(needle) <= _LONGEST and re.fullmatch(shape, needle.lower()) is not None)


def _operator(term: str, *, case_sensitive: bool) -> tuple[str, str]:
    """What a term with `*` asks for, and of what."""
    bare = term.strip("*")
    first, last = term.startswith("*"), term.endswith("*")
    if "*" in bare:
        inside = ".*".join(re.escape(p) for p in bare.split("*"))
        text = ("" if first else r"\b") + inside + ("" if last else r"\b")
        return _REGEX, text if case_sensitive else f"(?i){text}"
    match first, last:
        case True, True:
            return "contains", bare
        case True, False:
            return "hassuffix", bare
        case False, True:
            return "hasprefix", bare
    return "has", term


def _name(column: plan.ColumnRef, span: Span) -> nodes.Expression:
    name = nodes.NameReference(column.name, span=span)
    return nodes.FunctionCall("tostring", (name,), span=span) if column.type is ScalarType.DYNAMIC else name


def _text(value: str, span: Span) -> nodes.Expression:
    return nodes.Literal(value, ScalarType.STRING, span=span)


def _table_name(relation: plan.Relation) -> str:
    while not isinstance(relation, plan.Scan):
        inner = getattr(relation, "input", None)
        if inner is None:
            return ""
        relation = inner
    return relation.table
