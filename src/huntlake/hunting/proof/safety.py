"""Whether a query only reads, and only what hunts may read: told by its syntax tree and the functions that it calls.

Nothing is run for it. Functions that the workspace keeps are looked through, however deep they call one another.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Protocol, get_args

from huntlake.core.diagnostics import Source, SourceError, Span
from huntlake.core.errors import DomainError
from huntlake.hunting.proof import rules
from huntlake.hunting.proof.allowed import (
    FORMS,
    LEAST_OF_PATTERN,
    LONGEST,
    MOST_MADE,
    NOT_REPEATABLE,
    OPERATORS,
    OPTIONS,
    OUTSIDE,
    PLACES,
    PLUGINS,
    STATEMENTS,
    TABLE_CALLS,
    Reach,
)
from huntlake.hunting.proof.finding import ProofFinding
from huntlake.hunting.proof.made import number, steps
from huntlake.kql.binding.scalars import SCOPED
from huntlake.kql.compiler import LANGUAGE, parse_function
from huntlake.kql.operators.evaluate import EvaluateOperator
from huntlake.kql.operators.find import FindOperator
from huntlake.kql.operators.macro_expand import MacroExpandOperator
from huntlake.kql.operators.make_series import MakeSeriesOperator
from huntlake.kql.operators.search import SearchOperator
from huntlake.kql.operators.small import AsOperator
from huntlake.kql.operators.sources import ExternalDataOperator, RangeOperator
from huntlake.kql.operators.union import UnionOperator
from huntlake.kql.syntax import nodes
from huntlake.kql.syntax.lexer import tokenize
from huntlake.kql.syntax.walking import walked
from huntlake.workspace.workspaces import Workspace

_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_WIDTHLESS = frozenset("\u00ad\u180e\u200b\u200c\u200d\u2060\ufeff")
_NAME = re.compile(r"[^\W\d]\w{0,1023}")
_BLANKS = frozenset("\t\n\r\f\v\x85\u2028\u2029")


class Functions(Protocol):
    """What a workspace knows by name beside tables; `workspace` None is the query's own."""

    def function(self, name: str, workspace: str | None = None) -> str | None: ...
    def table_call(self, name: str, workspace: str | None = None) -> object | None: ...


@dataclass(frozen=True, slots=True)
class _Call:
    """The name of something that the language doesn't have, and the place whose it is, if one is named."""

    name: str
    span: Span
    place: str | None
    is_call: bool


@dataclass(frozen=True, slots=True)
class _Facts:
    """What a text uses: what is wrong with it wherever it stands, and what only a workspace can judge."""

    findings: tuple[ProofFinding, ...]
    places: tuple[tuple[str, tuple[str, ...] | None, Span], ...]
    """Kinds and names of places; None where a name isn't written there."""
    addresses: tuple[tuple[str | None, Span], ...]
    calls: tuple[_Call, ...]
    declared: frozenset[str]


def of_text(text: str) -> Iterator[ProofFinding]:
    """What is wrong with a text before anyone reads it as KQL."""
    if not text.strip():
        yield rules.NO_QUERY.found("there is no query")
    if len(text) > LONGEST:
        yield rules.NO_QUERY.found(f"the query has {len(text):,} characters, and a hunt's at most {LONGEST:,}")
    hidden, widthless = [], []
    for at, sign in enumerate(text):
        if sign.isascii() and (sign.isprintable() or sign in _BLANKS):
            continue
        if sign in _WIDTHLESS:
            widthless.append((at, sign))
        elif sign in _DIRECTIONS or (unicodedata.category(sign) in ("Cc", "Cf", "Cs") and sign not in _BLANKS):
            hidden.append((at, sign))
    for rule, found, told in (
        (rules.HIDDEN_TEXT, hidden, "the text holds a character that hides what it says"),
        (rules.INVISIBLE, widthless, "the text holds a character that nobody sees"),
    ):
        if found:
            at, sign = found[0]
            yield rule.found(f"{told}: U+{ord(sign):04X}, {len(found)} in all", Span(at, at + 1))
    if (dot := _command(text)) is not None:
        yield rules.COMMAND.found("a statement that begins with a dot is a management command", Span(dot, dot + 1))


def of_query(query: nodes.Query, functions: Functions, reach: Reach, workspace: Workspace) -> tuple[ProofFinding, ...]:
    """What a query uses that no hunt may use."""
    judge = _Judge(functions, reach, workspace)
    judge.judge(_facts(query), None, None, "")
    return tuple(dict.fromkeys(judge.found))


def places_of(query: nodes.Query) -> tuple[Span, ...]:
    """Where a query itself names places outside of its workspace."""
    return tuple(span for _, _, span in _facts(query).places)


