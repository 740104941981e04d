"""Texts in other clothes: Base64, URLs, code points, Punycode, compressed."""

from __future__ import annotations

from huntlake.kql.forms import as_text
from huntlake.kql.symbols import Dynamic, Guid, Scalar, Sql, String, Unsupported, scalar
from huntlake.kql.types import ScalarType

# -- Base64 --------------------------------------------------------------------------


@scalar("base64_encode_tostring", "base64_encodestring")
def base64_encode_tostring(source: String) -> String:
    """The Base64 of the text's UTF-8.

    >>> base64_encode_tostring("Kusto")
    "S3VzdG8="
    """
    return f"base64(encode({source}))"


@scalar("base64_decode_tostring", "base64_decodestring")
def base64_decode_tostring(base64: String) -> String:
    """The text that Base64 holds; empty where it holds no UTF-8.

    >>> base64_decode_tostring("S3VzdG8=")
    "Kusto"
    >>> base64_decode_tostring("U3RyaW5n0KHR0tGA0L7Rh9C60LA=")
    ""
    """
    return f"hl_base64_decode_tostring({base64})"


@scalar("base64_decode_toarray")
def base64_decode_toarray(base64: String) -> Dynamic:
    """The bytes that Base64 holds, as numbers; null where it is none.

    >>> base64_decode_toarray("S3VzdG8=")
    dynamic([75,117,115,116,111])
    """
    return f"hl_base64_decode_toarray({base64})::JSON"


@scalar("base64_encode_fromarray")
def base64_encode_fromarray(numbers: Dynamic) -> String:
    """The Base64 of an array of bytes; empty where it is none.

    >>> base64_encode_fromarray(dynamic([75, 117, 115, 116, 111]))
    "S3VzdG8="
    """
    return f"hl_base64_encode_fromarray({numbers}::VARCHAR)"


@scalar("base64_encode_fromguid")
def base64_encode_fromguid(guid: Guid) -> String:
    """The Base64 of a GUID's 16 bytes, in the order that Windows keeps them.

    >>> base64_encode_fromguid(toguid("ae3133f2-6e22-49ae-b06a-16e6a9b212eb"))
    "8jMxriJurkmwahbmqbIS6w=="
    """
    return f"hl_base64_encode_fromguid({guid})"


@scalar("base64_decode_toguid")
def base64_decode_toguid(base64: String) -> Guid:
    """The GUID whose 16 bytes Base64 holds; null where it holds something else.

    >>> base64_decode_toguid("8jMxriJurkmwahbmqbIS6w==")
    guid(ae3133f2-6e22-49ae-b06a-16e6a9b212eb)
    """
    return f"hl_base64_decode_toguid({base64})"


# -- URLs ----------------------------------------------------------------------------


@scalar("url_encode")
def url_encode(url: String) -> String:
    """The text as a URL can carry it, a space as `+`.

    >>> url_encode("https://www.bing.com/hello world")
    "https%3a%2f%2fwww.bing.com%2fhello+world"
    """
    return f"hl_url_encode({url}, true)"


@scalar("url_encode_component")
def url_encode_component(url: String) -> String:
    """The text as a part of a URL can carry it, a space as `%20`.

    >>> url_encode_component("https://www.bing.com/hello world")
    "https%3a%2f%2fwww.bing.com%2fhello%20world"
    """
    return f"hl_url_encode({url}, false)"


@scalar("url_decode")
def url_decode(url: String) -> String:
    """The text that a URL carries.

    >>> url_decode("https%3a%2f%2fwww.bing.com%2f")
    "https://www.bing.com/"
    """
    return f"hl_url_decode({url})"


# -- code points -----------------------------------------------------------------------


@scalar("unicode_codepoints_from_string", "to_utf8")
def unicode_codepoints_from_string(value: Scalar) -> Dynamic:
    """The numbers that Unicode gives to the characters of a text.

    >>> unicode_codepoints_from_string("Kusto")
    dynamic([75,117,115,116,111])
    """
    text = f"({as_text(value)})"
    points = f"list_transform(string_split({text}, ''), lambda c: unicode(c))"
    return f"case when {text} = '' then '[]'::JSON else to_json({points}) end"


