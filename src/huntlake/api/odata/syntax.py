"""The text of a `$filter` or an `$orderby`, and what it means.

https://docs.oasis-open.org/odata/odata/v4.01/odata-v4.01-part2-url-conventions.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn

from huntlake.core.errors import Invalid

LONGEST = 10_000
_DEEPEST = 60

Value = str | bool | int | float | datetime | None
"""What a literal can be."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A value that stands in the text."""

    value: Value


@dataclass(frozen=True, slots=True)
class Path:
    """A property, `properties/owner/email`; in an `any` the first part may be its variable."""

    parts: tuple[str, ...]

    def __str__(self) -> str:
        return "/".join(self.parts)


@dataclass(frozen=True, slots=True)
class Call:
    """A function and what it is given, such as `startswith(title, 'a')`."""

    name: str
    arguments: tuple[Operand, ...]


Operand = Literal | Path | Call


@dataclass(frozen=True, slots=True)
class Comparison:
    """`left eq right`, or another of the six."""

    operator: str
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class Among:
    """`left in (…)`."""

    left: Operand
    values: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class Lambda:
    """`path/any(variable: condition)`, or `all`; without a condition, whether there is anything."""

    path: Path
    quantifier: str
    variable: str
    condition: Condition | None


@dataclass(frozen=True, slots=True)
class Truth:
    """A property or a function that is itself true or false."""

    operand: Operand


@dataclass(frozen=True, slots=True)
class Negation:
    """`not condition`."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class Junction:
    """Conditions joined by `and`, or by `or`."""

    operator: str
    conditions: tuple[Condition, ...]


Condition = Comparison | Among | Lambda | Truth | Negation | Junction


@dataclass(frozen=True, slots=True)
class Ordering:
    """A property to sort by."""

    path: Path
    descending: bool


COMPARISONS = ("eq", "ne", "gt", "ge", "lt", "le")
FUNCTIONS = {"startswith": 2, "endswith": 2, "contains": 2, "tolower": 1, "toupper": 1, "length": 1}
"""The functions that are known, and how many arguments each takes."""

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)?|\d{4}-\d\d-\d\d(?![\w-]))
    |(?P<quoted>(?:datetime|guid)?'(?:[^']|'')*')
    |(?P<guid>[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12})
    |(?P<number>[+-]?\d{1,30}(?:\.\d{1,30})?(?:[eE][+-]?\d{1,3})?(?![\w.]))
    |(?P<name>[^\W\d][\w.]*)
    |(?P<mark>[(),:/])
    )""",
    re.VERBOSE,
)


def parse_filter(text: str) -> Condition:
    """The condition that a `$filter` states; `Invalid` says where it isn't understood."""
    parser = _Parser(text, "$filter")
    condition = parser.disjunction()
    parser.end()
    return condition


def parse_ordering(text: str) -> tuple[Ordering, ...]:
    """The properties that an `$orderby` names."""
    parser = _Parser(text, "$orderby")
    found = []
    while True:
        path = parser.path()
        direction = parser.word_of("asc", "desc")
        found.append(Ordering(path, direction == "desc"))
        if not parser.mark(","):
            break
    parser.end()
    return tuple(found)


def moment(text: str) -> datetime:
    """A date or a time as OData writes it; without a zone it is UTC."""
    try:
        # More than microseconds can't be kept.
        read = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid(f"`{text}` is no time") from None


