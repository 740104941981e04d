"""Values from outside as literals of KQL: whatever a report or a log says, it stays one value.

The parameters of a query are kept as literals, `dynamic(["203.0.113.7"])`, by which a person can read them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from huntlake.core.diagnostics import Source, SourceError
from huntlake.core.errors import Invalid
from huntlake.kql.compiler import parse
from huntlake.kql.operators.sources import PrintOperator
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.commands import quoted_name, quoted_text
from huntlake.kql.syntax.lexer import tokenize
from huntlake.kql.syntax.literals import typed_value, whole
from huntlake.kql.syntax.tokens import TokenKind
from huntlake.kql.types import ScalarType

_DEEPEST = 20


def literal(text: str, type: ScalarType) -> str:
    """The literal that means what a text says, as a value of a type; a `dynamic` is given as JSON.

    `Invalid` where it says nothing of that type.
    """
    match type:
        case ScalarType.STRING:
            return text_literal(text)
        case ScalarType.DYNAMIC:
            try:
                value = json.loads(text)
            except (ValueError, RecursionError):
                raise Invalid(f"`{text[:60]}` is not JSON") from None
            return f"dynamic({_inside(value, _DEEPEST)})"
    said = text.strip()
    value, known = typed_value(type, said) if said else (None, False)
    # What the typed forms let through besides, such as spaces inside of a date, is read again as it will be.
    if not known or value is None or any(c in said for c in "()\"'\r\n"):
        raise Invalid(f"`{text[:60]}` is not a {type}")
    made = f"{type}({said})"
    if [t.kind for t in tokenize(Source(made))] != [TokenKind.TYPED, TokenKind.END]:
        raise Invalid(f"`{text[:60]}` is not a {type}")
    return made


def text_literal(text: str) -> str:
    """A string literal that means a text; half of a character, which no bytes are, is the replacement character."""
    return quoted_text(str(whole(text)))


def list_literal(values: Iterable[str]) -> str:
    """A `dynamic` literal that is a list of texts."""
    return f"dynamic([{', '.join(map(text_literal, values))}])"


def as_list(values: Iterable[str]) -> str:
    """Texts as the JSON by which a list of them is given to `literal`."""
    return json.dumps([*values], ensure_ascii=False)


def column(name: str) -> str:
    """A column's or a table's name as a query can hold it."""
    return quoted_name(str(whole(name)))


def given(parameters: Iterable[tuple[str, str]]) -> dict[str, object]:
    """Parameters that are kept as literals, as a query is given them when it runs (`QueryOptions.parameters`)."""
    return {name: _meant(text) for name, text in parameters}


def inlined(query: str, parameters: Iterable[tuple[str, str]]) -> str:
    """The query with a `let` for each of its parameters: for places that give none, such as analytic rules.

    `Invalid` where one has no value, or a value has no parameter; `SourceError` for a query that can't be understood.
    """
    values = dict(parameters)
    made = query
    for statement in reversed(parse(query).statements):
        if isinstance(statement, nodes.QueryParametersStatement):
            lets = []
            for parameter in statement.parameters:
                default = parameter.default
                value = values.pop(parameter.name, None)
                if value is not None:
                    lets.append(f"let {column(parameter.name)} = {_one(value)}")
                elif default is not None:
                    lets.append(f"let {column(parameter.name)} = {query[default.span.start : default.span.end]}")
                else:
                    raise Invalid(f"the parameter `{parameter.name}` has no value")
            made = made[: statement.span.start] + ";\n".join(lets) + made[statement.span.end :]
    if values:
        raise Invalid(f"the query has no parameter `{min(values)}`")
    return made


def _inside(value: Any, levels: int) -> str:
    """JSON as it stands inside `dynamic(…)`."""
    if not levels:
        raise Invalid(f"a value of more than {_DEEPEST} levels is not supported")
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return text_literal(value)
        case int() | float():
            return json.dumps(value)
        case list():
            return f"[{', '.join(_inside(v, levels - 1) for v in value)}]"
        case dict():
            return f"{{{', '.join(f'{text_literal(k)}: {_inside(v, levels - 1)}' for k, v in value.items())}}}"
    raise Invalid("not a value of JSON")


def _meant(text: str) -> object:
    tokens = tokenize(Source(text))
    if len(tokens) == 2 and tokens[0].kind is TokenKind.STRING:
        return tokens[0].value
    if text.strip().startswith("dynamic("):
        return _dynamic(text)
    return text


def _dynamic(text: str) -> object:
    """What a `dynamic` holds: KQL takes quotes for it that JSON doesn't."""
    try:
        match parse(f"print {text}").statements:
            case (
                nodes.ExpressionStatement(
                    nodes.PipeExpression(
                        PrintOperator((nodes.NamedExpression((), nodes.Literal(value, ScalarType.DYNAMIC)),)), ()
                    )
                ),
            ):
                return value
    except SourceError:
        pass
    raise Invalid(f"`{text[:100]}` is no literal of the type dynamic")


def _one(text: str) -> str:
    """The same text, where it is one literal; `Invalid` for anything else."""
    try:
        statements = parse(f"print {text}").statements
    except SourceError:
        statements = ()
    match statements:
        case [
            nodes.ExpressionStatement(
                expression=nodes.PipeExpression(
                    head=PrintOperator(columns=[nodes.NamedExpression(names=(), expression=nodes.Literal())]),
                    operators=(),
                )
            )
        ]:
            return text
    raise Invalid(f"`{text[:60]}` is not a literal")
