"""Tokens to syntax tree. Each query operator parses itself; see `huntlake.kql.operators`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import NoReturn, Protocol, TypeVar

from huntlake.core.diagnostics import Diagnostic, Source, SourceError, Span, did_you_mean
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.cursor import Cursor
from huntlake.kql.syntax.literals import json_value, typed_value
from huntlake.kql.syntax.tokens import Token, TokenKind
from huntlake.kql.types import ALIASES, NUMBERS, ScalarType

T = TypeVar("T")

MOST_TOLD = 10
"""As many mistakes are told at once."""

MAX_DEPTH = 400
"""How deep expressions may nest; deeper ones are refused rather than left to exhaust the stack."""

_STRING_OPERATORS = [
    "has",
    "!has",
    "has_cs",
    "!has_cs",
    "hasprefix",
    "!hasprefix",
    "hasprefix_cs",
    "!hasprefix_cs",
    "hassuffix",
    "!hassuffix",
    "hassuffix_cs",
    "!hassuffix_cs",
    "contains",
    "!contains",
    "contains_cs",
    "!contains_cs",
    "startswith",
    "!startswith",
    "startswith_cs",
    "!startswith_cs",
    "endswith",
    "!endswith",
    "endswith_cs",
    "!endswith_cs",
    "like",
    "!like",
    "like_cs",
    "notlike",
    "notlikecs",
    "notcontains",
    "notcontains_cs",
    "containscs",
    "matches",
]
_LIST_OPERATORS = ["in", "!in", "in~", "!in~", "has_any", "!has_any", "has_all", "!has_all"]
_POWER = {
    "or": 1,
    "and": 2,
    **dict.fromkeys(["==", "!=", "<>", "=~", "!~", "between", "!between", *_LIST_OPERATORS], 3),
    **dict.fromkeys(["<", ">", "<=", ">="], 4),
    **dict.fromkeys(["+", "-"], 5),
    **dict.fromkeys(["*", "/", "%"], 6),
    **dict.fromkeys([*_STRING_OPERATORS, ":"], 7),
}
_SPELLINGS = {
    "<>": "!=",
    "matches": "matches regex",
    "notcontains": "!contains",
    "notcontains_cs": "!contains_cs",
    "containscs": "contains_cs",
    ":": "has",
}
_LITERAL_WORDS = {"true": True, "false": False, "True": True, "False": False, "TRUE": True, "FALSE": False}


class OperatorSyntax(Protocol):
    """What the parser asks of a query operator: to read itself, after its keyword."""

    def parse(self, p: Parser) -> nodes.QueryOperator: ...


class Parser(Cursor):
    """Reads one text. `sources` are the operators that can begin a pipe, `operators` those that follow a `|`."""

    def __init__(
        self,
        source: Source,
        operators: Mapping[str, OperatorSyntax],
        sources: Mapping[str, OperatorSyntax],
        refused: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(source)
        self._operators = operators
        self._sources = sources
        self._refused = refused
        self._depth = 0
        self._wrong: list[Diagnostic] = []
        self._passed = 0
        self._in_dynamic = False

    # -- statements -----------------------------------------------------------

    def query(self) -> nodes.Query:
        """The whole text."""
        start = self.current
        statements = self._statements("")
        if self.current.kind is not TokenKind.END:
            self._stray("`;` or `|`")
        self._tell()
        return nodes.Query(statements, span=self.since(start))

    def _stray(self, expected: str) -> None:
        try:
            self.unexpected(expected)
        except SourceError as error:
            self._hear(error)

    def stored_function(self) -> nodes.FunctionDeclaration:
        """The whole text as one function: `(a:long) { … }`, or a body alone."""
        start = self.current
        if self._at_function() or self.at("{"):
            bare = self.at("{")
            declaration = (
                nodes.FunctionDeclaration((), self._body(), span=self.since(start)) if bare else self._function()
            )
            if self.current.kind is not TokenKind.END:
                self._stray("the end of the function")
            self._tell()
            return declaration
        statements = self.query().statements
        last = statements[-1] if statements else None
        if not isinstance(last, nodes.ExpressionStatement):
            self.unexpected("an expression")
        body = nodes.FunctionBody(statements[:-1], last.expression, span=self.since(start))
        return nodes.FunctionDeclaration((), body, span=self.since(start))

    def _statements(self, end: str) -> tuple[nodes.Statement, ...]:
        found: list[nodes.Statement] = []
        while True:
            while self.take(";"):
                pass
            if self.current.kind is TokenKind.END or (end and self.at(end)):
                return tuple(found)
            start = self._at
            try:
                found.append(self._statement())
            except SourceError as error:
                self._go_on(error, start, ";")
            if not self.at(";"):
                return tuple(found)

    def _statement(self) -> nodes.Statement:
        start, following = self.current, self.ahead()
        if start.kind is TokenKind.NAME:
            match start.text:
                case "let" if following.kind is TokenKind.NAME or following.text == "[":
                    return self._let()
                case "set" if following.kind is TokenKind.NAME:
                    return self._set()
                case "declare" if following.text == "query_parameters":
                    self.advance()
                    self.advance()
                    return nodes.QueryParametersStatement(self._parameters(), span=self.since(start))
                case "declare" if following.text == "pattern":
                    return self._pattern()
                case "alias" if following.text == "database":
                    return self._alias()
                case "alias" | "restrict" | "declare" if following.kind is TokenKind.NAME:
                    self.refuse(f"the `{start.text}` statement", start.span)
        return nodes.ExpressionStatement(self.pipe(), span=self.since(start))

    def _let(self) -> nodes.LetStatement:
        start = self.advance()
        name = self.name()
        self.expect("=")
        value: nodes.Expression | nodes.FunctionDeclaration
        value = self._function() if self._at_function() else self.pipe()
        return nodes.LetStatement(name.text, value, span=self.since(start))

    def _set(self) -> nodes.SetStatement:
        start = self.advance()
        name = self.name()
        value: object = True
        literal: nodes.Expression | None = None
        if self.take("="):
            token = self.current
            value = token.text if token.value is None else token.value
            if token.text in _LITERAL_WORDS:
                value = _LITERAL_WORDS[token.text]
            if token.kind is TokenKind.NAME:
                self.advance()
            else:
                literal = self._primary()
        return nodes.SetStatement(name.text.lower(), value, literal, span=self.since(start))

    def _pattern(self) -> nodes.PatternStatement:
        start = self.advance()
        self.advance()
        name = self.name().text
        if not self.take("="):
            return nodes.PatternStatement(name, (), None, (), span=self.since(start))
        self.expect("(")
        parameters = self.list_of(self._text_parameter)
        self.expect(")")
        path = None
        if self.take("["):
            path = self._text_parameter()
            self.expect("]")
        self.expect("{")
        cases: list[nodes.PatternCase] = []
        while not self.take("}"):
            cases.append(self._pattern_case())
        return nodes.PatternStatement(name, parameters, path, tuple(cases), span=self.since(start))

    def _text_parameter(self) -> str:
        declared = self.column_declaration()
        if declared.type is not ScalarType.STRING:
            self.fail("SEM0001", f"a pattern's parameter is a `string`, not a `{declared.type}`", declared.span)
        return declared.name

    def _pattern_case(self) -> nodes.PatternCase:
        start = self.expect("(")
        arguments = self.list_of(self._text)
        self.expect(")")
        path = None
        if self.take("."):
            self.expect("[")
            path = self._text()
            self.expect("]")
        self.expect("=")
        body = self._body()
        self.take(";")
        return nodes.PatternCase(arguments, path, body, span=self.since(start))

    def _text(self) -> str:
        if self.current.kind is not TokenKind.STRING:
            self.unexpected("a string")
        return str(self.advance().value)

    def _alias(self) -> nodes.AliasStatement:
        start = self.advance()
        self.advance()
        name = self.name().text
        self.expect("=")
        return nodes.AliasStatement(name, self.expression(), span=self.since(start))

    def _at_function(self) -> bool:
        if self.at("view") and self.ahead().text == "(":
            return True
        if not self.at("("):
            return False
        one, two, three = self.ahead(1), self.ahead(2), self.ahead(3)
        return (one.text == ")" and two.text == "{") or (
            one.kind is TokenKind.NAME and two.text == ":" and three.text != ":"
        )

    def _function(self) -> nodes.FunctionDeclaration:
        start = self.current
        view = self.take("view") is not None
        parameters = self._parameters()
        return nodes.FunctionDeclaration(parameters, self._body(), view, span=self.since(start))

    def _body(self) -> nodes.FunctionBody:
        return self.body("{", "}")

    def body(self, opening: str, closing: str) -> nodes.FunctionBody:
        """Statements, the last of them an expression, between two marks."""
        start = self.expect(opening)
        statements = self._statements(closing)
        self.expect(closing)
        expression = None
        if statements and isinstance(last := statements[-1], nodes.ExpressionStatement):
            *rest, _ = statements
            statements, expression = tuple(rest), last.expression
        return nodes.FunctionBody(statements, expression, span=self.since(start))

    def _parameters(self) -> tuple[nodes.FunctionParameter, ...]:
        self.expect("(")
        found: tuple[nodes.FunctionParameter, ...] = ()
        if not self.at(")"):
            found = self.list_of(self._parameter)
        self.expect(")")
        return found

    def _parameter(self) -> nodes.FunctionParameter:
        start = self.name()
        self.expect(":")
        if self.take("("):
            columns: tuple[nodes.ColumnDeclaration, ...] = ()
            if not self.take("*"):
                columns = self.list_of(self.column_declaration)
            self.expect(")")
            return nodes.FunctionParameter(start.text, None, columns, span=self.since(start))
        type_ = self.type()
        default = self.expression() if self.take("=") else None
        return nodes.FunctionParameter(start.text, type_, default=default, span=self.since(start))

    # -- tables ---------------------------------------------------------------

    def pipe(self) -> nodes.Expression:
        """A table with operators behind it, or a scalar where no `|` follows."""
        start = self.current
        self._deeper(start)
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
            self._depth -= 1

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
            return _LITERAL_WORDS.get(token.text, token.text)
        if token.kind in (TokenKind.PUNCTUATION, TokenKind.END):
            self.back(self._at - 1)
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
            start = self._at
            try:
                operators.append(self.operator())
            except SourceError as error:
                self._go_on(error, start, "|", ";")
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
        return self._postfix()

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

    def list_of(self, item: Callable[[], T]) -> tuple[T, ...]:
        """Items with commas between them; at least one."""
        items = [item()]
        while self.take(","):
            # Kusto lets a comma stand behind the last item of a list of declarations.
            if self.at(")"):
                break
            items.append(item())
        return tuple(items)

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
        kept = self._at
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
        self._deeper(start)
        try:
            left = self._unary()
            chained = 0
            while True:
                token = self.current
                if token.kind is TokenKind.STRING:
                    return left
                binds = _POWER.get(token.text, 0)
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
            self._depth -= 1

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
        if word in _LIST_OPERATORS:
            return nodes.FunctionCall(word, (left, *self._operands()), span=self.since(start))
        name = _SPELLINGS.get(word, word)
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
            return (self._postfix(),)
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
            self._deeper(start)
            try:
                operand = self._unary()
            finally:
                self._depth -= 1
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
        return self._postfix()

    def _postfix(self) -> nodes.Expression:
        start = self.current
        left = self._primary()
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

    def _primary(self) -> nodes.Expression:
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
        if token.text in _LITERAL_WORDS and following.text != "(":
            self.advance()
            return nodes.Literal(_LITERAL_WORDS[token.text], ScalarType.BOOL, span=token.span)
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
        places = self.list_of(self._postfix)
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
        self._deeper(token)
        try:
            if self.take("{"):
                bag: dict[str, object] = {}
                while not self.take("}"):
                    key = self.advance()
                    if key.kind not in (TokenKind.STRING, TokenKind.NAME, TokenKind.LONG):
                        self.back(self._at - 1)
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
                return _LITERAL_WORDS.get(token.text)
            literal = self._unary()
            if not isinstance(literal, nodes.Literal):
                self.fail("SYN0002", "only literals may stand in a dynamic literal", literal.span)
            return json_value(literal.value, literal.type)
        finally:
            self._depth -= 1

    # -- mistakes -------------------------------------------------------------

    def _hear(self, error: SourceError) -> None:
        """Keep an error for the end. What is said of a place that was passed over is no news."""
        self._wrong += [d for d in error.diagnostics if not self._wrong or d.span.start >= self._passed]

    def _go_on(self, error: SourceError, start: int, *marks: str) -> None:
        """Keep an error for the end, and go on at the next of `marks` outside all brackets opened since `start`."""
        if len(self._wrong) >= MOST_TOLD:
            self._tell()
        self._hear(error)
        depth = 0
        for at in range(start, len(self._tokens)):
            token = self._tokens[at]
            if token.kind is TokenKind.PUNCTUATION:
                if at > start and at >= self._at and depth == 0 and token.text in (*marks, ")", "]", "}"):
                    break
                depth += (token.text in ("(", "[", "{")) - (token.text in (")", "]", "}"))
        self.back(at)
        self._passed = self.current.start

    def _tell(self) -> None:
        if self._wrong:
            raise SourceError(self.source, *self._wrong[:MOST_TOLD])

    # -- depth ----------------------------------------------------------------

    def _deeper(self, at: Token) -> None:
        """One level down, before a hostile text exhausts the stack; who asks comes up again by itself."""
        self._depth += 1
        if self._depth > MAX_DEPTH * 2:
            self._too_deep(at)

    def _too_deep(self, at: Token) -> NoReturn:
        self.fail("SYN0009", f"the text nests more than {MAX_DEPTH} levels deep", at.span, help="split it with `let`")


def _begins(keyword: str, following: Token) -> bool:
    """Whether `keyword` begins a pipe here; `range(1, 3)` is a call, and a table may be named `find`."""
    if keyword in ("range", "evaluate"):
        return following.kind is TokenKind.NAME
    if following.kind is TokenKind.END or following.text in ("|", ";", ")"):
        return keyword == "print" and following.text != "."
    return following.text not in ("=", ".", ",")
