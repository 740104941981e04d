"""Functions of text. Lengths and places count UTF-16 units, as .NET's do."""

from __future__ import annotations

import re

from huntlake.wdl.dotnet.numbers import formatted, read_float
from huntlake.wdl.expressions.symbols import (
    STEP,
    Anything,
    Array,
    Boolean,
    Collection,
    Integer,
    Number,
    OptionalInteger,
    Scope,
    String,
    TextOrArray,
    function,
    walked,
)
from huntlake.wdl.expressions.values import Fault, Value, key, of_units, plain, text, units

MOST_CHUNKS = 100_000
LARGEST_TEXT = 10_000_000
"""How many characters one `replace` may make."""


@function("concat", cost=walked)
def concat(value: Anything, *values: Anything) -> String:
    """The values as text, one behind the other.

    >>> concat('a', 1, true, null)
    "a1True"
    """
    return text(value) + "".join(map(text, values))


@function("endsWith")
def ends_with(text: String, search_text: String) -> Boolean:
    """Whether `text` ends with `searchText`, in whatever case.

    >>> endsWith('hello world', 'World')
    true
    """
    return _folded(text).endswith(_folded(search_text))


@function("startsWith")
def starts_with(text: String, search_text: String) -> Boolean:
    """Whether `text` starts with `searchText`, in whatever case.

    >>> startsWith('Hello world', 'hello')
    true
    """
    return _folded(text).startswith(_folded(search_text))


@function("indexOf")
def index_of(text: String, search_text: String) -> Integer:
    """The place of `searchText` in `text`, in whatever case, from 0; -1 where it isn't.

    >>> indexOf('hello World', 'world')
    6
    """
    return _place(text, _folded(text).find(_folded(search_text)))


