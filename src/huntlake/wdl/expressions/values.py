"""The values that expressions work on: JSON as Python holds it, and how the language prints and compares it.

A whole number is `int`, one with a point or an exponent `float`; `Decimal` comes only from `decimal()`. Bytes and XML
are objects of `$content-type` and `$content`, which is base64.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Hashable
from decimal import Decimal
from typing import Any, TypeAlias

Value: TypeAlias = Any
"""None, bool, int, float, Decimal, str, a list or a dict of such."""

LARGEST, SMALLEST = 2**63 - 1, -(2**63)
DEEPEST = 200
"""How deep a value may nest."""
MOST_PARTS = 1_000_000
"""How many elements and members a value may have, at all depths, that repeats its parts."""


class Fault(Exception):
    """Something that a function can't do with what it was given; the evaluator adds the place."""


def kind(value: Value) -> str:
    """The language's word for what `value` is."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "float"
        case Decimal():
            return "decimal"
        case str():
            return "string"
        case list():
            return "array"
        case dict():
            return "object"
    # What templates call a lambda is no value: no function takes it that doesn't say so.
    return "function"


def number(value: Value) -> bool:
    """Whether it is a number; a boolean is none here."""
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def whole_number(value: Value) -> int | None:
    """The whole number that a value is, or that a text says with nothing but a sign and digits; None elsewhere."""
    if isinstance(value, str):
        return int(value) if _DIGITS.fullmatch(value.strip()) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


_DIGITS = re.compile(r"[+-]?[0-9]{1,18}")


# -- printing ------------------------------------------------------------------


def text(value: Value) -> str:
    """The value as `string()`, `concat()` and `@{…}` print it."""
    match value:
        case str():
            return value
        case None:
            return ""
        case bool():
            return "True" if value else "False"
        case int():
            return str(value)
        case float():
            return float_text(value)
        case Decimal():
            return format(value, "f")
        case dict() if content_type(value) is not None:
            return content_text(value)
    return json_text(value)


def float_text(value: float) -> str:
    """The shortest digits that give `value` again, as .NET writes them: with an exponent from 1E+15 and below 1E-04."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    assert isinstance(exponent, int)
    shown = "".join(map(str, digits)).rstrip("0")
    if not shown:
        return "-0" if sign else "0"
    # The place of the point, counted from the first digit.
    point = len(digits) + exponent
    minus = "-" if sign else ""
    if -5 < point - 1 < 15:
        if point <= 0:
            return f"{minus}0.{'0' * -point}{shown}"
        if len(shown) <= point:
            return minus + shown.ljust(point, "0")
        return f"{minus}{shown[:point]}.{shown[point:]}"
    mantissa = shown[0] + ("." + shown[1:] if len(shown) > 1 else "")
    return f"{minus}{mantissa}E{'-' if point < 1 else '+'}{abs(point - 1):02}"


