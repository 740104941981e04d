"""Conditions of Sigma, as pySigma has parsed them, in KQL."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, assert_never
from xml.sax.saxutils import escape

from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.types import (
    CompareOperators,
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SigmaTimestampPart,
    SpecialChars,
)

from huntlake.detection.sigma.sources.log_source import Elements, Field, Hashes, LogSource, Tail, Text
from huntlake.kql.types import ScalarType

_NAME = re.compile(r"[A-Za-z_]\w*")
_NUMBER = re.compile(r"-?\d{1,18}(?:\.\d{1,9})?|0[xX][0-9a-fA-F]{1,15}")
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|_")
_LOOKS_AROUND = re.compile(r"\(\?(?:[=!>]|<[=!])|(?<!\\)(?:\\\\)*\\[1-9]")
_HASH = re.compile(r"([A-Za-z0-9]+)=([0-9A-Fa-f]+)")
_IN_MARKUP = frozenset("&<>\"'")
_NUMERIC = frozenset({ScalarType.INT, ScalarType.LONG, ScalarType.REAL, ScalarType.DECIMAL})
_COMPARED = {
    CompareOperators.LT: "<",
    CompareOperators.LTE: "<=",
    CompareOperators.GT: ">",
    CompareOperators.GTE: ">=",
    CompareOperators.NEQ: "!=",
}
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&"))


class Unsayable(Exception):
    """A condition asks for something that the rows can't tell, or KQL can't say. `field` is the one it is about."""

    def __init__(self, reason: str, field: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.field = field


@dataclass(frozen=True, slots=True)
class _Operand:
    """What a test is about: an expression, and its type."""

    text: str
    type: ScalarType = ScalarType.STRING

    @property
    def as_text(self) -> str:
        return self.text if self.type is ScalarType.STRING else f"tostring({self.text})"


@dataclass(frozen=True, slots=True)
class _Test:
    """A test in KQL. Equalities keep their parts, so that those of one operand are asked as one list."""

    text: str
    operand: str = ""
    operator: str = ""
    value: str = ""


class Conditions:
    """Writes the conditions of one rule over one source; what it has used is told by `extended` and `columns`.

    `types` are the columns of the source, where they are known.
    """

    def __init__(self, source: LogSource, types: Mapping[str, ScalarType]) -> None:
        self._source = source
        self._types = types
        self._by_case = {name.lower(): name for name in types}
        self._names: dict[str, str] = {}
        self._in_markup: set[str] = set()
        self.columns: dict[str, None] = {}
        """The columns that conditions are about, in the order in which they were met."""

    @property
    def extended(self) -> tuple[str, ...]:
        """The columns to be computed before the conditions, each as `Name = expression`."""
        return tuple(
            f"{name} = {_unescaped(expression) if name in self._in_markup else expression}"
            for expression, name in self._names.items()
        )

    @property
    def named(self) -> tuple[str, ...]:
        """The names of the computed columns."""
        return tuple(self._names.values())

    def write(self, item: Any) -> str:
        """The condition; `Unsayable` where it can't be said."""
        return self._test(item).text

    def _test(self, item: Any) -> _Test:
        match item:
            case ConditionOR(args=parts):
                return self._any([self._test(p) for p in parts])
            case ConditionAND(args=parts):
                return _Test(" and ".join(_closed(self._test(p).text, "or") for p in parts))
            case ConditionNOT(args=[part]):
                return _Test(f"not({self._test(part).text})")
            case ConditionFieldEqualsValueExpression(field=name, value=value):
                return self._field(name, value)
            case ConditionValueExpression(value=value):
                return self._keyword(value)
        raise Unsayable("a condition that is empty is not supported")

    def _any(self, tests: Sequence[_Test]) -> _Test:
        if len(tests) == 1:
            return tests[0]
        listed: dict[tuple[str, str], list[str]] = {}
        alone: dict[str, None] = {}
        for test in tests:
            if test.operator:
                listed.setdefault((test.operand, test.operator), []).append(test.value)
            else:
                alone[test.text] = None
        lists = [
            f"{operand} {operator} {values[0]}"
            if len(values) == 1
            else f"{operand} {'in~' if operator == '=~' else 'in'} ({', '.join(dict.fromkeys(values))})"
            for (operand, operator), values in listed.items()
        ]
        return _Test(" or ".join([*lists, *(_closed(t, "and") for t in alone)]))

    def _field(self, name: str, value: Any) -> _Test:
        if isinstance(value, SigmaExpansion):
            return self._any([self._field(name, one) for one in value.values])
        known = self._known(name)
        match known:
            case Text(expressions):
                return self._any([self._value(self._operand(name, e), value, name) for e in expressions])
            case Tail(expression):
                return self._tail(expression, value, name)
            case Hashes(columns):
                return self._hash(columns, value, name)
            case Elements(expression, form):
                return self._element(expression, form, value, name)
        assert_never(known)

    def _known(self, name: str) -> Field:
        found = self._source.fields.get(name.lower())
        if found is not None:
            return found
        if self._source.by_name:
            if column := self._by_case.get(name.lower()):
                return Text((column,))
            first, *rest = name.split(".")
            column = self._by_case.get(first.lower())
            if column and rest and all(_NAME.fullmatch(part) for part in rest):
                path = ".".join(rest)
                if self._types[column] is ScalarType.DYNAMIC:
                    return Text((f"tostring({column}.{path})",))
                if self._types[column] is ScalarType.STRING:
                    return Text((f"tostring(parse_json({column}).{path})",))
        is_known = not self._source.known or name.lower() in self._source.known
        if self._source.others and is_known and re.fullmatch(r"[\w .-]+", name):
            words = "[ _]?".join(_WORDS.split(name)) if self._source.is_spaced else re.escape(name)
            return Text((self._source.others.replace("{0}", words),))
        raise Unsayable(f"the field `{name}` of {self._source.table} is not supported", name)

    def _operand(self, field: str, expression: str) -> _Operand:
        """The expression as it stands in conditions: a column, or the name of one that is computed before."""
        if type := self._types.get(expression):
            self.columns[expression] = None
            return _Operand(expression, type)
        if _NAME.fullmatch(expression):
            self.columns[expression] = None
            return _Operand(expression)
        if expression not in self._names:
            name = re.sub(r"\W|^(?=\d)", "_", field)
            while name in self._names.values() or name in self._types:
                name += "_"
            self._names[expression] = name
        return _Operand(self._names[expression])

    def _value(self, operand: _Operand, value: Any, name: str) -> _Test:
        match value:
            case SigmaString():
                return self._string(operand, value, name)
            case SigmaTimestampPart():
                raise Unsayable("parts of a time are not supported", name)
            case SigmaNumber():
                number = str(value.number)
                if operand.type in _NUMERIC:
                    return _equal(operand.text, "==", number)
                return _equal(operand.as_text, "==", quoted(number))
            case SigmaBool():
                word = str(value.boolean).lower()
                if operand.type is ScalarType.BOOL:
                    return _equal(operand.text, "==", word)
                return _equal(operand.as_text, "=~", quoted(word))
            case SigmaNull():
                return _Test(f"isempty({operand.as_text})")
            case SigmaExists():
                return _Test(f"{'isnotempty' if value.exists else 'isempty'}({operand.as_text})")
            case SigmaRegularExpression():
                self._in_markup.add(operand.text)
                return _Test(f"{operand.as_text} matches regex {quoted(_regex(value, name))}")
            case SigmaCIDRExpression():
                ranged = "ipv4_is_in_range" if value.network.version == 4 else "ipv6_is_in_range"
                # What is no address is in no range; null would make `not` of it null as well.
                return _Test(f"coalesce({ranged}({operand.as_text}, {quoted(str(value.network))}), false)")
            case SigmaCompareExpression():
                number = operand.text if operand.type in _NUMERIC else f"todouble({operand.as_text})"
                return _Test(f"coalesce({number} {_COMPARED[value.op]} {value.number.number}, false)")
            case SigmaFieldReference():
                return self._reference(operand, value, name)
        raise Unsayable(f"values of the kind {type(value).__name__} are not supported", name)

    def _string(self, operand: _Operand, value: SigmaString, name: str) -> _Test:
        is_cased = isinstance(value, SigmaCasedString)
        starts, parts, ends = _bounds(value, name)
        if not parts:
            return _Test(f"{'isnotempty' if starts or ends else 'isempty'}({operand.as_text})")
        plain = parts[0] if len(parts) == 1 and isinstance(parts[0], str) else None
        if any(isinstance(p, str) and not _IN_MARKUP.isdisjoint(p) for p in parts):
            self._in_markup.add(operand.text)
        if plain is None:
            form = "".join(_pattern(p) for p in parts)
            flags = "(?s)" if is_cased else "(?is)"
            text = f"{flags}{'' if starts else '^'}{form}{'' if ends else '$'}"
            return _Test(f"{operand.as_text} matches regex {quoted(text)}")
        if not starts and not ends:
            if operand.type in _NUMERIC and _NUMBER.fullmatch(plain):
                return _equal(operand.text, "==", plain)
            if operand.type is ScalarType.BOOL and plain.lower() in ("true", "false"):
                return _equal(operand.text, "==", plain.lower())
            return _equal(operand.as_text, "==" if is_cased else "=~", quoted(plain))
        operator = "contains" if starts and ends else "endswith" if starts else "startswith"
        return _Test(f"{operand.as_text} {operator}{'_cs' * is_cased} {quoted(plain)}")

    def _reference(self, operand: _Operand, value: SigmaFieldReference, name: str) -> _Test:
        known = self._known(value.field)
        if not isinstance(known, Text):
            raise Unsayable(f"a comparison with the field `{value.field}` is not supported", name)
        tests = []
        for expression in known.expressions:
            other = self._operand(value.field, expression)
            self._in_markup |= {operand.text, other.text}
            starts, ends = value.starts_with, value.ends_with
            operator = "contains" if starts and ends else "startswith" if starts else "endswith" if ends else "=~"
            tests.append(_Test(f"{operand.as_text} {operator} {other.as_text}"))
        return self._any(tests)

    def _tail(self, expression: str, value: Any, name: str) -> _Test:
        operand = self._operand(name, expression)
        if isinstance(value, SigmaNull | SigmaExists):
            return self._value(operand, value, name)
        if isinstance(value, SigmaString):
            starts, parts, ends = _bounds(value, name)
            text = parts[0] if len(parts) == 1 else None
            if isinstance(text, str) and starts and not ends and text.rfind("\\") == 0 and len(text) > 1:
                return _equal(operand.as_text, "=~", quoted(text[1:]))
            if isinstance(text, str) and not starts and not ends and "\\" not in text:
                return _equal(operand.as_text, "=~", quoted(text))
        raise Unsayable(
            f"only the end `\\name` of `{name}` is supported: {self._source.table} has its name alone", name
        )

    def _hash(self, columns: Mapping[str, str], value: Any, name: str) -> _Test:
        if isinstance(value, SigmaString):
            _, parts, _ = _bounds(value, name)
            if len(parts) == 1 and isinstance(parts[0], str) and (found := _HASH.fullmatch(parts[0].strip(","))):
                column = columns.get(found[1].upper())
                if column is None:
                    raise Unsayable(f"{self._source.table} has no {found[1]}: `{name}` is not supported", name)
                operand = self._operand(found[1], column)
                return _equal(operand.as_text, "=~", quoted(found[2].lower()))
        raise Unsayable(f"only whole hashes such as `SHA256=…` of `{name}` are supported", name)

    def _element(self, expression: str, form: str, value: Any, name: str) -> _Test:
        operand = self._operand(name, expression)
        if isinstance(value, SigmaNull | SigmaExists):
            return self._value(operand, value, name)
        if isinstance(value, SigmaNumber) and not isinstance(value, SigmaTimestampPart):
            value = SigmaString(str(value.number))
        if isinstance(value, SigmaBool):
            value = SigmaString(str(value.boolean).lower())
        if not isinstance(value, SigmaString):
            raise Unsayable(f"values of the kind {type(value).__name__} in the list `{name}` are not supported", name)
        starts, parts, ends = _bounds(value, name)
        written = [(escape(p) if form == "xml" else json.dumps(p)[1:-1]) if isinstance(p, str) else p for p in parts]
        opens, closes = (">", "<") if form == "xml" else ('"', '"')
        before, after = "" if starts else opens, "" if ends else closes
        case = "_cs" if isinstance(value, SigmaCasedString) else ""
        if not written:
            return _Test(f"{'isnotempty' if starts or ends else 'isempty'}({operand.as_text})")
        if len(written) == 1 and isinstance(written[0], str):
            return _Test(f"{operand.as_text} contains{case} {quoted(before + written[0] + after)}")
        inner = f"[^{closes}]"
        text = "".join(re.escape(p) if isinstance(p, str) else _pattern(p, inner) for p in written)
        flags = "(?s)" if case else "(?is)"
        return _Test(f"{operand.as_text} matches regex {quoted(flags + before + text + after)}")

    def _keyword(self, value: Any) -> _Test:
        if isinstance(value, SigmaExpansion):
            return self._any([self._keyword(one) for one in value.values])
        if not self._source.keywords:
            raise Unsayable(f"words without a field are not supported in {self._source.table}")
        if isinstance(value, SigmaNumber):
            value = SigmaString(str(value.number))
        operands = [self._operand("Searched", e) for e in self._source.keywords]
        if isinstance(value, SigmaString):
            _, parts, _ = _bounds(value, "")
            if not parts:
                raise Unsayable("an empty word is not supported")
            case = "_cs" if isinstance(value, SigmaCasedString) else ""
            if len(parts) == 1 and isinstance(parts[0], str):
                # XML has signs of its own in place of these.
                plain = {parts[0], escape(parts[0])} if "EventData" in self._source.keywords else {parts[0]}
                tests = [_Test(f"{o.as_text} contains{case} {quoted(t)}") for o in operands for t in sorted(plain)]
                return self._any(tests)
            form = "".join(_pattern(p) for p in parts)
            flags = "(?s)" if case else "(?is)"
            return self._any([_Test(f"{o.as_text} matches regex {quoted(flags + form)}") for o in operands])
        if isinstance(value, SigmaRegularExpression):
            text = quoted(_regex(value, ""))
            return self._any([_Test(f"{o.as_text} matches regex {text}") for o in operands])
        raise Unsayable(f"values of the kind {type(value).__name__} without a field are not supported")


