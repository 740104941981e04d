"""The texts of a template to expressions, by recursive descent.

`[…]` is an expression, `[[…]` the text `[…]`, and anything else is text. Tokens and tree are those of workflows; what
differs is that names may have a namespace, and that the `?` of a step stands behind its mark: `.?name`, `[?index]`.
"""

from __future__ import annotations

from functools import lru_cache

from huntlake.core.diagnostics import Source
from huntlake.wdl.expressions.descent import Descent
from huntlake.wdl.expressions.lexer import Kind, Token
from huntlake.wdl.expressions.nodes import Call, Expression, Literal

UNREADABLE = "ARM001"
LONGEST = 24_576
"""How many characters an expression may have, as in Azure."""


@lru_cache(maxsize=4096)
def template(text: str) -> str | Expression:
    """What a text of a template says: itself, or an expression. Raises `SourceError` where that can't be read."""
    if not (text.startswith("[") and text.endswith("]")):
        return text
    if text.startswith("[["):
        return text[1:]
    return _Parser(Source(text, "expression"), 1).whole()


class _Parser(Descent):
    code, longest = UNREADABLE, LONGEST

    def whole(self) -> Expression:
        """What stands between the brackets, and nothing behind them."""
        read = self.expression()
        self.expect("]")
        self.end()
        return read

    def step(self, parent: Expression) -> Expression | None:
        if self.taken("."):
            return self.property(parent, self.taken("?"))
        if self.taken("["):
            return self.item(parent, self.taken("?"))
        return None

    def number(self, first: Token) -> Expression:
        if not first.text.lstrip("+-").isdecimal() or len(first.text) > 20:
            self.fail("only whole numbers of 64 bits can stand in an expression", first)
        self.take()
        return Literal(int(first.text), first.span)

    def call(self, first: Token) -> Expression:
        self.take()
        name = first.text
        if self.taken("."):
            name = f"{name}.{self.name('the name of a function was expected behind its namespace').text}"
        if not self.at("("):
            self.fail(f"`{name}` is a function's name, and its `(` is missing", Token(Kind.NAME, name, first.span))
        arguments, end = self.arguments()
        return Call(name, arguments, first.span.to(end))
