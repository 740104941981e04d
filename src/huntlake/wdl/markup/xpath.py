"""XPath 1.0 over a document: the whole of its axes, operators and functions but `id()` and variables."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn

from huntlake.wdl.expressions.values import Fault, float_text
from huntlake.wdl.markup.documents import Cdata, Comment, Doctype, Document, Element, Instruction, Text

MOST = 100_000
"""How many nodes one expression may visit."""
DEEPEST = 50


@dataclass(eq=False, slots=True)
class Point:
    """A node where it stands in the document: an attribute is a name and a value."""

    node: Document | Element | Text | Cdata | Comment | Instruction | tuple[str, str]
    parent: Point | None
    order: int
    children: list[Point] = field(default_factory=list)
    attributes: list[Point] = field(default_factory=list)
    default: str = ""
    """The namespace of elements without a prefix here."""

    @property
    def name(self) -> str:
        match self.node:
            case Element(name) | (name, _):
                return name
            case Instruction(target):
                return target
        return ""

    @property
    def string(self) -> str:
        match self.node:
            case (_, value):
                return value
            case Text(text) | Cdata(text) | Comment(text) | Instruction(_, text):
                return text
        made: list[str] = []
        stack = [self]
        while stack:
            point = stack.pop()
            if isinstance(point.node, Text | Cdata):
                made.append(point.node.text)
            stack += reversed(point.children)
        return "".join(made)


Answer = list[Point] | float | str | bool


def evaluate(path: str, document: Document) -> Answer:
    """What the expression finds. Raises `Fault` where it can't be read, or has no value."""
    if len(path) > 10_000:
        raise Fault("an XPath expression has at most 10,000 characters")
    tree = _Parser(path).whole()
    root, last = _points(document)
    return _Evaluation(root, last).value(tree, root, 1, 1)


def results(points: list[Point]) -> list[Document | Element | Comment | Instruction | str]:
    """The nodes in their order, each with the namespaces it stands in; of text and attributes the characters."""
    made: list[Document | Element | Comment | Instruction | str] = []
    for point in sorted(points, key=lambda p: p.order):
        node = point.node
        if isinstance(node, Element):
            made.append(_alone(node, _around(point)))
        else:
            made.append(point.string if isinstance(node, tuple | Text | Cdata) else node)
    return made


def _around(point: Point) -> dict[str, str]:
    """The namespaces that the elements around declare, by their prefixes; that without one is named by nothing."""
    found: dict[str, str] = {}
    outer = point.parent
    while outer is not None:
        if isinstance(outer.node, Element):
            found = _declared(outer.node) | found
        outer = outer.parent
    return found


def _declared(element: Element) -> dict[str, str]:
    names = ((n.partition(":"), uri) for n, uri in element.attributes.items())
    return {local: uri for (prefix, _, local), uri in names if prefix == "xmlns"}


def _alone(element: Element, around: dict[str, str]) -> Element:
    """The element with declarations of its own of those namespaces that it uses, and that stood around it."""
    own = _declared(element)
    around = {prefix: uri for prefix, uri in around.items() if prefix not in own}
    if not around:
        return element
    names = [element.name, *(n for n in element.attributes if ":" in n)]
    used = {prefix if colon else "" for prefix, colon, _ in (n.partition(":") for n in names)}
    needed = {prefix: uri for prefix, uri in around.items() if prefix in used and uri}
    rest = {prefix: uri for prefix, uri in around.items() if prefix not in needed}
    attributes = element.attributes | {f"xmlns:{p}" if p else "xmlns": uri for p, uri in needed.items()}
    children = [_alone(c, rest) if isinstance(c, Element) else c for c in element.children]
    return Element(element.name, attributes, children, element.empty)


def _points(document: Document) -> tuple[Point, int]:
    root = Point(document, None, 0)
    count = 0
    stack = [root]
    while stack:
        point = stack.pop()
        count += 1
        point.order = count
        if isinstance(point.node, Element):
            point.default = point.node.attributes.get("xmlns", point.default)
            for pair in point.node.attributes.items():
                if not pair[0].startswith("xmlns"):
                    count += 1
                    point.attributes.append(Point(pair, point, count))
        if isinstance(point.node, Element | Document):
            for child in point.node.children:
                if isinstance(child, Doctype) or (isinstance(child, Instruction) and child.target == "xml"):
                    continue
                point.children.append(Point(child, point, 0, default=point.default))
            stack += reversed(point.children)
    return root, count


