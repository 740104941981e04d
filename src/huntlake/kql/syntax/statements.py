"""Statements, and the functions that a text declares: `let`, `set`, `declare`, `alias`, and expressions."""

from __future__ import annotations

from functools import partial

from huntlake.core.diagnostics import SourceError
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.literals import BOOLEANS
from huntlake.kql.syntax.parser import Parser
from huntlake.kql.syntax.tokens import TokenKind
from huntlake.kql.types import ScalarType


def query(p: Parser) -> nodes.Query:
    """The whole text."""
    start = p.current
    statements = _statements(p, "")
    if p.current.kind is not TokenKind.END:
        _stray(p, "`;` or `|`")
    p.mistakes.tell()
    return nodes.Query(statements, span=p.since(start))


def _stray(p: Parser, expected: str) -> None:
    try:
        p.unexpected(expected)
    except SourceError as error:
        p.mistakes.hear(error)


def stored_function(p: Parser) -> nodes.FunctionDeclaration:
    """The whole text as one function: `(a:long) { … }`, or a body alone."""
    start = p.current
    if _at_function(p) or p.at("{"):
        bare = p.at("{")
        declaration = nodes.FunctionDeclaration((), function_body(p), span=p.since(start)) if bare else _function(p)
        if p.current.kind is not TokenKind.END:
            _stray(p, "the end of the function")
        p.mistakes.tell()
        return declaration
    statements = query(p).statements
    last = statements[-1] if statements else None
    if not isinstance(last, nodes.ExpressionStatement):
        p.unexpected("an expression")
    body = nodes.FunctionBody(statements[:-1], last.expression, span=p.since(start))
    return nodes.FunctionDeclaration((), body, span=p.since(start))


def _statements(p: Parser, end: str) -> tuple[nodes.Statement, ...]:
    found: list[nodes.Statement] = []
    while True:
        while p.take(";"):
            pass
        if p.current.kind is TokenKind.END or (end and p.at(end)):
            return tuple(found)
        start = p.place
        try:
            found.append(_statement(p))
        except SourceError as error:
            p.go_on(error, start, ";")
        if not p.at(";"):
            return tuple(found)


def _statement(p: Parser) -> nodes.Statement:
    start, following = p.current, p.ahead()
    if start.kind is TokenKind.NAME:
        match start.text:
            case "let" if following.kind is TokenKind.NAME or following.text == "[":
                return _let(p)
            case "set" if following.kind is TokenKind.NAME:
                return _set(p)
            case "declare" if following.text == "query_parameters":
                p.advance()
                p.advance()
                return nodes.QueryParametersStatement(_parameters(p), span=p.since(start))
            case "declare" if following.text == "pattern":
                return _pattern(p)
            case "alias" if following.text == "database":
                return _alias(p)
            case "alias" | "restrict" | "declare" if following.kind is TokenKind.NAME:
                p.refuse(f"the `{start.text}` statement", start.span)
    return nodes.ExpressionStatement(p.pipe(), span=p.since(start))


def _let(p: Parser) -> nodes.LetStatement:
    start = p.advance()
    name = p.name()
    p.expect("=")
    value: nodes.Expression | nodes.FunctionDeclaration
    value = _function(p) if _at_function(p) else p.pipe()
    return nodes.LetStatement(name.text, value, span=p.since(start))


def _set(p: Parser) -> nodes.SetStatement:
    start = p.advance()
    name = p.name()
    value: object = True
    literal: nodes.Expression | None = None
    if p.take("="):
        token = p.current
        value = token.text if token.value is None else token.value
        if token.text in BOOLEANS:
            value = BOOLEANS[token.text]
        if token.kind is TokenKind.NAME:
            p.advance()
        else:
            literal = p.primary()
    return nodes.SetStatement(name.text.lower(), value, literal, span=p.since(start))


def _pattern(p: Parser) -> nodes.PatternStatement:
    start = p.advance()
    p.advance()
    name = p.name().text
    if not p.take("="):
        return nodes.PatternStatement(name, (), None, (), span=p.since(start))
    p.expect("(")
    parameters = p.list_of(partial(_text_parameter, p))
    p.expect(")")
    path = None
    if p.take("["):
        path = _text_parameter(p)
        p.expect("]")
    p.expect("{")
    cases: list[nodes.PatternCase] = []
    while not p.take("}"):
        cases.append(_pattern_case(p))
    return nodes.PatternStatement(name, parameters, path, tuple(cases), span=p.since(start))


def _text_parameter(p: Parser) -> str:
    declared = p.column_declaration()
    if declared.type is not ScalarType.STRING:
        p.fail("SEM0001", f"a pattern's parameter is a `string`, not a `{declared.type}`", declared.span)
    return declared.name


def _pattern_case(p: Parser) -> nodes.PatternCase:
    start = p.expect("(")
    arguments = p.list_of(partial(_text, p))
    p.expect(")")
    path = None
    if p.take("."):
        p.expect("[")
        path = _text(p)
        p.expect("]")
    p.expect("=")
    body = function_body(p)
    p.take(";")
    return nodes.PatternCase(arguments, path, body, span=p.since(start))


def _text(p: Parser) -> str:
    if p.current.kind is not TokenKind.STRING:
        p.unexpected("a string")
    return str(p.advance().value)


def _alias(p: Parser) -> nodes.AliasStatement:
    start = p.advance()
    p.advance()
    name = p.name().text
    p.expect("=")
    return nodes.AliasStatement(name, p.expression(), span=p.since(start))


def _at_function(p: Parser) -> bool:
    if p.at("view") and p.ahead().text == "(":
        return True
    if not p.at("("):
        return False
    one, two, three = p.ahead(1), p.ahead(2), p.ahead(3)
    return (one.text == ")" and two.text == "{") or (
        one.kind is TokenKind.NAME and two.text == ":" and three.text != ":"
    )


def _function(p: Parser) -> nodes.FunctionDeclaration:
    start = p.current
    view = p.take("view") is not None
    parameters = _parameters(p)
    return nodes.FunctionDeclaration(parameters, function_body(p), view, span=p.since(start))


def function_body(p: Parser, opening: str = "{", closing: str = "}") -> nodes.FunctionBody:
    """Statements, the last of them an expression, between two marks."""
    start = p.expect(opening)
    statements = _statements(p, closing)
    p.expect(closing)
    expression = None
    if statements and isinstance(last := statements[-1], nodes.ExpressionStatement):
        *rest, _ = statements
        statements, expression = tuple(rest), last.expression
    return nodes.FunctionBody(statements, expression, span=p.since(start))


def _parameters(p: Parser) -> tuple[nodes.FunctionParameter, ...]:
    p.expect("(")
    found: tuple[nodes.FunctionParameter, ...] = ()
    if not p.at(")"):
        found = p.list_of(partial(_parameter, p))
    p.expect(")")
    return found


def _parameter(p: Parser) -> nodes.FunctionParameter:
    start = p.name()
    p.expect(":")
    if p.take("("):
        columns: tuple[nodes.ColumnDeclaration, ...] = ()
        if not p.take("*"):
            columns = p.list_of(p.column_declaration)
        p.expect(")")
        return nodes.FunctionParameter(start.text, None, columns, span=p.since(start))
    type_ = p.type()
    default = p.expression() if p.take("=") else None
    return nodes.FunctionParameter(start.text, type_, default=default, span=p.since(start))