class _Parser:
    def __init__(self, text: str, option: str) -> None:
        if len(text) > LONGEST:
            raise Invalid(f"the {option} has more than {LONGEST} characters")
        self._text, self._option, self._depth = text, option, 0
        self._at, self._in_lambda = 0, False
        self._token: tuple[str, str] = ("", "")
        self._next()

    def disjunction(self) -> Condition:
        return self._joined("or", lambda: self._joined("and", self._negation))

    def _joined(self, operator: str, part: Callable[[], Condition]) -> Condition:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise Invalid(f"the {self._option} is nested too deeply")
        found: list[Condition] = [part()]
        while self.word_of(operator):
            found.append(part())
        self._depth -= 1
        return found[0] if len(found) == 1 else Junction(operator, tuple(found))

    def _negation(self) -> Condition:
        negated = 0
        while self.word_of("not"):
            negated += 1
        condition = self._primary()
        return Negation(condition) if negated % 2 else condition

    def _primary(self) -> Condition:
        if self.mark("("):
            condition = self.disjunction()
            self._expect(")")
            return condition
        left = self._operand()
        if isinstance(left, Path) and left.parts[-1].lower() in ("any", "all") and self._token == ("mark", "("):
            return self._lambda(left)
        if operator := self.word_of(*COMPARISONS):
            return Comparison(operator, left, self._operand())
        if self.word_of("in"):
            return self._among(left)
        if isinstance(left, Literal) and not isinstance(left.value, bool):
            self._fail("a comparison")
        return Truth(left)

    def _lambda(self, path: Path) -> Lambda:
        over, quantifier = Path(path.parts[:-1]), path.parts[-1].lower()
        if not over.parts:
            self._fail("a collection before it")
        if self._in_lambda:
            # Each level would go through a collection once for every item of the one around it.
            raise Invalid(f"`{quantifier}` inside `any` or `all` is not supported in a {self._option}")
        self._expect("(")
        if self.mark(")"):
            return Lambda(over, quantifier, "", None)
        kind, variable = self._token
        if kind != "name":
            self._fail("the name of a variable")
        self._next()
        self._expect(":")
        self._in_lambda = True
        condition = self.disjunction()
        self._in_lambda = False
        self._expect(")")
        return Lambda(over, quantifier, variable, condition)

    def _among(self, left: Operand) -> Among:
        self._expect("(")
        values = []
        while True:
            value = self._operand()
            if not isinstance(value, Literal):
                self._fail("a value")
            values.append(value)
            if not self.mark(","):
                break
        self._expect(")")
        return Among(left, tuple(values))

    def _operand(self) -> Operand:
        kind, text = self._token
        match kind:
            case "time":
                self._next()
                return Literal(moment(text))
            case "quoted":
                self._next()
                prefix, _, rest = text.partition("'")
                value = rest[:-1].replace("''", "'")
                return Literal(moment(value) if prefix == "datetime" else value)
            case "guid":
                self._next()
                return Literal(text)
            case "number":
                self._next()
                return Literal(int(text) if text.lstrip("+-").isdigit() else float(text))
            case "name" if text.lower() in ("true", "false", "null"):
                self._next()
                return Literal({"true": True, "false": False}.get(text.lower()))
            case "name":
                return self._named()
        self._fail("a property or a value")

    def _named(self) -> Operand:
        path = self.path()
        name = path.parts[0].lower()
        if len(path.parts) > 1 or self._token != ("mark", "(") or name in ("any", "all"):
            return path
        if name not in FUNCTIONS:
            raise Invalid(f"the function `{path}` is not supported in a {self._option}")
        self._depth += 1
        if self._depth > _DEEPEST:
            raise Invalid(f"the {self._option} is nested too deeply")
        self._expect("(")
        arguments = [self._operand()]
        while self.mark(","):
            arguments.append(self._operand())
        self._expect(")")
        self._depth -= 1
        if len(arguments) != FUNCTIONS[name]:
            raise Invalid(f"`{name}` takes {FUNCTIONS[name]} arguments, not {len(arguments)}")
        return Call(name, tuple(arguments))

    def path(self) -> Path:
        parts = []
        while True:
            kind, text = self._token
            if kind != "name":
                self._fail("the name of a property")
            parts.append(text)
            self._next()
            if not self.mark("/"):
                return Path(tuple(parts))

    def word_of(self, *words: str) -> str:
        kind, text = self._token
        if kind == "name" and text.lower() in words:
            self._next()
            return text.lower()
        return ""

    def mark(self, mark: str) -> bool:
        if self._token == ("mark", mark):
            self._next()
            return True
        return False

    def end(self) -> None:
        if self._token[0]:
            self._fail("the end")

    def _expect(self, mark: str) -> None:
        if not self.mark(mark):
            self._fail(f"`{mark}`")

    def _next(self) -> None:
        found = _TOKEN.match(self._text, self._at)
        if found is None:
            if rest := self._text[self._at :].strip():
                raise Invalid(f"the {self._option} is not understood at `{rest[:40]}`")
            self._token = ("", "")
            return
        self._at = found.end()
        self._token = (found.lastgroup or "", found[found.lastgroup or 0])

    def _fail(self, wanted: str) -> NoReturn:
        before = f"`{self._token[1][:40]}`" if self._token[0] else "its end"
        raise Invalid(f"the {self._option} has {before} where {wanted} should be")
