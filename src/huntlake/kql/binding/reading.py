"""Which names a text reads: a table that takes any column has those."""

from __future__ import annotations

from collections.abc import Sequence

from huntlake.core.diagnostics import Source
from huntlake.kql.syntax.lexer import tokenize
from huntlake.kql.syntax.tokens import Token, TokenKind


def names_read(source: Source) -> tuple[str, ...]:
    """The names that a text reads before, or in, the expression that first gives them a value."""
    tokens = tokenize(source)
    read: dict[str, int] = {}
    given: dict[str, int] = {}
    for index, token in enumerate(tokens[:-1]):
        if token.kind is not TokenKind.NAME:
            continue
        if tokens[index + 1].text == "=":
            given.setdefault(token.text, _end_of_expression(tokens, index))
        elif tokens[index + 1].text != "(" and (index == 0 or tokens[index - 1].text != "."):
            read.setdefault(token.text, index)
    return tuple(name for name, at in read.items() if at < given.get(name, len(tokens)))


def _end_of_expression(tokens: Sequence[Token], start: int) -> int:
    depth = 0
    for index in range(start + 1, len(tokens)):
        text = tokens[index].text
        depth += (text in ("(", "[", "{")) - (text in (")", "]", "}"))
        if depth < 0 or (depth == 0 and text in (",", "|", ";")):
            return index
    return len(tokens)
