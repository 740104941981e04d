"""Expressions: operators by how tightly they bind, calls, paths, literals, and the columns that a text declares."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from decimal import Decimal
from typing import NoReturn

from huntlake.core.diagnostics import Source, did_you_mean
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.cursor import Cursor
from huntlake.kql.syntax.literals import BOOLEANS, json_value, typed_value
from huntlake.kql.syntax.precedence import LIST_OPERATORS, POWER, SPELLINGS
from huntlake.kql.syntax.tokens import Token, TokenKind
from huntlake.kql.types import ALIASES, NUMBERS, ScalarType

MAX_DEPTH = 400
"""How deep expressions may nest; deeper ones are refused rather than left to exhaust the stack."""


class ExpressionParser(Cursor, ABC):
    """Reads expressions. A pipe may stand in one, between parentheses: what that is, the whole parser knows."""

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        self.depth = 0
        """How deep it nests here."""
        self._in_dynamic = False

    @abstractmethod
    def pipe(self) -> nodes.Expression:
        """A table with operators behind it, or a scalar where no `|` follows."""

    # -- types and columns ----------------------------------------------------

    def column_declaration(self) -> nodes.ColumnDeclaration:
        """`name:type`."""
        if self.current.kind is TokenKind.STRING:
            token = self.advance()
            start = Token(TokenKind.NAME, str(token.value), token.start, token.end)
        else:
            start = self.name()
        self.expect(":")
        return nodes.ColumnDeclaration(start.text, self.type(), span=self.since(start))

    def type(self) -> ScalarType:
        """The name of a scalar type."""
        token = self.current
        if token.kind is not TokenKind.NAME or token.text.lower() not in ALIASES:
            self.fail("SYN0002", f"`{token.text}` is not a type", token.span, help=did_you_mean(token.text, ALIASES))
        self.advance()
        return ALIASES[token.text.lower()]

    def type_of(self) -> nodes.TypeOf:
        """`typeof(long)`."""
        start = self.expect("typeof")
        self.expect("(")
        columns = self.list_of(self._type_or_column)
        self.expect(")")
        return nodes.TypeOf(columns, span=self.since(start))

    def _type_or_column(self) -> nodes.ColumnDeclaration:
        start = self.current
        if self.take("*"):
            return nodes.ColumnDeclaration("*", ScalarType.DYNAMIC, span=start.span)
        if self.ahead().text == ":" or start.text == "[":
            return self.column_declaration()
        return nodes.ColumnDeclaration("", self.type(), span=self.since(start))

    # -- expressions ----------------------------------------------------------

    def named_expression(self) -> nodes.NamedExpression:
        """`name = expression`, `(a, b) = expression` or an expression alone."""
        start = self.current
        if start.kind is TokenKind.NAME and self.ahead().text == "=":
            self.advance()
            self.advance()
            return nodes.NamedExpression((start.text,), self.expression(), span=self.since(start))
        if self.at("[") and self.ahead().kind is TokenKind.STRING and self.ahead(3).text == "=":
            name = self.name()
            self.advance()
            return nodes.NamedExpression((name.text,), self.expression(), span=self.since(start))
        if self.at("(") and (names := self._names_before_equals()):
            return nodes.NamedExpression(names, self.expression(), span=self.since(start))
        return nodes.NamedExpression((), self.expression(), span=self.since(start))

    def _names_before_equals(self) -> tuple[str, ...]:
        kept = self.place
        self.advance()
        names = []
        while self.current.kind is TokenKind.NAME or self.at("["):
            if self.at("[") and self.ahead().kind is not TokenKind.STRING:
                break
            names.append(self.name().text)
            if not self.take(","):
                break
        if names and self.take(")") and self.take("="):
            return tuple(names)
        self.back(kept)
        return ()

    def ordered_expression(self) -> nodes.OrderedExpression:
        """`key [asc | desc] [nulls first | nulls last]`; without a word, the largest first."""
        start = self.current
        expression = self.named_expression()
        ascending = False
        if word := self.take("asc", "desc"):
            ascending = word.text == "asc"
        nulls_first = ascending
        if self.take("nulls"):
            word = self.take("first", "last") or self.unexpected("`first` or `last`")
            nulls_first = word.text == "first"
        inner = expression if expression.names else expression.expression
        return nodes.OrderedExpression(inner, ascending, nulls_first, span=self.since(start))

    def expression(self, power: int = 0) -> nodes.Expression:
        """An expression whose operators all bind tighter than `power`."""
        start = self.current
        self.deeper(start)
        try:
            left = self._unary()
            chained = 0
            while True:
                token = self.current
                if token.kind is TokenKind.STRING:
                    return left
                binds = POWER.get(token.text, 0)
                if binds <= power or (token.text == ":" and not isinstance(left, nodes.NameReference)):
                    return left
                if binds <= 2:
                    left = self._chain(left, token.text, binds, start)
                else:
                    # Each operator of a chain is a level of the tree: `a + b + c` is two deep.
                    chained += 1
                    if chained > MAX_DEPTH:
                        self._too_deep(token)
                    left = self._binary(left, token, binds, start)
        finally:
            self.depth -= 1

    def _chain(self, left: nodes.Expression, word: str, power: int, start: Token) -> nodes.Expression:
        # One node for a whole chain of `or`: five thousand terms are as flat as two.
        terms = [left]
        while self.take(word):
            terms.append(self.expression(power))
        return nodes.FunctionCall(word, tuple(terms), span=self.since(start))

    def _binary(self, left: nodes.Expression, token: Token, power: int, start: Token) -> nodes.Expression:
        word = self.advance().text
        if word == "matches":
            self.expect("regex")
        if word in ("between", "!between"):
            bounds = self._bounds()
            return nodes.FunctionCall(word, (left, *bounds), span=self.since(start))
        if word in LIST_OPERATORS:
            return nodes.FunctionCall(word, (left, *self._operands()), span=self.since(start))
        name = SPELLINGS.get(word, word)
        right = self.expression(power)
        return nodes.FunctionCall(name, (left, right), span=self.since(start))

    def _bounds(self) -> tuple[nodes.Expression, nodes.Expression]:
        self.expect("(")
        low = self.expression()
        self.expect("..")
        high = self.expression()
        self.expect(")")
        return low, high

    def _operands(self) -> tuple[nodes.Expression, ...]:
        if not self.at("("):
            return (self.postfix(),)
        self.advance()
        if self.take(")"):
            return ()
        items = [self._operand()]
        while self.take(","):
            if self.at(")"):
                break
            items.append(self._operand())
        self.expect(")")
        return tuple(items)

    def _operand(self) -> nodes.Expression:
        # Thousands of indicators may stand in a list: what can only be a text is read as one at once.
        if self.current.kind is TokenKind.STRING and self.ahead().text in (",", ")"):
            return self._strings()
        return self.pipe()

    def _unary(self) -> nodes.Expression:
        start = self.current
        if self.at("-", "+") and start.kind is TokenKind.PUNCTUATION:
            self.advance()
            self.deeper(start)
            try:
                operand = self._unary()
            finally:
                self.depth -= 1
            if start.text == "+":
                return operand
            # A datetime and a bool are whole numbers to Python, and have no negative.
            if (
                isinstance(operand, nodes.Literal)
                and operand.type in (*NUMBERS, ScalarType.TIMESPAN)
                and isinstance(operand.value, int | float | Decimal)
            ):
                return replace(operand, value=-operand.value, span=self.since(start))
            return nodes.FunctionCall("-", (operand,), span=self.since(start))
        return self.postfix()

    def postfix(self) -> nodes.Expression:
        """A value with the paths into it: what binds tightest."""
        start = self.current
        left = self.primary()
        depth = 0
        while True:
            depth += 1
            if depth > MAX_DEPTH:
                self._too_deep(start)
            if self.at(".") and self.current.kind is TokenKind.PUNCTUATION:
                self.advance()
                # `a.[0]` says what `a[0]` says.
                if self.at("[") and self.ahead().kind is not TokenKind.STRING:
                    continue
                left = nodes.PathExpression(left, self._selector(), span=self.since(start))
            elif self.at("[") and self.current.kind is TokenKind.PUNCTUATION:
                self.advance()
                selector = self.expression()
                self.expect("]")
                left = nodes.ElementExpression(left, selector, span=self.since(start))
            else:
                return left

    def _selector(self) -> nodes.Expression:
        token = self.current
        if token.text == "[":
            name = self.name()
            return nodes.NameReference(name.text, span=name.span)
        if token.kind is TokenKind.NAME:
            return self._name_or_call()
        if token.kind in (TokenKind.LONG, TokenKind.TIMESPAN):
            self.advance()
            return nodes.NameReference(token.text, span=token.span)
        self.unexpected("a name")

    def primary(self) -> nodes.Expression:
        """A name, a call, a literal, or anything in parentheses."""
        token = self.current
        match token.kind:
            case TokenKind.NAME:
                return self._name_or_call()
            case TokenKind.STRING:
                return self._strings()
            case TokenKind.LONG:
                self.advance()
                # One more than the largest, for the least is written as its negative.
                if isinstance(token.value, int) and token.value > 2**63 and not self._in_dynamic:
                    self.fail("SYN0012", f"`{token.text}` is beyond the range of a long", token.span)
                return nodes.Literal(token.value, ScalarType.LONG, span=token.span)
            case TokenKind.REAL:
                self.advance()
                return nodes.Literal(token.value, ScalarType.REAL, span=token.span)
            case TokenKind.TIMESPAN:
                self.advance()
                return nodes.Literal(token.value, ScalarType.TIMESPAN, span=token.span)
            case TokenKind.TYPED:
                return self._typed()
        if self.take("("):
            inner = self.pipe()
            self.expect(")")
            return inner
        if self.at("[") and self.ahead().kind is TokenKind.STRING:
            name = self.name()
            return nodes.NameReference(name.text, span=name.span)
        if self.take("*"):
            return nodes.Star(span=token.span)
        self.unexpected("an expression")

    def _strings(self) -> nodes.Expression:
        # Strings that follow one another are one string.
        start = self.advance()
        text = str(start.value)
        while self.current.kind is TokenKind.STRING:
            text += str(self.advance().value)
        return nodes.Literal(text, ScalarType.STRING, span=self.since(start))

    def _typed(self) -> nodes.Expression:
        token = self.advance()
        type_ = ALIASES[token.text.lower()]
        value, ok = typed_value(type_, str(token.value))
        if not ok:
            self.fail("SYN0012", f"`{token.value}` is not a {type_}", token.span)
        return nodes.Literal(value, type_, span=token.span)

    def _name_or_call(self) -> nodes.Expression:
        token = self.current
        following = self.ahead()
        if token.text == "typeof" and following.text == "(":
            return self.type_of()
        if token.text == "dynamic" and following.text == "(":
            return self._dynamic()
        if token.text in BOOLEANS and following.text != "(":
            self.advance()
            return nodes.Literal(BOOLEANS[token.text], ScalarType.BOOL, span=token.span)
        if token.text == "entity_group" and following.text == "[":
            return self._entity_group()
        self.advance()
        if following.text != "(" or following.kind is not TokenKind.PUNCTUATION:
            return nodes.NameReference(token.text, span=token.span)
        self.advance()
        arguments: list[nodes.Expression] = []
        if not self.at(")"):
            arguments.append(self._argument())
            while self.take(","):
                arguments.append(self._argument())
        self.expect(")")
        return nodes.FunctionCall(token.text, tuple(arguments), span=self.since(token))

    def _entity_group(self) -> nodes.EntityGroup:
        start = self.advance()
        self.expect("[")
        places = self.list_of(self.postfix)
        self.expect("]")
        return nodes.EntityGroup(places, span=self.since(start))

    def _argument(self) -> nodes.Expression:
        start = self.current
        if start.kind is TokenKind.NAME and self.ahead().text == "=":
            self.advance()
            self.advance()
            return nodes.NamedExpression((start.text,), self.pipe(), span=self.since(start))
        return self.pipe()

    # -- dynamic literals -----------------------------------------------------

    def _dynamic(self) -> nodes.Expression:
        start = self.advance()
        self.expect("(")
        # JSON's numbers have no bounds.
        self._in_dynamic = True
        value = self._json()
        self._in_dynamic = False
        self.expect(")")
        return nodes.Literal(value, ScalarType.DYNAMIC, span=self.since(start))

    def _json(self) -> object:
        """A value of a dynamic literal: JSON, and beyond it any literal of KQL."""
        token = self.current
        self.deeper(token)
        try:
            if self.take("{"):
                bag: dict[str, object] = {}
                while not self.take("}"):
                    key = self.advance()
                    if key.kind not in (TokenKind.STRING, TokenKind.NAME, TokenKind.LONG):
                        self.back(self.place - 1)
                        self.unexpected("a property name")
                    self.expect(":")
                    bag[str(key.value) if key.kind is TokenKind.STRING else key.text] = self._json()
                    if not self.take(",") and not self.at("}"):
                        self.unexpected("`,` or `}`")
                return bag
            if self.take("["):
                items = []
                while not self.take("]"):
                    items.append(self._json())
                    if not self.take(",") and not self.at("]"):
                        self.unexpected("`,` or `]`")
                return items
            if token.text in ("null", "true", "false") and token.kind is TokenKind.NAME:
                self.advance()
                return BOOLEANS.get(token.text)
            literal = self._unary()
            if not isinstance(literal, nodes.Literal):
                self.fail("SYN0002", "only literals may stand in a dynamic literal", literal.span)
            return json_value(literal.value, literal.type)
        finally:
            self.depth -= 1

    # -- depth ----------------------------------------------------------------

    def deeper(self, at: Token) -> None:
        """One level down, before a hostile text exhausts the stack; who asks comes up again by itself."""
        self.depth += 1
        if self.depth > MAX_DEPTH * 2:
            self._too_deep(at)

    def _too_deep(self, at: Token) -> NoReturn:
        self.fail("SYN0009", f"the text nests more than {MAX_DEPTH} levels deep", at.span, help="split it with `let`")
