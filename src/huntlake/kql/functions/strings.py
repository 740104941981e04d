"""Texts: their length, case, parts and order."""

from __future__ import annotations

from collections.abc import Sequence

from huntlake.kql.forms import ITEM, as_text
from huntlake.kql.functions.terms import has_term
from huntlake.kql.symbols import (
    Bool,
    Dynamic,
    Int,
    Long,
    Naming,
    Real,
    Scalar,
    Sql,
    String,
    Unsupported,
    Whole,
    quoted,
    scalar,
)
from huntlake.kql.types import ScalarType

_LONGEST = 2_147_483_647


def filled(text: str, *arguments: str) -> str:
    """`text` as a string, which is never null, where one of the arguments may be."""
    nullable = any(isinstance(a, Sql) and a.nullable for a in arguments)
    return f"coalesce({text}, '')" if nullable else text


def clamped(number: str, low: int, high: int) -> str:
    """`number` brought between two bounds; a constant at once."""
    if isinstance(number, Sql) and isinstance(number.value, int):
        return str(min(max(number.value, low), high))
    return f"least(greatest({number}, {low}), {high})"


# -- measuring ---------------------------------------------------------------------


@scalar("strlen", named=Naming.FUNCTION_AND_ARGUMENT, total=True)
def strlen(source: String) -> Long:
    """The number of characters in `source`.

    >>> strlen("hello")
    5
    """
    return f"length({source})"


@strlen.overload
def _(source: Dynamic) -> Long:
    return f"length({as_text(source)})"


@scalar("string_size", named=Naming.FUNCTION_AND_ARGUMENT, total=True)
def string_size(source: String) -> Long:
    """The number of bytes that `source` takes in UTF-8.

    >>> string_size("⒦⒰")
    6
    """
    return f"strlen({source})"


@string_size.overload
def _(source: Dynamic) -> Long:
    return f"strlen({as_text(source)})"


@scalar("isascii", total=True)
def isascii(value: Scalar) -> Bool:
    """Whether every character is one of ASCII.

    >>> isascii("some string")
    true
    >>> isascii("é")
    false
    """
    text = as_text(value)
    return f"length({text}) = strlen({text})"


@scalar("isutf8", total=True)
def isutf8(value: Scalar) -> Bool:
    """Whether `value` is well-formed UTF-8, which every text here is.

    >>> isutf8("some string")
    true
    """
    return "true"


@scalar("strcmp", total=True)
def strcmp(first: Scalar, second: Scalar) -> Long:
    """Which of two texts comes first: -1, 0 or 1. Upper and lower case differ.

    >>> strcmp("abc", "ABC")
    1
    >>> strcmp("ABC", "abc")
    -1
    """
    a, b = f"({as_text(first)})", f"({as_text(second)})"
    return f"(case when {a} < {b} then -1 when {a} > {b} then 1 else 0 end)::BIGINT"


# -- case ----------------------------------------------------------------------------


@scalar("toupper")
def toupper(value: Scalar) -> String:
    """`value` in upper case.

    >>> toupper("hello")
    "HELLO"
    """
    return f"upper({as_text(value)})"


@scalar("tolower")
def tolower(value: Scalar) -> String:
    """`value` in lower case.

    >>> tolower("Hello")
    "hello"
    """
    return f"lower({as_text(value)})"


@tolower.folds
def _(value: object, *, types: Sequence[ScalarType]) -> object:
    return value.lower() if isinstance(value, str) and value.isascii() else NotImplemented


# -- parts ---------------------------------------------------------------------------


@scalar("substring")
def substring(source: Scalar, start: Long, length: Long = "2147483647") -> String:
    """The part of `source` from the zero-based `start`, at most `length` characters.

    A negative `start` counts from the end.

    >>> substring("123456", 1)
    "23456"
    >>> substring("123456", 2, 2)
    "34"
    >>> substring("123456", -3, 2)
    "45"
    >>> substring(123456, 10)
    ""
    """
    text = f"({as_text(source)})"
    place = clamped(start, -_LONGEST, _LONGEST)
    first = f"case when {start} < 0 then greatest(length({text}) + {place}, 0) else {place} end + 1"
    if isinstance(start, Sql) and isinstance(start.value, int):
        # The engine's own negative start differs where it lies before the beginning.
        first = f"{int(place) + 1}" if start.value >= 0 else f"greatest(length({text}) + ({place}), 0) + 1"
    return filled(f"substring({text}, {first}, {clamped(length, 0, _LONGEST)})", start, length)


