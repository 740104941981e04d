"""Pipes: tables, and the operators behind them. Each query operator reads itself; see `huntlake.kql.operators`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from huntlake.core.diagnostics import Source, SourceError, Span, did_you_mean
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.expressions import ExpressionParser
from huntlake.kql.syntax.literals import BOOLEANS
from huntlake.kql.syntax.mistakes import Mistakes
from huntlake.kql.syntax.tokens import Token, TokenKind


class OperatorSyntax(Protocol):
    """What the parser asks of a query operator: to read itself, after its keyword."""

    def parse(self, p: Parser) -> nodes.QueryOperator: ...


class Parser(ExpressionParser):
    """Reads one text. `sources` are the operators that can begin a pipe, `operators` those that follow a `|`."""

    def __init__(
        self,
        source: Source,
        operators: Mapping[str, OperatorSyntax],
        sources: Mapping[str, OperatorSyntax],
        refused: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(source)
        self.mistakes = Mistakes(source)
        self._operators = operators
        self._sources = sources
        self._refused = refused

    # -- tables ---------------------------------------------------------------

    def pipe(self) -> nodes.Expression:
        """A table with operators behind it, or a scalar where no `|` follows."""
        start = self.current
        self.deeper(start)
        try:
            head: nodes.Expression | nodes.QueryOperator | None = self._head()
            if head is None:
                head = self.expression()
                if not self.at("|"):
                    return head
            operators = self._piped() if self.take("|") else ()
            if isinstance(head, nodes.PipeExpression) and not operators:
                return head
            return nodes.PipeExpression(head, operators, span=self.since(start))
        finally:
            self.depth -= 1

    def _head(self) -> nodes.QueryOperator | None:
        """An operator that begins a pipe: `print …`, `range …`, `datatable (…) […]`, `union …`."""
        token = self.current
        if token.kind is not TokenKind.NAME:
            return None
        if (hyphenated := self._hyphenated()) is not None:
            for _ in range(3):
                self.advance()
            return hyphenated.parse(self)
        keyword = token.text
        following = self.ahead()
        if keyword in self._refused and following.kind is TokenKind.NAME:
            self.refuse(f"the `{keyword}` operator", token.span)
        syntax = self._sources.get(keyword)
        if syntax is None or not _begins(keyword, following):
            return None
        self.advance()
        return syntax.parse(self)

    def _hyphenated(self) -> OperatorSyntax | None:
        """An operator of two words that begins a pipe here, `macro-expand`."""
        first, hyphen, second = self.current, self.ahead(), self.ahead(2)
        if hyphen.text != "-" or hyphen.start != first.end or second.start != hyphen.end:
            return None
        return self._sources.get(f"{first.text}-{second.text}")

    def operator(self) -> nodes.QueryOperator:
        """The operator behind a `|`, its keyword included."""
        if self.current.kind is not TokenKind.NAME:
            self.unexpected("a query operator")
        keyword, span = self._keyword()
        syntax = self._operators.get(keyword)
        if syntax is None:
            if keyword in self._refused:
                self.refuse(f"the `{keyword}` operator", span)
            self.fail(
                "SYN0002", f"`{keyword}` is not a query operator", span, help=did_you_mean(keyword, self._operators)
            )
        return syntax.parse(self)

    def _keyword(self) -> tuple[str, Span]:
        """`mv-expand`, `project-away`: the hyphen belongs to the name only here, and only with no blank around it."""
        start = self.advance()
        text = start.text
        while self.at("-") and self.current.start == self.previous.end and self.ahead().start == self.current.end:
            if self.ahead().kind is not TokenKind.NAME:
                break
            self.advance()
            text += "-" + self.advance().text
        return text, self.since(start)

    def parameters(self, *known: str) -> dict[str, tuple[object, Token]]:
        """`kind=inner hint.strategy=shuffle`: the operator's parameters, by lower-case name; every hint is taken."""
        found: dict[str, tuple[object, Token]] = {}
        while self.current.kind is TokenKind.NAME:
            start = self.current
            if start.text == "hint" and self.ahead().text == ".":
                self.advance()
                self.advance()
                name = "hint." + self.name().text
                self.expect("=")
            elif start.text.lower() in known and self.ahead().text == "=":
                name = self.advance().text.lower()
                self.advance()
            else:
                break
            token = self.current
            found[name] = self._parameter_value(), token
            if start.text == "hint" and self.at(",") and self.ahead().text == "hint":
                self.advance()
        return found

    def _parameter_value(self) -> object:
        token = self.advance()
        if token.kind is TokenKind.NAME:
            return BOOLEANS.get(token.text, token.text)
        if token.kind in (TokenKind.PUNCTUATION, TokenKind.END):
            self.back(self.place - 1)
            self.unexpected("a value")
        return token.value

    def parenthesized_pipe(self) -> nodes.Expression:
        """`( table | operators )`."""
        self.expect("(")
        table = self.pipe()
        self.expect(")")
        return table

    def subpipe(self) -> tuple[nodes.QueryOperator, ...]:
        """`( operator | operator )`: what `mv-apply … on` and `partition … ` hold."""
        self.expect("(")
        self.take("|")
        operators = self._piped()
        self.expect(")")
        return operators

    def _piped(self) -> tuple[nodes.QueryOperator, ...]:
        """`operator | operator`. One that can't be understood is kept in mind, and those behind it are read."""
        operators = []
        while True:
            start = self.place
            try:
                operators.append(self.operator())
            except SourceError as error:
                self.go_on(error, start, "|", ";")
            if not self.take("|"):
                return tuple(operators)

    def table_reference(self) -> nodes.Expression:
        """A table where `join` or `union` asks for one: a name, a call or a parenthesized pipe."""
        if self.at("("):
            return self.parenthesized_pipe()
        start = self.current
        if start.kind is TokenKind.NAME and (self.ahead().text == "*" and self.ahead().start == start.end):
            return self.wildcarded_name()
        if self.at("*"):
            return self.wildcarded_name()
        return self.postfix()

    def wildcarded_name(self) -> nodes.Expression:
        """A name in which `*` stands for anything: pieces that touch each other."""
        start = self.current
        if start.text == "[":
            token = self.name()
            if "*" in token.text:
                return nodes.WildcardedName(token.text, span=token.span)
            return nodes.NameReference(token.text, span=token.span)
        text, end = "", start.start
        while (self.current.kind in (TokenKind.NAME, TokenKind.LONG) or self.at("*")) and self.current.start == end:
            text += self.current.text
            end = self.advance().end
        if not text:
            self.unexpected("a name")
        if text == "*":
            return nodes.Star(span=self.since(start))
        if "*" in text:
            return nodes.WildcardedName(text, span=self.since(start))
        return nodes.NameReference(text, span=self.since(start))

    # -- mistakes -------------------------------------------------------------

    def go_on(self, error: SourceError, start: int, *marks: str) -> None:
        """Keep an error for the end, and go on at the next of `marks` outside all brackets opened since `start`."""
        if self.mistakes.enough:
            self.mistakes.tell()
        self.mistakes.hear(error)
        self.skip(start, *marks)
        self.mistakes.pass_over(self.current.start)


def _begins(keyword: str, following: Token) -> bool:
    """Whether `keyword` begins a pipe here; `range(1, 3)` is a call, and a table may be named `find`."""
    if keyword in ("range", "evaluate"):
        return following.kind is TokenKind.NAME
    if following.kind is TokenKind.END or following.text in ("|", ";", ")"):
        return keyword == "print" and following.text != "."
    return following.text not in ("=", ".", ",")