def reached(query: nodes.Query, functions: Functions) -> tuple[frozenset[str], dict[str, str]]:
    """Every name of a query and of the functions that it calls, however deep; and the texts of those functions."""
    found: set[str] = set()
    texts: dict[str, str] = {}
    seen: set[str] = set()
    open_: list[object] = [query]
    while open_:
        for node in walked(open_.pop()):
            name = node.name if isinstance(node, nodes.NameReference | nodes.FunctionCall) else None
            if isinstance(node, nodes.NameReference):
                found.add(node.name)
            if isinstance(node, nodes.Literal) and isinstance(node.value, str) and _NAME.fullmatch(node.value):
                # What `table("…")` names may be a function.
                name = node.value
            if name is None or name in seen or name in LANGUAGE.named:
                continue
            seen.add(name)
            if (text := functions.function(name)) is not None:
                texts[name] = text
                if (tree := _function(text)) is not None:
                    open_.append(tree)
    return frozenset(found), texts


class _Judge:
    """Holds what texts use against what is allowed."""

    def __init__(self, functions: Functions, reach: Reach, workspace: Workspace) -> None:
        self.found: list[ProofFinding] = []
        self._functions, self._reach = functions, reach
        self._own = {n.lower() for n in (workspace.name, workspace.id, workspace.database)}
        self._seen: set[tuple[str | None, str]] = set()

    def judge(self, facts: _Facts, at: Span | None, home: str | None, caller: str) -> None:
        """Find what is wrong with a text; `at` is the call in the query by which the text of `caller` is reached."""
        where = f", in `{caller}()`" if caller else ""
        for finding in facts.findings:
            # The place of a finding in another text is none in this one.
            self.found.append(replace(finding, span=at, reason=finding.reason + where) if at else finding)
        for kind, names, span in facts.places:
            if names is None:
                reason = f"which place `{kind}()` means isn't written there"
            elif self._is_own(kind, names) or self._reach.has_place(kind, names):
                continue
            else:
                reason = f'`{kind}("{"/".join(names)[:100]}")` is a place that hunts may not reach'
            self.found.append(rules.OTHER_PLACE.found(reason + where, at or span))
        for address, span in facts.addresses:
            if address is None or not self._reach.has_address(address):
                told = "an address that isn't written there" if address is None else f"`{address[:100]}`"
                self.found.append(
                    rules.OUTSIDE_DATA.found(f"data from {told} are none of the lake's{where}", at or span)
                )
        for call in facts.calls:
            self._judge_call(call, facts, at or call.span, call.place or home, where)

    def _judge_call(self, call: _Call, facts: _Facts, at: Span, home: str | None, where: str) -> None:
        if (home, call.name) in self._seen:
            return
        text = self._functions.function(call.name, home)
        if text is None:
            known = call.name in facts.declared or self._functions.table_call(call.name, home) is not None
            if call.is_call and not known:
                self.found.append(rules.FUNCTION.found(f"no function is named `{call.name[:100]}`{where}", at))
            return
        self._seen.add((home, call.name))
        inner = _function_facts(text)
        if inner is None:
            self.found.append(rules.FUNCTION.found(f"the text of `{call.name}()` can't be understood{where}", at))
            return
        self.judge(inner, at, home, call.name)

    def _is_own(self, kind: str, names: tuple[str, ...]) -> bool:
        return kind in ("workspace", "database") and len(names) == 1 and names[0].strip().lower() in self._own


def _function(text: str) -> nodes.FunctionDeclaration | None:
    try:
        return parse_function(text)
    except (SourceError, DomainError, RecursionError):
        return None


def _facts(tree: nodes.Query | nodes.FunctionDeclaration) -> _Facts:
    return _Reader(tree).facts()


# Many queries call the same parsers.
@lru_cache(maxsize=1024)
def _function_facts(text: str) -> _Facts | None:
    tree = _function(text)
    return None if tree is None else _facts(tree)