@scalar("split", named=Naming.FIRST_ARGUMENT)
def split(source: Scalar, delimiter: String, index: Long = "null::BIGINT") -> Dynamic:
    """The parts of `source` between delimiters; with a zero-based `index` an array of that part alone, if it is there.

    >>> split("aa_bb", "_")
    dynamic(["aa","bb"])
    >>> split("aaa_bbb_ccc", "_", 1)
    dynamic(["bbb"])
    >>> split("aaa_bbb_ccc", "_", 3)
    dynamic([])
    >>> split("a__b", "_")
    dynamic(["a","","b"])
    """
    text = f"({as_text(source)})"
    # The engine parts a text at every character where the delimiter is empty.
    parts = f"case when {delimiter} = '' then [{text}] else string_split({text}, {delimiter}) end"
    if isinstance(delimiter, Sql) and delimiter.constant:
        parts = f"string_split({text}, {delimiter})" if delimiter.value else f"[{text}]"
    if index == "null::BIGINT":
        return f"to_json({parts})"
    at = f"{index} + 1"
    if not isinstance(index, Sql) or not isinstance(index.value, int):
        refusal = quoted("`split` with a negative index is not supported")
        at = f"case when {index} < 0 then error({refusal})::BIGINT else {index} + 1 end"
    elif index.value < 0:
        raise Unsupported("a negative index")
    return f"to_json(({parts})[{at}:{at}])"


@scalar("indexof", total=True)
def indexof(source: Scalar, match: Scalar, start: Long = "0", length: Long = "-1", occurrence: Long = "1") -> Long:
    """The zero-based place of `match` in `source`, -1 where it isn't there.

    The search begins at `start`, from the end where that is negative, and looks at `length` characters.

    >>> indexof("abcdefg", "cde")
    2
    >>> indexof("abcdefg", "cde", 1, 2)
    -1
    >>> indexof("abcdefg", "cde", -5)
    2
    >>> indexof("abcdefgabcdefg", "cde", 1, 10, 2)
    9
    """
    text, needle = as_text(source), as_text(match)
    if (_whole(start), _whole(length), _whole(occurrence)) == (0, -1, 1):
        return f"instr({text}, {needle}) - 1"
    return f"hl_indexof({text}, {needle}, {start}, {length}, {occurrence})"


@scalar("has_any_index", total=True)
def has_any_index(source: String, values: Dynamic) -> Long:
    """The place in the array `values` of the first that `source` has as a whole term, -1 where it has none.

    >>> has_any_index("this is an example", dynamic(["not", "example"]))
    1
    >>> has_any_index("this is an example", dynamic([]))
    -1
    """
    if isinstance(values, Sql) and isinstance(values.value, list):
        cases = "".join(
            f" when {has_term(source, Sql(quoted(str(v)), ScalarType.STRING, str(v)))} then {i}"
            for i, v in enumerate(values.value)
            if isinstance(v, str | int | float) and not isinstance(v, bool)
        )
        return f"(case{cases} else -1 end)::BIGINT" if cases else "(-1)::BIGINT"
    inner = has_term(source, ITEM)
    found = f"list_transform(json_extract_string({values}, '$[*]')::VARCHAR[], lambda {ITEM}: {inner})"
    return f"coalesce(list_position({found}, true), 0)::BIGINT - 1"


@has_any_index.overload
def _(source: Dynamic, values: Dynamic) -> Long:
    return has_any_index.signatures[0].body(Sql(as_text(source), ScalarType.STRING, nullable=False), values)


# -- putting together --------------------------------------------------------------


@scalar("strcat")
def strcat(value: Scalar, *values: Scalar) -> String:
    """The texts of the values, one behind the other.

    >>> strcat("a", 1, "b")
    "a1b"
    """
    return " || ".join(f"({as_text(v)})" for v in (value, *values))


@scalar("strcat_delim")
def strcat_delim(delimiter: Scalar, value: Scalar, *values: Scalar) -> String:
    """The texts of the values, with the delimiter between them.

    >>> strcat_delim("-", 1, "2", "A", 1s)
    "1-2-A-00:00:01"
    """
    return f"concat_ws({as_text(delimiter)}, {', '.join(as_text(v) for v in (value, *values))})"


@scalar("strrep")
def strrep(value: Scalar, multiplier: Long, delimiter: Scalar = "''") -> String:
    """The text of `value` so many times, at most 1024, with the delimiter between.

    >>> strrep("ABC", 2)
    "ABCABC"
    >>> strrep(123, 3, ".")
    "123.123.123"
    """
    text, between = as_text(value), as_text(delimiter)
    times = clamped(multiplier, 0, 1024)
    once = f"case when {times} > 0 then repeat(({text}) || ({between}), ({times}) - 1) || ({text}) else '' end"
    return filled(once, multiplier)


