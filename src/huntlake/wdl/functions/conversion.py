"""Functions that make one type of another."""

from __future__ import annotations

import base64 as b64
import re
from decimal import Decimal
from urllib.parse import quote, unquote_to_bytes

from huntlake.wdl.dotnet.numbers import as_decimal, read_decimal, read_float, read_int, whole
from huntlake.wdl.expressions.symbols import Anything, Boolean, Integer, Number, Object, String, function, walked
from huntlake.wdl.expressions.values import (
    LARGEST,
    OCTETS,
    SMALLEST,
    XML,
    Fault,
    Value,
    content,
    content_bytes,
    content_text,
    content_type,
    decoded,
    kind,
    media_parts,
    number,
    parsed,
    unbase64,
    utf8,
)
from huntlake.wdl.expressions.values import text as shown
from huntlake.wdl.markup import as_json
from huntlake.wdl.markup.documents import printed, read


@function("int")
def int_(value: Anything) -> Integer:
    """A whole number of a text or of a number that is whole.

    >>> int('10')
    10
    >>> int('1.0')
    1
    """
    if isinstance(value, str):
        return read_int(value)
    if not number(value):
        raise Fault(f"`value` of `int` must be a number or a string, not {kind(value)}")
    if isinstance(value, float):
        return whole(value, shown(value))
    if value != value // 1 or not SMALLEST <= value <= LARGEST:
        raise Fault(f"could not parse {shown(value)} as int")
    return int(value)


@function("float")
def float_(value: Anything, locale: String = "en-us") -> Number:
    """A float of a text in the way a locale writes it, or of a number.

    >>> float('10,000.333')
    10000.333
    """
    if isinstance(value, str):
        return read_float(value, locale)
    if not number(value):
        raise Fault(f"`value` of `float` must be a number or a string, not {kind(value)}")
    return float(value)


@function("decimal")
def decimal(value: Anything) -> Number:
    """A decimal of a text or of a number, which keeps its digits.

    >>> decimal('1.2345678912312131')
    1.2345678912312131
    """
    if isinstance(value, str):
        return read_decimal(value)
    if not number(value):
        raise Fault(f"`value` of `decimal` must be a number or a string, not {kind(value)}")
    return as_decimal(value)


@function("bool")
def bool_(value: Anything) -> Boolean:
    """A boolean of a number, which is false if it is 0, or of the words true and false.

    >>> bool('True')
    true
    >>> bool(0)
    false
    """
    if isinstance(value, bool):
        return value
    if number(value):
        return bool(value)
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    raise Fault(f"could not parse a value of type {kind(value)} as bool")


@function("string", cost=walked)
def string(value: Anything) -> String:
    """The value as text.

    >>> string(10)
    "10"
    >>> string(createArray(1, true))
    "[1,true]"
    """
    return shown(value)


def _parsed(value: Value) -> int:
    # What is read makes values, a few characters each.
    return 2 * len(value) if isinstance(value, str) else walked(value)


@function("json", cost=_parsed)
def json_(value: Anything) -> Anything:
    """The value of JSON text, or the object that stands for XML.

    >>> json('{"name":"Sophie","age":[1,2.0]}')
    {"name":"Sophie","age":[1,2.0]}
    >>> json(xml('<person city="Paris"><name>Sophie</name></person>'))
    {"person":{"@city":"Paris","name":"Sophie"}}
    """
    if isinstance(value, str):
        return parsed(value)
    media = content_type(value)
    if media is None:
        raise Fault(f"`value` of `json` must be a string or XML, not {kind(value)}")
    if _is_xml(media):
        return as_json.to_json(read(content_bytes(value)))
    return parsed(content_text(value))


def _is_xml(media: str) -> bool:
    bare = media.partition(";")[0].strip().lower()
    return bare in ("application/xml", "text/xml") or bare.endswith("+xml")


@function("xml", cost=_parsed)
def xml(value: Anything) -> Object:
    """XML of its text, or of an object with just one root.

    >>> string(xml(json('{"name":"Sophie"}')))
    "<name>Sophie</name>"
    """
    if content_type(value) is not None:
        return {"$content-type": XML, "$content": value["$content"]}
    if isinstance(value, str):
        return content(XML, utf8(printed(read(value))))
    if isinstance(value, dict):
        return content(XML, utf8(printed(as_json.from_json(value))))
    raise Fault(f"`value` of `xml` must be a string or an object, not {kind(value)}")


def _bytes(name: str, value: Value) -> bytes:
    if value is None:
        raise Fault(f"`value` of `{name}` must not be null")
    return content_bytes(value) if content_type(value) is not None else utf8(shown(value))


@function("binary", cost=walked)
def binary(value: Anything) -> Object:
    """The value's text as bytes.

    >>> binary('hello')
    {"$content-type":"application/octet-stream","$content":"aGVsbG8="}
    """
    return content(OCTETS, _bytes("binary", value))


