"""Functions of text that are templates' own."""

from __future__ import annotations

import base64
import hashlib
import re
import uuid
from typing import Any
from urllib.parse import urljoin

from huntlake.core.diagnostics import SourceError
from huntlake.playbooks.deployment.templates.place import Here
from huntlake.playbooks.lenient_json import read
from huntlake.wdl.dotnet.numbers import formatted
from huntlake.wdl.dotnet.timestamps import read as read_time
from huntlake.wdl.dotnet.timestamps import written
from huntlake.wdl.expressions.symbols import Anything, Array, Boolean, Integer, String, function
from huntlake.wdl.expressions.values import Fault, found, key, kind, number, same, text, unbase64, units

_NAMESPACE = uuid.UUID("11fb06fb-712d-4ddd-98c7-e71bbd588830")
_QUOTED = re.compile(r"""'((?:[^'\\]|\\.)*)'|"(?:[^"\\]|\\.)*\"""", re.DOTALL)


@function("concat")
def concat(*values: Anything) -> Anything:
    """Texts one behind the other; or arrays, to one array.

    >>> concat('a', 1, true())
    "a1True"
    >>> concat(createArray(1), createArray(2))
    [1,2]
    """
    if any(isinstance(v, list) for v in values):
        if not all(isinstance(v, list) for v in values):
            raise Fault("`concat` joins texts, or arrays, and not a mixture")
        return [element for v in values for element in v]
    return "".join(map(text, values))


@function("contains")
def contains(container: Anything, item_to_find: Anything) -> Boolean:
    """Whether a text has a part, an array an element, or an object a key, of whatever case.

    >>> contains('abc', 'b')
    true
    >>> contains(createObject('One', 1), 'one')
    true
    """
    match container:
        case str():
            return text(item_to_find) in container
        case list():
            return any(same(item_to_find, element) for element in container)
        case dict() if isinstance(item_to_find, str):
            return found(container, item_to_find) is not None
    raise Fault(f"`contains` can't look for a value of type {kind(item_to_find)} in one of type {kind(container)}")


@function("equals")
def equals(arg1: Anything, arg2: Anything) -> Boolean:
    """Whether two values are the same: texts in the same case, objects whatever the order of their keys.

    >>> equals('a', 'A')
    false
    >>> equals(1, '1')
    false
    """
    if number(arg1) and number(arg2):
        return bool(arg1 == arg2)
    return type(arg1) is type(arg2) and key(arg1) == key(arg2)


@function("length")
def length(value: Anything) -> Integer:
    """How many characters, elements or keys there are.

    >>> length(createObject('a', 1, 'b', 2))
    2
    """
    match value:
        case str():
            return len(units(value)) // 2
        case list() | dict():
            return len(value)
    raise Fault(f"`length` counts a text, an array or an object, not a value of type {kind(value)}")


@function("split")
def split(input_string: String, delimiter: Anything) -> Array:
    """The parts of a text between a delimiter, or between several.

    >>> split('one,two', ',')
    ["one","two"]
    >>> split('one;two,three', createArray(',', ';'))
    ["one","two","three"]
    """
    marks = [delimiter] if isinstance(delimiter, str) else delimiter
    if not isinstance(marks, list) or not all(isinstance(m, str) for m in marks):
        raise Fault("`delimiter` of `split` must be a text, or an array of texts")
    wanted = "|".join(re.escape(m) for m in sorted(marks, key=len, reverse=True) if m)
    return re.split(wanted, input_string) if wanted else [input_string]


@function("json")
def json_(value: String) -> Anything:
    """The value of JSON text; texts in it may stand between single quotes.

    >>> json('{''a'': 1}')
    {"a":1}
    >>> json('null')
    null
    """
    try:
        return read(value, "json")
    except SourceError as first:
        try:
            return read(_QUOTED.sub(_double, value), "json")
        except SourceError:
            raise Fault(f"the text is not JSON: {first.diagnostics[0].message}") from None