@scalar("reverse")
def reverse(value: Scalar) -> String:
    """The text of `value` from its last character to the first.

    >>> reverse("ABC")
    "CBA"
    >>> reverse(123.45)
    "54.321"
    """
    return f"reverse({as_text(value)})"


# -- replacing -----------------------------------------------------------------------


@scalar("replace_string")
def replace_string(text: String, lookup: String, rewrite: String) -> String:
    """`text` with every `lookup` replaced.

    >>> replace_string("A magic trick", "magic", "card")
    "A card trick"
    """
    return f"replace({text}, {lookup}, {rewrite})"


@scalar("replace_strings")
def replace_strings(text: String, lookups: Dynamic, rewrites: Dynamic) -> String:
    """`text` with each of several lookups replaced by the rewrite at its place. Matches don't overlap.

    >>> replace_strings("a cat, a dog", dynamic(["cat", "dog"]), dynamic(["dog", "pigeon"]))
    "a dog, a pigeon"
    """
    return f"hl_replace_strings({text}, {lookups}::VARCHAR, {rewrites}::VARCHAR)"


@scalar("translate")
def translate(search: String, replacement: String, source: String) -> String:
    """`source` with each character of `search` replaced by the one of `replacement` at its place.

    The last of `replacement` stands for the rest; an empty one takes the characters out.

    >>> translate("krasp", "otsku", "spark")
    "kusto"
    >>> translate("abc", "x", "abc")
    "xxx"
    >>> translate("abc", "", "ab")
    ""
    """
    padded = f"{replacement} || repeat(right({replacement}, 1), greatest(length({search}) - length({replacement}), 0))"
    return f"translate({source}, {search}, {padded})"


# -- numbers as text -----------------------------------------------------------------


@scalar("tohex", named=Naming.FIRST_ARGUMENT)
def tohex(value: Int, minimum: Long = "0") -> String:
    """The hexadecimal digits of a whole number, at least `minimum` of them.

    >>> tohex(256)
    "100"
    >>> tohex(-256)
    "ffffffffffffff00"
    >>> tohex(toint(-256), 8)
    "ffffff00"
    >>> tohex(256, 8)
    "00000100"
    """
    # The engine writes a negative number with all the digits of 64 bits.
    return _hexadecimal(f"lower(right(to_hex({value}::BIGINT), 8))", minimum)


@tohex.overload
def _(value: Long, minimum: Long = "0") -> String:
    return _hexadecimal(f"lower(to_hex({value}::BIGINT))", minimum)


def _hexadecimal(digits: str, minimum: str) -> str:
    if _whole(minimum) == 0:
        return f"coalesce({digits}, '')"
    return f"coalesce(lpad({digits}, greatest(length({digits}), {clamped(minimum, 0, 16)})::INTEGER, '0'), '')"


@scalar("format_bytes", named=Naming.FIRST_ARGUMENT)
def format_bytes(size: Real, precision: Whole = "0", units: String = "''") -> String:
    """A size in bytes for people: in `Bytes`, `KB`, `MB`, `GB`, `TB`, `PB` or `EB`, each 1024 of the one before.

    >>> format_bytes(564)
    "564 Bytes"
    >>> format_bytes(10332, 1)
    "10.1 KB"
    >>> format_bytes(20010332, 0, "KB")
    "19541 KB"
    """
    digits = f"({clamped(precision, 0, 15)})::INTEGER"

    def written(power: int) -> str:
        rounded = Sql(f"round({size} / {1024**power}::DOUBLE, {digits})", ScalarType.REAL)
        return f"({as_text(rounded)} || ' {_UNITS[power]}')"

    if isinstance(units, Sql) and isinstance(units.value, str) and units.value:
        names = [u.lower() for u in _UNITS]
        return written(names.index(units.value.lower())) if units.value.lower() in names else "''"
    own = "".join(f" when abs({size}) >= {1024**p}::DOUBLE then {written(p)}" for p in range(len(_UNITS) - 1, 0, -1))
    auto = f"case{own} else {written(0)} end"
    if isinstance(units, Sql) and units.constant:
        return f"case when {size} is null then '' else {auto} end"
    named = "".join(f" when '{u.lower()}' then {written(p)}" for p, u in enumerate(_UNITS))
    return f"case when {size} is null then '' else case lower({units}) when '' then {auto}{named} else '' end end"


_UNITS = ("Bytes", "KB", "MB", "GB", "TB", "PB", "EB")


def _whole(argument: str) -> int | None:
    if isinstance(argument, Sql) and isinstance(argument.value, int):
        return argument.value
    return None