# -- the tree ----------------------------------------------------------------------


@dataclass(frozen=True)
class _Number:
    value: float


@dataclass(frozen=True)
class _String:
    value: str


@dataclass(frozen=True)
class _Binary:
    operator: str
    left: _Node
    right: _Node


@dataclass(frozen=True)
class _Negative:
    operand: _Node


@dataclass(frozen=True)
class _Call:
    name: str
    arguments: tuple[_Node, ...]


@dataclass(frozen=True)
class _Step:
    axis: str
    test: str
    predicates: tuple[_Node, ...]


@dataclass(frozen=True)
class _Path:
    start: _Node | None
    """None where the path starts at the present node."""
    absolute: bool
    predicates: tuple[_Node, ...]
    steps: tuple[_Step, ...]


_Node = _Number | _String | _Binary | _Negative | _Call | _Path

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>[0-9]+(?:\.[0-9]*)?|\.[0-9]+)|(?P<string>"[^"]*"|'[^']*')
    |(?P<mark>::|//|\.\.|!=|<=|>=|[][()@,./|+\-=<>*$])|(?P<name>[^\W\d][\w.-]*(?::(?:[^\W\d][\w.-]*|\*))?))""",
    re.VERBOSE,
)
_AXES = frozenset(
    "ancestor ancestor-or-self attribute child descendant descendant-or-self following following-sibling parent "
    "preceding preceding-sibling self".split()
)
_TYPES = ("node", "text", "comment", "processing-instruction")
_LEVELS = (("or",), ("and",), ("=", "!="), ("<", "<=", ">", ">="), ("+", "-"), ("*", "div", "mod"))
_ANYWHERE = _Step("descendant-or-self", "node()", ())