class _Reader:
    """Reads the facts off one tree."""

    def __init__(self, tree: nodes.Query | nodes.FunctionDeclaration) -> None:
        self._every = tuple(walked(tree))
        lets = [n for n in self._every if isinstance(n, nodes.LetStatement)]
        given = Counter(n.name for n in self._every if isinstance(n, _NAMING))
        given.update(name for n in self._every if isinstance(n, nodes.PatternStatement) for name in n.parameters)
        # A name that means several things means, for all that is known here, anything.
        self._sole = {name for name, count in given.items() if count == 1}
        self._declared = frozenset(given)
        self._named = {n.name: n.value for n in lets if n.name in self._sole}
        self._found: list[ProofFinding] = []
        self._places: list[tuple[str, tuple[str, ...] | None, Span]] = []
        self._addresses: list[tuple[str | None, Span]] = []
        self._calls: list[_Call] = []
        self._read_already: set[int] = set()
        self._of_entities: list[nodes.NameReference | nodes.FunctionCall] = []
        # Only what stands behind a `|` searches the rows before it: all else begins with every table.
        self._piped = {
            id(one)
            for node in self._every
            for field in fields(node)
            if isinstance(listed := getattr(node, field.name), tuple)
            for one in listed
            if isinstance(one, nodes.QueryOperator)
        }

    def facts(self) -> _Facts:
        """All of them."""
        for node in self._every:
            self._read(node)
        for place in {name for _, names, _ in self._places for name in names or ()}:
            self._calls += [_Call(n.name, n.span, place, False) for n in self._of_entities]
        return _Facts(
            tuple(self._found), tuple(self._places), tuple(self._addresses), tuple(self._calls), self._declared
        )

    def _read(self, node: nodes.Node) -> None:
        if id(node) in self._read_already:
            return
        match node:
            case nodes.SetStatement(name):
                if name.lower() not in OPTIONS:
                    self._tell(rules.OPTION, f"`set {name[:60]}` is not for hunts to say", node)
            case nodes.QueryOperator():
                self._operator(node)
            case nodes.PathExpression():
                self._path(node)
            case nodes.FunctionCall():
                self._call(node)
            case nodes.NameReference(name):
                # Also one that `let` gives a meaning: elsewhere in the text it may be a function's.
                self._calls.append(_Call(name, node.span, None, False))
            case _ if isinstance(node, _EVERY_STATEMENT) and not isinstance(node, STATEMENTS):
                self._tell(rules.STATEMENT, "this statement is not for hunts", node)

    def _operator(self, node: nodes.QueryOperator) -> None:
        if type(node) in OUTSIDE and isinstance(node, ExternalDataOperator):
            for uri in node.uris or (None,):
                self._addresses.append((self._text(uri), uri.span if uri is not None else node.span))
            return
        if type(node) not in OPERATORS:
            self._tell(rules.OPERATOR, "this operator is not for hunts", node)
            return
        match node:
            case EvaluateOperator():
                # What it calls is a plugin, and no function of that name.
                self._read_already.add(id(node.call))
                if node.call.name not in PLUGINS:
                    self._tell(rules.PLUGIN, f"the plugin `{node.call.name[:60]}` is not for hunts", node.call)
            case SearchOperator():
                if id(node) not in self._piped and self._is_all(node.tables):
                    self._tell(rules.SEARCH_ALL, "this searches every table", node)
            case FindOperator():
                if self._is_all(node.tables):
                    self._tell(rules.FIND_ALL, "this looks into every table", node)
            case UnionOperator():
                if node.tables and self._is_all(node.tables):
                    self._tell(rules.UNION_ALL, "this reads every table", node)
            case MakeSeriesOperator(start=nodes.Expression() as start, stop=nodes.Expression() as stop):
                self._made(steps(start, stop, node.step, self._named), node, "steps", is_known=False)
            case RangeOperator():
                self._made(steps(node.start, node.stop, node.step, self._named), node, "rows")

    def _is_all(self, tables: tuple[nodes.Expression, ...]) -> bool:
        if not tables:
            return True
        for table in tables:
            # Also behind a place: `database("x").*`.
            for node in walked(table):
                if isinstance(node, nodes.Star):
                    return True
                if isinstance(node, nodes.WildcardedName) and len(node.pattern.replace("*", "")) < LEAST_OF_PATTERN:
                    return True
                if isinstance(node, nodes.PipeExpression):
                    # What a subquery says of its columns is no choice of tables.
                    break
        return False

    def _path(self, node: nodes.PathExpression) -> None:
        base, selector = node.expression, node.selector
        place: str | None = None
        match base:
            case nodes.FunctionCall(kind, arguments) if kind in PLACES:
                if (
                    kind in ("cluster", "adx")
                    and isinstance(selector, nodes.FunctionCall)
                    and (selector.name == "database")
                ):
                    self._place(kind, (*arguments, *selector.arguments), node.span)
                    self._read_already |= {id(base), id(selector)}
                    return
                place = self._place(kind, arguments, base.span)
                self._read_already.add(id(base))
            case nodes.PathExpression(nodes.FunctionCall(kind), nodes.FunctionCall("database", arguments)) if (
                kind in PLACES
            ):
                # Its base is read for itself, when its turn comes.
                place = self._text(arguments[0]) if len(arguments) == 1 else None
        if place is not None and isinstance(selector, nodes.FunctionCall | nodes.NameReference):
            self._read_already.add(id(selector))
            self._calls.append(_Call(selector.name, selector.span, place, isinstance(selector, nodes.FunctionCall)))
        elif isinstance(base, nodes.NameReference) and isinstance(selector, nodes.NameReference | nodes.FunctionCall):
            # A property, or what `macro-expand` reads of each of its places.
            self._of_entities.append(selector)

    def _place(self, kind: str, arguments: tuple[nodes.Expression, ...], span: Span) -> str | None:
        texts = [self._text(a) for a in arguments]
        names = tuple(t for t in texts if t is not None)
        self._places.append((kind, names if len(names) == len(texts) else None, span))
        return names[-1] if names else None

    def _call(self, node: nodes.FunctionCall) -> None:
        name, arguments = node.name, node.arguments
        if name in PLACES:
            self._place(name, arguments, node.span)
            return
        if name in TABLE_CALLS:
            if name != "table":
                self._tell(rules.OPERATOR, f"`{name}()` is not for hunts", node)
            elif not arguments or not (tables := self._texts(arguments[0])):
                self._tell(rules.HIDDEN_TABLE, "which table this reads isn't written there", node)
            else:
                # They may as well name functions.
                self._calls += [_Call(table, node.span, None, False) for table in tables]
            return
        if name == "range" and len(arguments) in (2, 3):
            step = arguments[2] if len(arguments) == 3 else None
            self._made(steps(arguments[0], arguments[1], step, self._named), node, "elements", is_known=False)
        elif name in ("repeat", "strrep") and len(arguments) > 1:
            self._made(number(arguments[1], self._named), node, "elements", is_known=False)
        if name in NOT_REPEATABLE:
            self._tell(rules.NOT_REPEATABLE, f"`{name}()` gives something else each time", node)
        if name not in LANGUAGE.named and name not in SCOPED and name not in FORMS:
            self._calls.append(_Call(name, node.span, None, True))

    def _made(self, count: float | None, node: nodes.Node, what: str, *, is_known: bool = True) -> None:
        if count is None:
            # The functions make arrays, which the engine bounds.
            if is_known:
                self._tell(rules.UNKNOWN_ROWS, f"how many {what} this makes isn't written there", node)
        elif count > MOST_MADE:
            self._tell(rules.MADE_ROWS, f"this makes more than {MOST_MADE:,} {what}", node)

    def _texts(self, node: nodes.Expression) -> tuple[str, ...]:
        """The texts that a node may be, where all of them are written there: also as arguments of a `let` function."""
        if (text := self._text(node)) is not None:
            return (text,)
        if not isinstance(node, nodes.NameReference) or node.name not in self._sole:
            return ()
        found: list[str] = []
        for name, value in self._named.items():
            if not isinstance(value, nodes.FunctionDeclaration):
                continue
            names = [p.name for p in value.parameters if not p.tabular]
            if node.name not in names or not any(n is node for n in walked(value)):
                continue
            at = names.index(node.name)
            calls = [n for n in self._every if isinstance(n, nodes.FunctionCall) and n.name == name]
            given = [self._text(c.arguments[at]) if len(c.arguments) > at else None for c in calls]
            texts = [t for t in given if t is not None]
            # One that is computed may be any table; so may one that comes another way than by a plain call.
            if not texts or len(texts) < len(given) or len(names) < len(value.parameters) or self._is_named(name):
                return ()
            found += texts
        return tuple(found)

    def _is_named(self, name: str) -> bool:
        """Whether a function of the text is used otherwise than by calls of its name."""
        return any(isinstance(n, nodes.NameReference) and n.name == name for n in self._every)

    def _text(self, node: nodes.Expression | None) -> str | None:
        """A text that is written in the query, there or behind a name."""
        seen = 0
        while isinstance(node, nodes.NameReference) and seen < len(self._named):
            value = self._named.get(node.name)
            node = value if isinstance(value, nodes.Expression) else None
            seen += 1
        return node.value if isinstance(node, nodes.Literal) and isinstance(node.value, str) else None

    def _tell(self, rule: rules.ProofRule, reason: str, node: nodes.Node) -> None:
        self._found.append(rule.found(reason, node.span))


_NAMING = (nodes.LetStatement, nodes.FunctionParameter, nodes.PatternStatement, AsOperator, MacroExpandOperator)
"""What gives a name a meaning."""
_EVERY_STATEMENT = get_args(nodes.Statement)


def _command(text: str) -> int | None:
    """Where a management command begins: a dot at the beginning of the text, or of a statement."""
    try:
        tokens = tokenize(Source(text))
    except SourceError:
        at = len(text) - len(text.lstrip("\ufeff \t\r\n;"))
        return at if text[at : at + 1] == "." else None
    before = ";"
    for token in tokens:
        # A number may begin with a dot, nothing else of a query does.
        if before in (";", "|", "{") and token.text == ".":
            return token.start
        before = token.text
    return None