def quoted(text: str) -> str:
    """The text as a literal of KQL."""
    if "\\" in text and text.isprintable():
        return '@"' + text.replace('"', '""') + '"'
    signs = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return '"' + "".join(signs.get(c, c if c.isprintable() else f"\\u{ord(c):04x}") for c in text) + '"'


def _equal(operand: str, operator: str, value: str) -> _Test:
    return _Test(f"{operand} {operator} {value}", operand, operator, value)


def _closed(text: str, other: str) -> str:
    """The condition in parentheses, unless it is one test, or tests that aren't joined by `other`."""
    return f"({text})" if f" {other} " in _LITERAL.sub("", text) else text


_LITERAL = re.compile(r"""@"(?:[^"]|"")*"|@'(?:[^']|'')*'|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'""", re.DOTALL)

_Part: TypeAlias = str | SpecialChars


def _bounds(value: SigmaString, name: str) -> tuple[bool, list[_Part], bool]:
    """Whether anything may stand before the value, the value, and whether anything may follow."""
    parts: list[_Part] = []
    for part in value.s:
        if not isinstance(part, str | SpecialChars):
            raise Unsayable(f"the placeholder `%{part.name}%` is not supported", name)
        parts.append(part)
    starts = ends = False
    while parts and parts[0] is SpecialChars.WILDCARD_MULTI:
        starts, parts = True, parts[1:]
    while parts and parts[-1] is SpecialChars.WILDCARD_MULTI:
        ends, parts = True, parts[:-1]
    return starts, parts, ends


def _pattern(part: _Part, sign: str = ".") -> str:
    if isinstance(part, str):
        return re.escape(part)
    return f"{sign}*" if part is SpecialChars.WILDCARD_MULTI else sign


def _regex(value: SigmaRegularExpression, name: str) -> str:
    text = str(value.regexp)
    if found := _LOOKS_AROUND.search(text):
        raise Unsayable(f"`{found[0]}` in a regex is not supported: Kusto's expressions don't look around", name)
    flags = "".join(sorted(value.sigma_to_re_flag[f] for f in value.flags))
    return f"(?{flags}){text}" if flags else text


def _unescaped(expression: str) -> str:
    """The expression, whose value is a piece of XML, as the text that it stands for."""
    if "<Data " not in expression:
        return expression
    for sign, letter in _ENTITIES:
        expression = f"replace_string({expression}, {quoted(sign)}, {quoted(letter)})"
    return expression