class _Parser:
    def __init__(self, path: str) -> None:
        self.path, self.at, self.tokens, self.depth = path, 0, list[tuple[str, str]](), 0
        place = 0
        while path[place:].strip():
            match = _TOKEN.match(path, place)
            if match is None:
                self.fail()
            assert match.lastgroup
            self.tokens.append((match.lastgroup, match[match.lastgroup]))
            place = match.end()

    def fail(self) -> NoReturn:
        raise Fault(f"`{self.path}` is not an XPath expression")

    def whole(self) -> _Node:
        tree = self.expression()
        if self.at < len(self.tokens):
            self.fail()
        return tree

    def next(self, ahead: int = 0) -> str:
        return self.tokens[self.at + ahead][1] if self.at + ahead < len(self.tokens) else ""

    def kind(self) -> str:
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""

    def take(self, *wanted: str) -> str:
        if self.at < len(self.tokens) and self.kind() != "string" and self.next() in wanted:
            self.at += 1
            return self.tokens[self.at - 1][1]
        return ""

    def expect(self, mark: str) -> None:
        if not self.take(mark):
            self.fail()

    def expression(self, level: int = 0) -> _Node:
        if level == len(_LEVELS):
            return self.unary()
        if level == 0:
            self.depth += 1
            if self.depth > DEEPEST:
                raise Fault("the XPath expression nests too deep")
        read = self.expression(level + 1)
        count = 0
        while operator := self.take(*_LEVELS[level]):
            read = _Binary(operator, read, self.expression(level + 1))
            count += 1
            if count > 100:
                raise Fault("the XPath expression nests too deep")
        if level == 0:
            self.depth -= 1
        return read

    def unary(self) -> _Node:
        count = 0
        while self.take("-"):
            count += 1
        read = self.union()
        return _Negative(read) if count % 2 else read

    def union(self) -> _Node:
        read = self.path_expression()
        count = 0
        while self.take("|"):
            read = _Binary("|", read, self.path_expression())
            count += 1
            if count > 100:
                raise Fault("the XPath expression nests too deep")
        return read

    def path_expression(self) -> _Node:
        kind, text = self.kind(), self.next()
        primary: _Node
        if kind == "number":
            self.at += 1
            primary = _Number(float(text))
        elif kind == "string":
            self.at += 1
            primary = _String(text[1:-1])
        elif text == "(":
            self.at += 1
            primary = self.expression()
            self.expect(")")
        elif kind == "name" and self.next(1) == "(" and text not in _TYPES:
            primary = self.call()
        else:
            return self.location()
        predicates = self.predicates()
        steps = self.steps(()) if self.next() in ("/", "//") else ()
        return _Path(primary, False, predicates, steps) if predicates or steps else primary

    def call(self) -> _Call:
        name = self.next()
        self.at += 2
        arguments: list[_Node] = []
        if not self.take(")"):
            arguments.append(self.expression())
            while self.take(","):
                arguments.append(self.expression())
            self.expect(")")
        return _Call(name, tuple(arguments))

    def location(self) -> _Path:
        if self.next() == "//":
            return _Path(None, True, (), self.steps(()))
        if self.take("/"):
            if self.kind() == "name" or self.next() in ("*", "@", ".", ".."):
                return _Path(None, True, (), self.steps((self.step(),)))
            return _Path(None, True, (), ())
        return _Path(None, False, (), self.steps((self.step(),)))

    def steps(self, first: tuple[_Step, ...]) -> tuple[_Step, ...]:
        made = list(first)
        while mark := self.take("/", "//"):
            if mark == "//":
                made.append(_ANYWHERE)
            made.append(self.step())
        return tuple(made)

    def step(self) -> _Step:
        if self.take("."):
            return _Step("self", "node()", ())
        if self.take(".."):
            return _Step("parent", "node()", ())
        axis = "child"
        if self.take("@"):
            axis = "attribute"
        elif self.next(1) == "::":
            axis = self.next()
            if axis not in _AXES:
                self.fail()
            self.at += 2
        test = self.next()
        if self.kind() != "name" and test != "*":
            self.fail()
        self.at += 1
        prefix, colon, _ = test.partition(":")
        if colon and prefix != "xml":
            raise Fault(
                f"`{test}` is not supported in XPath: no namespace is known by `{prefix}`; ask for `*[local-name()=…]`"
            )
        if test in _TYPES and self.take("("):
            argument = self.next()[1:-1] if self.kind() == "string" else ""
            if argument:
                self.at += 1
            self.expect(")")
            test = f"{test}({argument})"
        return _Step(axis, test, self.predicates())

    def predicates(self) -> tuple[_Node, ...]:
        made = []
        while self.take("["):
            made.append(self.expression())
            self.expect("]")
        return tuple(made)


# -- its value -----------------------------------------------------------------------