@function("base64", cost=walked)
def base64(value: Anything) -> String:
    """The value's text in base64.

    >>> base64('hello')
    "aGVsbG8="
    """
    return b64.b64encode(_bytes("base64", value)).decode()


@function("base64ToString", "decodeBase64")
def base64_to_string(value: String) -> String:
    """The text that stands in base64.

    >>> base64ToString('aGVsbG8=')
    "hello"
    """
    return decoded(unbase64(value), "utf-8")


@function("base64ToBinary")
def base64_to_binary(value: String) -> Object:
    """The bytes that stand in base64.

    >>> base64ToBinary('aGVsbG8=')
    {"$content-type":"application/octet-stream","$content":"aGVsbG8="}
    """
    unbase64(value)
    return {"$content-type": OCTETS, "$content": value}


# -- data URIs -------------------------------------------------------------------


@function("dataUri", cost=walked)
def data_uri(value: Anything) -> String:
    """A data URI of the value.

    >>> dataUri('hello')
    "data:text/plain;charset=utf-8;base64,aGVsbG8="
    """
    media = content_type(value) or f"{'text/plain' if isinstance(value, str) else 'application/json'};charset=utf-8"
    return f"data:{media};base64,{b64.b64encode(_bytes('dataUri', value)).decode()}"


@function("dataUriToBinary", "decodeDataUri")
def data_uri_to_binary(value: String) -> Object:
    """The bytes of a data URI, with its media type.

    >>> dataUriToBinary('data:text/plain;charset=utf-8;base64,aGVsbG8=')
    {"$content-type":"text/plain;charset=utf-8","$content":"aGVsbG8="}
    """
    media, coded, data = _data_uri(value)
    media_parts(media, strict=False)
    if coded:
        return {"$content-type": media, "$content": data}
    return content(media, _unescaped(data))


@function("dataUriToString")
def data_uri_to_string(value: String) -> String:
    """The text of a data URI.

    >>> dataUriToString('data:text/plain;charset=utf-8;base64,aGVsbG8=')
    "hello"
    """
    media, coded, data = _data_uri(value)
    # Only a charset that comes first is looked at, and only UTF-8 is read.
    name, _, charset = media.split(";")[1].partition("=") if ";" in media else ("", "", "")
    if name.lower() == "charset" and charset.lower() != "utf-8":
        raise Fault(f"a data URI of the charset `{charset}` can't be read as text")
    return decoded(unbase64(data) if coded else _unescaped(data), "utf-8")


def _data_uri(value: str) -> tuple[str, bool, str]:
    head, comma, data = value.partition(",")
    if not comma or head[:5].lower() != "data:":
        raise Fault("the text is not a data URI")
    media = head[5:]
    coded = media.lower() == "base64" or media.lower().endswith(";base64")
    if coded:
        media = media[: -len("base64")].removesuffix(";")
    if media and not all(media.split(";")):
        raise Fault("the data URI has an empty parameter")
    return media or "text/plain", coded, data


def _unescaped(data: str) -> bytes:
    return unquote_to_bytes(utf8(data.replace("+", " ")))


# -- percent-encoding --------------------------------------------------------------


@function("uriComponent", "encodeUriComponent")
def uri_component(value: Anything) -> String:
    """The value's text, fit for a part of a URI.

    >>> uriComponent('https://contoso.com')
    "https%3A%2F%2Fcontoso.com"
    """
    if not isinstance(value, str | int | float | Decimal):
        raise Fault(f"`value` of `uriComponent` must be a string, not {kind(value)}")
    return quote(utf8(shown(value)), safe="~")


@function("uriComponentToString", "decodeUriComponent")
def uri_component_to_string(value: String) -> String:
    """The text that was made fit for a part of a URI.

    >>> uriComponentToString('https%3A%2F%2Fcontoso.com')
    "https://contoso.com"
    """
    return re.sub(r"(?:%[0-9A-Fa-f]{2})+", lambda escaped: _decoded(escaped[0]), value)


def _decoded(escaped: str) -> str:
    # What is no UTF-8 stays as it was written.
    shown, at = "", 0
    data = unquote_to_bytes(escaped)
    while at < len(data):
        try:
            return shown + data[at:].decode()
        except UnicodeDecodeError as error:
            good, bad = at + error.start, at + max(error.end, error.start + 1)
            shown += data[at:good].decode() + escaped[3 * good : 3 * bad]
            at = bad
    return shown


@function("uriComponentToBinary")
def uri_component_to_binary(value: String) -> Object:
    """The bytes of what was made fit for a part of a URI.

    >>> uriComponentToBinary('a%20b')
    {"$content-type":"application/octet-stream","$content":"YSBi"}
    """
    return content(OCTETS, unquote_to_bytes(utf8(value)))