@function("lastIndexOf")
def last_index_of(text: String, search_text: String) -> Integer:
    """The last place of `searchText` in `text`, in whatever case, from 0; -1 where it isn't.

    >>> lastIndexOf('hello world hello world', 'World')
    18
    """
    if not search_text:
        return max(0, len(units(text)) // 2 - 1)
    return _place(text, _folded(text).rfind(_folded(search_text)))


@function("nthIndexOf")
def nth_index_of(text: String, search_text: String, occurrence: Integer) -> Integer:
    """The place where `searchText` stands in `text` for the nth time, counted from the end if below 0; -1 for none.

    >>> nthIndexOf('123456789123465789', '1', 2)
    9
    >>> nthIndexOf('123456789123465789', '12', -1)
    9
    """
    if occurrence == 0:
        raise Fault("`occurrence` of `nthIndexOf` must not be 0")
    if not search_text:
        return 0
    places = [m.start() for m in re.finditer(re.escape(_folded(search_text)), _folded(text))]
    if abs(occurrence) > len(places):
        return -1
    return _place(text, places[occurrence - 1 if occurrence > 0 else occurrence])


def _folded(text: str) -> str:
    # Character by character, so that no place moves.
    lower = text.lower()
    return lower if len(lower) == len(text) else "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def _place(text: str, found: int) -> int:
    return found if found < 0 or plain(text) else len(units(text[:found])) // 2


@function("length")
def length(collection: TextOrArray) -> Integer:
    """How many characters a text has, or elements an array.

    >>> length('abcd')
    4
    >>> length(createArray(0, 1, 2))
    3
    """
    return len(units(collection)) // 2 if isinstance(collection, str) else len(collection)


@function("split")
def split(text: String, delimiter: String) -> Array:
    """The parts of `text` between the delimiters, which are plain text.

    >>> split('a_b_c', '_')
    ["a","b","c"]
    """
    return text.split(delimiter) if delimiter else [text]


@function("replace")
def replace(text: String, old_text: String, new_text: String) -> String:
    """`text` with `newText` wherever `oldText` stood, which must be in the same case.

    >>> replace('the old string', 'old', 'new')
    "the new string"
    """
    if not old_text:
        raise Fault("`oldText` of `replace` must not be empty")
    if len(new_text) > len(old_text) and len(text) * len(new_text) > LARGEST_TEXT:
        made = len(text) + text.count(old_text) * (len(new_text) - len(old_text))
        if made > LARGEST_TEXT:
            raise Fault(f"`replace` would make a text of more than {LARGEST_TEXT:,} characters")
    return text.replace(old_text, new_text)


@function("substring")
def substring(text: String, start_index: Integer, length: OptionalInteger = None) -> String:
    """So many characters of `text` from a place on; one that runs over the end is an error.

    >>> substring('hello world', 6, 5)
    "world"
    """
    whole = units(text)
    count = len(whole) // 2
    taken = count - start_index if length is None else length
    if start_index < 0 or taken < 0 or start_index + taken > count:
        raise Fault(f"`substring` from {start_index} over {taken} is outside of a text of {count} characters")
    return of_units(whole[2 * start_index : 2 * (start_index + taken)])


@function("slice")
def slice_(text: String, start_index: Integer, end_index: OptionalInteger = None) -> String:
    """The characters of `text` from one place to before another; a negative place counts from the end.

    >>> slice('Hello World', -5, -1)
    "Worl"
    """
    whole = units(text)
    count = len(whole) // 2
    end = count if end_index is None else end_index
    start, end = (max(0, count + p) if p < 0 else min(p, count) for p in (start_index, end))
    return of_units(whole[2 * start : 2 * end])


@function("toLower")
def to_lower(text: String) -> String:
    """`text` in small letters.

    >>> toLower('Hello World')
    "hello world"
    """
    # Without a culture these two stay as they are, where Python writes two characters or another letter.
    if text.isascii():
        return text.lower()
    return text.translate({ord(c): c.lower() for c in set(text) if c != "İ" and len(c.lower()) == 1})


@function("toUpper")
def to_upper(text: String) -> String:
    """`text` in capitals.

    >>> toUpper('Hello World')
    "HELLO WORLD"
    """
    if text.isascii():
        return text.upper()
    return text.translate({ord(c): c.upper() for c in set(text) if c != "ı" and len(c.upper()) == 1})


@function("trim")
def trim(text: String) -> String:
    """`text` without the blanks around it.

    >>> trim(' Hello World  ')
    "Hello World"
    """
    return text.strip(_BLANKS)


_BLANKS = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
_BLANKS += "\u2028\u2029\u202f\u205f\u3000"
"""What .NET takes for white space: separators of files and records, as Python has them, are none."""


def _pieces(collection: str | list[Value], length: int) -> int:
    return STEP * (len(collection) // max(length, 1))


@function("chunk", cost=_pieces)
def chunk(collection: TextOrArray, length: Integer) -> Array:
    """The collection in pieces of that length; the last may be shorter.

    >>> chunk('abcdefgh', 3)
    ["abc","def","gh"]
    >>> chunk(createArray(1, 2, 3), 2)
    [[1,2],[3]]
    """
    if length <= 0:
        raise Fault("`length` of `chunk` must be a positive integer")
    if len(collection) > MOST_CHUNKS * length:
        raise Fault(f"`chunk` would make more than {MOST_CHUNKS:,} pieces")
    if isinstance(collection, str):
        whole = units(collection)
        return [of_units(whole[i : i + 2 * length]) for i in range(0, len(whole), 2 * length)]
    return [collection[i : i + length] for i in range(0, len(collection), length)]


@function("guid")
def guid(scope: Scope, format: String = "D") -> String:
    """A new GUID: with hyphens, or in the format `N`, `B`, `P` or `X`."""
    made = scope.new_id()
    bare = made.replace("-", "")
    match format.upper():
        case "D":
            return made
        case "N":
            return bare
        case "B":
            return f"{{{made}}}"
        case "P":
            return f"({made})"
        case "X":
            tail = ",".join(f"0x{bare[i : i + 2]}" for i in range(16, 32, 2))
            return f"{{0x{bare[:8]},0x{bare[8:12]},0x{bare[12:16]},{{{tail}}}}}"
    raise Fault(f"`{format}` is not a format of GUIDs")


@function("formatNumber")
def format_number(number: Number, format: String, locale: String = "en-us") -> String:
    """A number by a .NET format, standard or custom.

    >>> formatNumber(1234567890, '0,0.00')
    "1,234,567,890.00"
    >>> formatNumber(17.35, 'C2')
    "$17.35"
    """
    if len(format) > 1000:
        raise Fault("a number format has at most 1,000 characters")
    return formatted(number, format, locale)


@function("isInt")
def is_int(text: String) -> Boolean:
    """Whether `text` is a whole number of 64 bits.

    >>> isInt('10')
    true
    >>> isInt('1.5')
    false
    """
    return bool(re.fullmatch(r"\s*[+-]?[0-9]{1,20}\s*", text)) and -(2**63) <= int(text) < 2**63


@function("isFloat")
def is_float(text: String, locale: String = "") -> Boolean:
    """Whether `float` can read `text`.

    >>> isFloat('10,000.00')
    true
    """
    try:
        read_float(text, locale)
    except Fault:
        return False
    return True


@function("contains", cost=walked)
def contains(collection: Collection, value: Anything) -> Boolean:
    """Whether a text holds another, an array an element, or an object a key; case counts.

    >>> contains('hello world', 'world')
    true
    >>> contains(createArray('a', 'b'), 'A')
    false
    """
    return _contains(collection, value)


def _contains(collection: Value, value: Value) -> bool:
    match collection:
        case str():
            if not isinstance(value, str):
                raise Fault("`value` of `contains` must be a string where a text is searched")
            return value in collection
        case dict():
            return isinstance(value, str) and value in collection
    wanted = key(value)
    return any(key(c) == wanted for c in collection)