@dataclass
class _Evaluation:
    root: Point
    last: int
    visited: int = 0

    def visit(self, count: int) -> None:
        self.visited += count
        if self.visited > MOST:
            raise Fault(f"the XPath expression visits more than {MOST:,} nodes")

    def value(self, node: _Node, here: Point, position: int, size: int) -> Answer:
        self.visit(1)
        match node:
            case _Number(number):
                return number
            case _String(text):
                return text
            case _Negative(operand):
                return -_number(self.value(operand, here, position, size))
            case _Binary(operator, left, right):
                return self.binary(operator, left, right, here, position, size)
            case _Call(name, arguments):
                return self.call(name, [self.value(a, here, position, size) for a in arguments], here, position, size)
            case _Path(start, absolute, predicates, steps):
                points = [self.root] if absolute else [here]
                if start is not None:
                    points = _points_of(self.value(start, here, position, size))
                points = self.filtered(points, predicates)
                for step in steps:
                    points = self.stepped(points, step)
                return points

    def stepped(self, points: list[Point], step: _Step) -> list[Point]:
        made: dict[int, Point] = {}
        for point in points:
            reached = self.axis(step.axis, point)
            self.visit(len(reached) + 1)
            kept = [p for p in reached if _fits(p, step)]
            for found in self.filtered(kept, step.predicates):
                made[found.order] = found
        return [made[o] for o in sorted(made)]

    def filtered(self, points: list[Point], predicates: tuple[_Node, ...]) -> list[Point]:
        for predicate in predicates:
            kept = []
            for index, point in enumerate(points, 1):
                value = self.value(predicate, point, index, len(points))
                if value == index if isinstance(value, float) and not isinstance(value, bool) else _boolean(value):
                    kept.append(point)
            points = kept
        return points

    def axis(self, name: str, point: Point) -> list[Point]:
        match name:
            case "child":
                return point.children
            case "attribute":
                return point.attributes
            case "self":
                return [point]
            case "parent":
                return [point.parent] if point.parent else []
            case "descendant":
                return self.below(point)
            case "descendant-or-self":
                return [point, *self.below(point)]
            case "ancestor":
                return _above(point)
            case "ancestor-or-self":
                return [point, *_above(point)]
        siblings = point.parent.children if point.parent and not isinstance(point.node, tuple) else []
        place = siblings.index(point) if siblings else 0
        match name:
            case "following-sibling":
                return siblings[place + 1 :]
            case "preceding-sibling":
                return siblings[:place][::-1]
        inside = {p.order for p in self.below(point)}
        above = {p.order for p in _above(point)}
        others = [p for p in self.below(self.root) if p.order not in inside and p.order not in above]
        if name == "following":
            return [p for p in others if p.order > point.order]
        return [p for p in others if p.order < point.order][::-1]

    def below(self, point: Point) -> list[Point]:
        made: list[Point] = []
        stack = list(reversed(point.children))
        while stack:
            found = stack.pop()
            made.append(found)
            stack += reversed(found.children)
        self.visit(len(made))
        return made

    def binary(self, operator: str, left: _Node, right: _Node, here: Point, position: int, size: int) -> Answer:
        one = self.value(left, here, position, size)
        if operator in ("or", "and"):
            if _boolean(one) == (operator == "or"):
                return operator == "or"
            return _boolean(self.value(right, here, position, size))
        two = self.value(right, here, position, size)
        match operator:
            case "|":
                return list({p.order: p for p in [*_points_of(one), *_points_of(two)]}.values())
            case "=" | "!=" | "<" | "<=" | ">" | ">=":
                return self.compared(operator, one, two)
        a, b = _number(one), _number(two)
        match operator:
            case "+":
                return a + b
            case "-":
                return a - b
            case "*":
                return a * b
            case "div":
                if b == 0:
                    return math.nan if a == 0 or math.isnan(a) else math.copysign(math.inf, a) * math.copysign(1, b)
                return a / b
        return math.nan if b == 0 or math.isinf(a) or math.isnan(a) else math.fmod(a, b)

    def compared(self, operator: str, one: Answer, two: Answer) -> bool:
        if isinstance(one, bool) or isinstance(two, bool):
            return _compare(operator, _boolean(one), _boolean(two))
        lefts: list[str | float] = [p.string for p in one] if isinstance(one, list) else [one]
        rights: list[str | float] = [p.string for p in two] if isinstance(two, list) else [two]
        self.visit(len(lefts) * len(rights))
        return any(_compare(operator, a, b) for a in lefts for b in rights)

    def call(self, name: str, given: list[Answer], here: Point, position: int, size: int) -> Answer:
        match name, given:
            case "last", []:
                return float(size)
            case "position", []:
                return float(position)
            case "count", [list() as points]:
                return float(len(points))
            case "sum", [list() as points]:
                return math.fsum(_number(p.string) for p in points)
            case (
                ("name" | "local-name" | "namespace-uri" | "string" | "number" | "string-length" | "normalize-space"),
                [],
            ):
                given = [[here]]
        match name, given:
            case "name", [list() as points]:
                return min(points, key=lambda p: p.order).name if points else ""
            case "local-name", [list() as points]:
                return min(points, key=lambda p: p.order).name.rpartition(":")[2] if points else ""
            case "namespace-uri", [list() as points]:
                return _namespace(min(points, key=lambda p: p.order)) if points else ""
            case "string", [value]:
                return _string(value)
            case "number", [value]:
                return _number(value)
            case "boolean", [value]:
                return _boolean(value)
            case "not", [value]:
                return not _boolean(value)
            case "true", []:
                return True
            case "false", []:
                return False
            case "lang", [_]:
                raise Fault("`lang()` in XPath is not supported")
        function = _FUNCTIONS.get((name, len(given))) or (_concat if name == "concat" and len(given) > 1 else None)
        if function is None:
            raise Fault(f"XPath has no function `{name}` of {len(given)} arguments")
        return function(given)