_LINE_ENDS = {0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"}


def json_text(value: Value) -> str:
    """Compact JSON; inside JSON a whole float keeps its `.0`, and a decimal its scale."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            shown = float_text(value)
            if not math.isfinite(value):
                return f'"{shown}"'
            return shown if "." in shown or "E" in shown else f"{shown}.0"
        case Decimal():
            shown = format(value, "f")
            return shown if "." in shown else f"{shown}.0"
        case str():
            return json.dumps(value, ensure_ascii=False).translate(_LINE_ENDS)
        case list():
            return "[" + ",".join(map(json_text, value)) + "]"
    pairs = (f"{json_text(k)}:{json_text(v)}" for k, v in value.items())
    return "{" + ",".join(pairs) + "}"


def parsed(source: str) -> Value:
    """The value of JSON text; of keys that repeat the last stays, at its own place."""
    try:
        value = _DECODER.decode(source)
    except (ValueError, RecursionError) as error:
        raise Fault(f"the text is not JSON: {error}") from None
    if deeper(value, DEEPEST):
        raise Fault(f"the JSON nests deeper than {DEEPEST}")
    return value


def _last_wins(pairs: list[tuple[str, Value]]) -> dict[str, Value]:
    kept: dict[str, Value] = {}
    for key, value in pairs:
        kept.pop(key, None)
        kept[key] = value
    return kept


def _whole(digits: str) -> int:
    if len(digits) > 400:
        raise ValueError("a number has too many digits")
    return int(digits)


_DECODER = json.JSONDecoder(object_pairs_hook=_last_wins, parse_int=_whole)


def deeper(value: Value, most: int) -> bool:
    """Whether a value nests deeper than that."""
    level: list[Any] = [value] if isinstance(value, _NESTING) else []
    for _ in range(most):
        if not level:
            return False
        level = [i for v in level for i in (v.values() if isinstance(v, dict) else v) if isinstance(i, _NESTING)]
    return bool(level)


_NESTING = (list, dict)


def bounded(value: Value) -> None:
    """Raises `Fault` for a value that nests too deep, or repeats its parts too often, to be written down.

    A loop may put a value into another twice, again and again: it takes no room here, and all there is as JSON.
    """
    level: list[Any] = [value] if isinstance(value, _NESTING) else []
    count, held = 0, 0
    for _ in range(DEEPEST):
        if not level:
            return
        count += sum(map(len, level))
        if count > MOST_PARTS:
            held = held or _held(value)
            if count > 4 * held:
                raise Fault(f"the value repeats its parts, and has more than {MOST_PARTS:,} of them")
        level = [i for v in level for i in (v.values() if isinstance(v, dict) else v) if isinstance(i, _NESTING)]
    if level:
        raise Fault(f"the value nests deeper than {DEEPEST}")


def _held(value: Value) -> int:
    """How many parts a value has, each counted once wherever it stands."""
    known, waiting, count = set[int](), [value], 0
    while waiting:
        one = waiting.pop()
        if isinstance(one, _NESTING) and id(one) not in known:
            known.add(id(one))
            count += len(one)
            waiting += one.values() if isinstance(one, dict) else one
    return count


# -- comparing -------------------------------------------------------------------


def same(left: Value, right: Value) -> bool:
    """Whether two values are equal, in depth; text by its very characters, numbers across their types."""
    if isinstance(left, bool) or isinstance(right, bool):
        return _as_boolean(left) == _as_boolean(right) if {kind(left), kind(right)} != {"boolean"} else left == right
    return key(left) == key(right)


def _as_boolean(value: Value) -> bool | object:
    # What is neither equals nothing, itself included.
    if isinstance(value, bool):
        return value
    if number(value) and value in (0, 1):
        return bool(value)
    return {"True": True, "False": False}.get(value, object()) if isinstance(value, str) else object()


def key(value: Value) -> Hashable:
    """Something hashable that two values share just if they are equal in depth."""
    match value:
        case bool() | str() | None:
            return (type(value), value)
        case int() | float() | Decimal():
            return (float, value)
        case list():
            return (list, tuple(map(key, value)))
    return (dict, frozenset((k, key(v)) for k, v in value.items()))


# -- objects ---------------------------------------------------------------------


def found(names: dict[str, Value], name: str) -> str | None:
    """The key that `name` stands for: exactly that, or else the first that differs only in case."""
    if name in names:
        return name
    folded = name.casefold()
    return next((k for k in names if k.casefold() == folded), None)


# -- text as .NET holds it: UTF-16 ----------------------------------------------


def units(source: str) -> bytes:
    """UTF-16, two bytes to a unit: what lengths and places count."""
    return source.encode("utf-16-le", "surrogatepass")


def of_units(units: bytes) -> str:
    """The text of such units; half a pair stays half a pair."""
    return units.decode("utf-16-le", "surrogatepass")


def plain(source: str) -> bool:
    """Whether every character is one unit."""
    return source.isascii() or max(source) <= "\uffff"


def utf8(source: str) -> bytes:
    """UTF-8; half a surrogate pair becomes the replacement character."""
    try:
        return source.encode()
    except UnicodeEncodeError:
        return units(source).decode("utf-16-le", "replace").encode()


def unbroken(value: Value) -> Value:
    """The value as it leaves a run: half a pair in a text becomes the replacement character, as in UTF-8."""
    match value:
        case str():
            return value if value.isascii() else units(value).decode("utf-16-le", "replace")
        case list():
            return [unbroken(v) for v in value]
        case dict():
            return {unbroken(k): unbroken(v) for k, v in value.items()}
    return value


# -- bytes and XML ---------------------------------------------------------------

OCTETS = "application/octet-stream"
XML = "application/xml;charset=utf-8"


def content(media: str, data: bytes) -> dict[str, Value]:
    """Bytes of a media type, as the language holds them."""
    return {"$content-type": media, "$content": base64.b64encode(data).decode()}


def content_type(value: Value) -> str | None:
    """The media type of a value that holds bytes; None of any other."""
    if isinstance(value, dict) and isinstance(value.get("$content"), str):
        media = value.get("$content-type")
        return media if isinstance(media, str) else None
    return None


def content_bytes(value: dict[str, Value]) -> bytes:
    """The bytes of such a value."""
    return unbase64(value["$content"])


def content_text(value: dict[str, Value]) -> str:
    """The bytes of such a value as text, by the charset of its media type."""
    _, parameters = media_parts(value["$content-type"])
    charset = parameters.get("charset", "utf-8")
    return decoded(content_bytes(value), charset)


def decoded(data: bytes, charset: str) -> str:
    """Text of bytes; what isn't in the charset becomes the replacement character."""
    spelling = _CHARSETS.get(charset.strip("\"'").lower())
    if spelling is None:
        raise Fault(f"the charset `{charset}` is not known")
    return data.decode(spelling, "replace").removeprefix("\ufeff")


_CHARSETS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "ascii",
    "ascii": "ascii",
    "iso-8859-1": "latin-1",
    "latin1": "latin-1",
    "utf-16": "utf-16-le",
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
    "unicode": "utf-16-le",
    "utf-32": "utf-32-le",
    "windows-1252": "cp1252",
}

_TOKEN = re.compile(r"[\w!#$%&'*+.^`|~-]+")


def media_parts(media: str, strict: bool = True) -> tuple[str, dict[str, str]]:
    """The type and the parameters of a media type; `strict` refuses a parameter without a value."""
    kind, *rest = media.split(";")
    halves = kind.strip().split("/")
    if len(halves) != 2 or not all(_TOKEN.fullmatch(h) for h in halves):
        raise Fault(f"`{media}` is not a media type")
    parameters = {}
    for part in rest:
        name, equals, value = part.strip().partition("=")
        if not _TOKEN.fullmatch(name) or (strict and not equals) or (equals and not _PARAMETER.fullmatch(value)):
            raise Fault(f"`{media}` is not a media type")
        parameters[name.lower()] = value
    charset = parameters.get("charset")
    if charset is not None and charset.strip("\"'").lower() not in _CHARSETS:
        raise Fault(f"the charset `{charset}` is not known")
    return kind.strip(), parameters


_PARAMETER = re.compile(r"[\w!#$%&'*+.^`|~-]+|\"[^\"]*\"")


def unbase64(source: str) -> bytes:
    """The bytes of base64, which blanks may part."""
    try:
        return base64.b64decode(re.sub(r"[ \t\r\n]", "", source).encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise Fault("the text is not base64") from None