@scalar("unicode_codepoints_to_string", "make_string")
def unicode_codepoints_to_string(point: Scalar, *points: Scalar) -> String:
    """The text of the characters that Unicode numbers so; arrays of numbers may stand among them.

    >>> unicode_codepoints_to_string(75, dynamic([117, 115]), 116, 111)
    "Kusto"
    """
    return " || ".join(_characters(p) for p in (point, *points))


def _characters(point: str) -> str:
    assert isinstance(point, Sql)
    if point.type in (ScalarType.INT, ScalarType.LONG):
        return f"coalesce({_character(f'{point}')}, '')"
    if point.type is ScalarType.DYNAMIC:
        array, one = f"try_cast({point} as BIGINT[])", f"[try_cast({point} as BIGINT)]"
        numbers = f"case when json_type({point}) = 'ARRAY' then {array} else {one} end"
        return f"coalesce(array_to_string(list_transform({numbers}, lambda c: {_character('c')}), ''), '')"
    raise Unsupported(f"a `{point.type}`")


def _character(number: str) -> str:
    # What is no character would be an error to the engine.
    valid = f"{number} between 0 and 55295 or {number} between 57344 and 1114111"
    return f"case when {valid} then chr(({number})::INTEGER) end"


# -- Punycode ------------------------------------------------------------------------


@scalar("punycode_from_string")
def punycode_from_string(source: String) -> String:
    """The Punycode of a text.

    >>> punycode_from_string("académie-française")
    "acadmie-franaise-npb1a"
    """
    return f"hl_punycode_encode({source})"


@scalar("punycode_to_string")
def punycode_to_string(source: String) -> String:
    """The text that a Punycode stands for; empty where it is none.

    >>> punycode_to_string("acadmie-franaise-npb1a")
    "académie-française"
    """
    return f"hl_punycode_decode({source})"


@scalar("punycode_domain_to_string")
def punycode_domain_to_string(domain: String) -> String:
    """A domain with each label beyond ASCII as `xn--` and its Punycode.

    >>> punycode_domain_to_string("艺术.com")
    "xn--cqv902d.com"
    """
    return f"hl_idna_encode({domain})"


@scalar("punycode_domain_from_string")
def punycode_domain_from_string(domain: String) -> String:
    """A domain with each label that begins with `xn--` as the text it stands for.

    >>> punycode_domain_from_string("xn--Ge-mia.Bulg.edu")
    "Gáe.Bulg.edu"
    """
    return f"hl_idna_decode({domain})"


# -- compressed ------------------------------------------------------------------------


@scalar("gzip_compress_to_base64_string")
def gzip_compress_to_base64_string(source: String) -> String:
    """The text, compressed as gzip, in Base64.

    >>> gzip_decompress_from_base64_string(gzip_compress_to_base64_string("1234567890"))
    "1234567890"
    """
    return f"hl_gzip_compress({source})"


@scalar("gzip_decompress_from_base64_string")
def gzip_decompress_from_base64_string(base64: String) -> String:
    """The text that gzip compressed; empty where there is none.

    >>> gzip_decompress_from_base64_string("H4sIAAAAAAAA/wEUAOv/MTIzNDU2Nzg5MHF3ZXJ0eXVpb3A6m7f2FAAAAA==")
    "1234567890qwertyuiop"
    """
    return f"hl_gzip_decompress({base64})"


@scalar("zlib_compress_to_base64_string")
def zlib_compress_to_base64_string(source: String) -> String:
    """The text, compressed as zlib, in Base64.

    >>> zlib_decompress_from_base64_string(zlib_compress_to_base64_string("1234567890"))
    "1234567890"
    """
    return f"hl_zlib_compress({source})"


@scalar("zlib_decompress_from_base64_string")
def zlib_decompress_from_base64_string(base64: String) -> String:
    """The text that zlib compressed; empty where there is none.

    >>> zlib_decompress_from_base64_string("eJwBFADr/zEyMzQ1Njc4OTBxd2VydHl1aW9wOAkGdw==")
    "1234567890qwertyuiop"
    >>> zlib_decompress_from_base64_string("x0x0x0")
    ""
    """
    return f"hl_zlib_decompress({base64})"