def _fits(point: Point, step: _Step) -> bool:
    test, node = step.test, point.node
    if test.endswith(")"):
        kind, _, argument = test[:-1].partition("(")
        match kind:
            case "node":
                return True
            case "text":
                return isinstance(node, Text | Cdata)
            case "comment":
                return isinstance(node, Comment)
        return isinstance(node, Instruction) and (not argument or node.target == argument)
    if not isinstance(node, tuple if step.axis == "attribute" else Element):
        return False
    if test.endswith(":*"):
        return point.name.startswith(test[:-1])
    # A name without a prefix is one in no namespace, whatever the document's default.
    return test == "*" or (test == point.name and (step.axis == "attribute" or ":" in test or not point.default))


def _above(point: Point) -> list[Point]:
    made = []
    while point.parent:
        point = point.parent
        made.append(point)
    return made


def _namespace(point: Point) -> str:
    prefix, colon, _ = point.name.partition(":")
    name = f"xmlns:{prefix}" if colon else "xmlns"
    if not colon and isinstance(point.node, tuple):
        return ""
    for above in [point, *_above(point)]:
        if isinstance(above.node, Element) and name in above.node.attributes:
            return above.node.attributes[name]
    return ""


def _points_of(value: Answer) -> list[Point]:
    if not isinstance(value, list):
        raise Fault("the XPath expression takes nodes of what is none")
    return value


def _string(value: Answer) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case float():
            return format(value, ".0f") if value == int(value) and abs(value) < 1e15 else float_text(value)
        case str():
            return value
    return min(value, key=lambda p: p.order).string if value else ""


def _number(value: Answer) -> float:
    if isinstance(value, bool | float):
        return float(value)
    text = _string(value).strip(" \t\r\n")
    return float(text) if re.fullmatch(r"-?([0-9]{1,400}(\.[0-9]*)?|\.[0-9]+)", text) else math.nan


def _boolean(value: Answer) -> bool:
    return not math.isnan(value) and value != 0 if isinstance(value, float) else bool(value)


def _compare(operator: str, one: str | float | bool, two: str | float | bool) -> bool:
    if operator in ("=", "!="):
        if not isinstance(one, bool) and (isinstance(one, float) or isinstance(two, float)):
            one, two = _number(one), _number(two)
        return (one == two) == (operator == "=")
    a, b = _number(one), _number(two)
    return {"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[operator]


def _concat(given: list[Answer]) -> str:
    return "".join(map(_string, given))


def _substring(given: list[Answer]) -> str:
    text, start = _string(given[0]), _round(_number(given[1]))
    end = start + _round(_number(given[2])) if len(given) > 2 else math.inf
    return "".join(c for i, c in enumerate(text, 1) if start <= i < end)


def _round(value: float) -> float:
    return value if math.isnan(value) or math.isinf(value) else float(math.floor(value + 0.5))


def _translate(given: list[Answer]) -> str:
    text, old, new = map(_string, given)
    table: dict[int, str | None] = {}
    for index, character in enumerate(old):
        table.setdefault(ord(character), new[index] if index < len(new) else None)
    return text.translate(table)


def _whole(value: float, cut: Callable[[float], int]) -> float:
    return float(cut(value)) if math.isfinite(value) else value


_FUNCTIONS: dict[tuple[str, int], Callable[[list[Answer]], Answer]] = {
    ("starts-with", 2): lambda g: _string(g[0]).startswith(_string(g[1])),
    ("contains", 2): lambda g: _string(g[1]) in _string(g[0]),
    ("substring-before", 2): lambda g: (
        _string(g[0]).partition(_string(g[1]))[0] if _string(g[1]) in _string(g[0]) else ""
    ),
    ("substring-after", 2): lambda g: _string(g[0]).partition(_string(g[1]))[2] if _string(g[1]) else _string(g[0]),
    ("substring", 2): _substring,
    ("substring", 3): _substring,
    ("string-length", 1): lambda g: float(len(_string(g[0]))),
    ("normalize-space", 1): lambda g: " ".join(_string(g[0]).split()),
    ("translate", 3): _translate,
    ("floor", 1): lambda g: _whole(_number(g[0]), math.floor),
    ("ceiling", 1): lambda g: _whole(_number(g[0]), math.ceil),
    ("round", 1): lambda g: _round(_number(g[0])),
}