def _double(match: re.Match[str]) -> str:
    if match[1] is None:
        return match[0]
    return '"' + match[1].replace("\\'", "'").replace('"', '\\"') + '"'


@function("base64ToJson")
def base64_to_json(base64_value: String) -> Anything:
    """The value of JSON text in base64.

    >>> base64ToJson(base64('{"a": 1}'))
    {"a":1}
    """
    try:
        return json_.body(unbase64(base64_value).decode())
    except UnicodeDecodeError:
        raise Fault("the base64 holds no text") from None


@function("padLeft")
def pad_left(value_to_pad: Anything, total_length: Integer, padding_character: String = " ") -> String:
    """A text, or a number, with so much before it that it has a certain length.

    >>> padLeft('123', 5, '0')
    "00123"
    """
    if isinstance(value_to_pad, list | dict | bool) or value_to_pad is None:
        raise Fault("`padLeft` pads texts and numbers")
    if len(padding_character) != 1 or not 0 <= total_length <= 16_384:
        raise Fault("`padLeft` pads with one character, to at most 16,384")
    return text(value_to_pad).rjust(total_length, padding_character)


@function("format")
def format_(format_string: String, *values: Anything) -> String:
    """A text with values in place of `{0}`, `{1:N2}` and so on, as .NET formats them.

    >>> format('{0}, {1}! {2:N0}', 'Hello', 'you', 8175133)
    "Hello, you! 8,175,133"
    >>> format('{{{0}}}', 1)
    "{1}"
    """

    def put(match: re.Match[str]) -> str:
        if match[0] in ("{{", "}}"):
            return match[0][0]
        if match[1] is None:
            raise Fault(f"`{match[0]}` in the text of `format` means nothing; a bracket is written twice")
        index, width, how = int(match[1]), int(match[2] or 0), match[3] or ""
        if index >= len(values):
            raise Fault(f"`format` was given no value for `{match[0]}`")
        shown = _formatted(values[index], how)
        if abs(width) > 1_000:
            raise Fault("`format` fills up to at most 1,000 characters")
        return shown.rjust(width) if width >= 0 else shown.ljust(-width)

    return re.sub(r"\{\{|\}\}|\{(\d{1,3})(?:,(-?\d{1,4}))?(?::([^{}]*))?\}|[{}]", put, format_string)


def _formatted(value: Any, how: str) -> str:
    if how and number(value):
        return formatted(value, how)
    if how and isinstance(value, str):
        try:
            return written(read_time(value), how)
        except Fault:
            return value
    return text(value)


@function("guid")
def guid(base_string: String, *parameters: String) -> String:
    """A GUID that is always the same for the same texts.

    >>> equals(guid('a', 'b'), guid('a', 'b'))
    true
    >>> length(guid('a'))
    36
    """
    return str(uuid.uuid5(_NAMESPACE, "-".join((base_string, *parameters))))


@function("uniqueString")
def unique_string(base_string: String, *parameters: String) -> String:
    """Thirteen letters and digits that are always the same for the same texts. Azure makes others of them.

    >>> length(uniqueString('a', 'b'))
    13
    >>> equals(uniqueString('a'), uniqueString('b'))
    false
    """
    digest = hashlib.sha256("-".join((base_string, *parameters)).encode()).digest()
    return base64.b32encode(digest[:10]).decode().lower()[:13]


@function("newGuid")
def new_guid(here: Here) -> String:
    """A new GUID each time."""
    return here.where.new_id()


@function("uri")
def uri(base_uri: String, relative_uri: String) -> String:
    """An address, and what it is relative to.

    >>> uri('https://a.example/b/', 'c.json')
    "https://a.example/b/c.json"
    >>> uri('https://a.example/b/', '/c.json')
    "https://a.example/b/c.json"
    """
    # Of a slash behind the one and a slash before the other one is left.
    return urljoin(base_uri, relative_uri[1:] if base_uri.endswith("/") and relative_uri[:1] == "/" else relative_uri)
