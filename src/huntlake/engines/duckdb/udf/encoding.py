"""Texts packed, encoded and hashed."""

from __future__ import annotations

import base64
import binascii
import json
import re
import struct
import zlib
from urllib.parse import quote, quote_plus, unquote_plus
from uuid import UUID

from huntlake.engines.duckdb.udf.function import udf

UNPACKED_LIMIT = 16 * 2**20
"""A packed text that unfolds to more bytes than this is not unpacked: a log may hold a bomb."""

_DOTS = re.compile("[.。．｡]")
_ESCAPE = re.compile("%[0-9A-F]{2}")


@udf("hl_base64_decode_tostring", "VARCHAR", returns="VARCHAR")
def base64_decode_tostring(text: str | None) -> str:
    """The UTF-8 text that is base64-encoded; empty where it isn't one."""
    return _text(_decoded(text))


@udf("hl_base64_decode_toarray", "VARCHAR", returns="VARCHAR")
def base64_decode_toarray(text: str | None) -> str | None:
    """The bytes that are base64-encoded, as a JSON array of numbers; null where there are none."""
    data = _decoded(text)
    return None if data is None else json.dumps(list(data), separators=(",", ":"))


@udf("hl_base64_encode_fromarray", "VARCHAR", returns="VARCHAR")
def base64_encode_fromarray(numbers: str | None) -> str:
    """The base64 of the bytes in a JSON array; empty where it holds something else."""
    data = json.loads(numbers) if numbers else None
    try:
        return base64.b64encode(bytes(data)).decode() if isinstance(data, list) else ""
    except (TypeError, ValueError):
        return ""


@udf("hl_base64_decode_toguid", "VARCHAR", returns="VARCHAR")
def base64_decode_toguid(text: str | None) -> str | None:
    """The GUID whose 16 bytes, in the order that Windows keeps them, are base64-encoded; null where there is none."""
    data = _decoded(text)
    return str(UUID(bytes_le=data)) if data is not None and len(data) == 16 else None


@udf("hl_base64_encode_fromguid", "VARCHAR", returns="VARCHAR")
def base64_encode_fromguid(guid: str | None) -> str:
    """The base64 of a GUID's bytes, in the order that Windows keeps them; empty where it is null."""
    try:
        return base64.b64encode(UUID(guid).bytes_le).decode() if guid else ""
    except ValueError:
        return ""


@udf("hl_gzip_compress", "VARCHAR", returns="VARCHAR")
def gzip_compress(text: str | None) -> str:
    """`text` packed by gzip, in base64."""
    data = (text or "").encode()
    packed = _deflated(data)
    header = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
    return base64.b64encode(header + packed + struct.pack("<II", zlib.crc32(data), len(data) % 2**32)).decode()


@udf("hl_gzip_decompress", "VARCHAR", returns="VARCHAR")
def gzip_decompress(text: str | None) -> str:
    """The text that was packed by gzip and base64-encoded; empty where it isn't one, or is too large."""
    return _text(_inflated(_decoded(text), zlib.MAX_WBITS | 16))


@udf("hl_zlib_compress", "VARCHAR", returns="VARCHAR")
def zlib_compress(text: str | None) -> str:
    """`text` packed by zlib, in base64."""
    data = (text or "").encode()
    packed = _deflated(data)
    return base64.b64encode(b"\x78\x01" + packed + struct.pack(">I", zlib.adler32(data))).decode()


@udf("hl_zlib_decompress", "VARCHAR", returns="VARCHAR")
def zlib_decompress(text: str | None) -> str:
    """The text that was packed by zlib and base64-encoded; empty where it isn't one, or is too large."""
    return _text(_inflated(_decoded(text), zlib.MAX_WBITS))


@udf("hl_punycode_encode", "VARCHAR", returns="VARCHAR")
def punycode_encode(text: str | None) -> str:
    """`text` in Punycode, without the `xn--` of domains."""
    return (text or "").encode("punycode").decode("ascii")


@udf("hl_punycode_decode", "VARCHAR", returns="VARCHAR")
def punycode_decode(text: str | None) -> str:
    """The text that Punycode, without the `xn--` of domains, stands for; empty where it isn't any."""
    try:
        return (text or "").encode("ascii").decode("punycode")
    except UnicodeError:
        return ""


@udf("hl_idna_decode", "VARCHAR", returns="VARCHAR")
def idna_decode(domain: str | None) -> str:
    """A domain with each label that begins with `xn--` decoded; empty where one can't be."""
    try:
        return ".".join(_label(label) for label in (domain or "").split("."))
    except UnicodeError:
        return ""


@udf("hl_idna_encode", "VARCHAR", returns="VARCHAR")
def idna_encode(domain: str | None) -> str:
    """A domain with each label beyond ASCII as `xn--` and its Punycode."""
    labels = _DOTS.split(domain or "")
    return ".".join(x if x.isascii() else "xn--" + x.encode("punycode").decode("ascii") for x in labels)


@udf("hl_url_encode", "VARCHAR", "BOOLEAN", returns="VARCHAR")
def url_encode(text: str | None, plus: bool | None) -> str:
    """`text` as a URL carries it, with hexadecimal digits in lower case; a space is `+` where `plus`, else `%20`."""
    encoded = (quote_plus if plus else quote)(text or "", safe="-_.!*()")
    # Python lets `~` stand.
    return _ESCAPE.sub(lambda m: m.group().lower(), encoded.replace("~", "%7E"))


@udf("hl_url_decode", "VARCHAR", returns="VARCHAR")
def url_decode(text: str | None) -> str:
    """The text that a URL carries, where `+` is a space."""
    return unquote_plus(text or "")


@udf("hl_xxhash64", "VARCHAR", returns="BIGINT")
def xxhash64(text: str | None) -> int | None:
    """Kusto's `hash` of a string: xxHash64 of its UTF-8 with the seed 0, as a signed number."""
    return None if text is None else _hash(text.encode())


@udf("hl_xxhash64_number", "BIGINT", returns="BIGINT")
def xxhash64_number(number: int | None) -> int | None:
    """Kusto's `hash` of a whole number or a time in ticks: that of its eight bytes, the low one first."""
    return None if number is None else _hash(struct.pack("<q", number))


@udf("hl_xxhash64_real", "DOUBLE", returns="BIGINT")
def xxhash64_real(number: float | None) -> int | None:
    """The hash of a real number's eight bytes, the low one first."""
    return None if number is None else _hash(struct.pack("<d", number))


def _hash(data: bytes) -> int:
    number = _xxhash64(data)
    return number - 2**64 if number >= 2**63 else number


def _decoded(text: str | None) -> bytes | None:
    try:
        return base64.b64decode(text or "", validate=True)
    except (binascii.Error, ValueError):
        return None


def _text(data: bytes | None) -> str:
    try:
        return (data or b"").decode()
    except UnicodeDecodeError:
        return ""


def _deflated(data: bytes) -> bytes:
    # What packing would only lengthen is stored as it is.
    packed, stored = (_raw(data, level) for level in (6, 0))
    return stored if len(packed) >= len(data) else packed


def _raw(data: bytes, level: int) -> bytes:
    packer = zlib.compressobj(level, wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def _inflated(data: bytes | None, format: int) -> bytes | None:
    if not data:
        return None
    unpacker = zlib.decompressobj(wbits=format)
    try:
        unpacked = unpacker.decompress(data, UNPACKED_LIMIT)
    except zlib.error:
        return None
    return unpacked if unpacker.eof else None


def _label(label: str) -> str:
    return label[4:].encode("ascii").decode("punycode") if label.lower().startswith("xn--") else label


_MASK = 2**64 - 1
_P1, _P2, _P3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
_P4, _P5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5


def _xxhash64(data: bytes) -> int:
    """<https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md>"""
    at, end = 0, len(data)
    if end >= 32:
        lanes = [(_P1 + _P2) & _MASK, _P2, 0, -_P1 & _MASK]
        while at + 32 <= end:
            lanes = [_round(a, w) for a, w in zip(lanes, struct.unpack_from("<4Q", data, at), strict=True)]
            at += 32
        total = sum(_rotated(a, r) for a, r in zip(lanes, (1, 7, 12, 18), strict=True)) & _MASK
        for lane in lanes:
            total = ((total ^ _round(0, lane)) * _P1 + _P4) & _MASK
    else:
        total = _P5
    total = (total + end) & _MASK
    while at + 8 <= end:
        (word,) = struct.unpack_from("<Q", data, at)
        total = (_rotated(total ^ _round(0, word), 27) * _P1 + _P4) & _MASK
        at += 8
    if at + 4 <= end:
        (half,) = struct.unpack_from("<I", data, at)
        total = (_rotated(total ^ (half * _P1 & _MASK), 23) * _P2 + _P3) & _MASK
        at += 4
    for byte in data[at:]:
        total = _rotated(total ^ (byte * _P5 & _MASK), 11) * _P1 & _MASK
    total = (total ^ total >> 33) * _P2 & _MASK
    total = (total ^ total >> 29) * _P3 & _MASK
    return total ^ total >> 32


def _round(lane: int, word: int) -> int:
    return _rotated((lane + word * _P2) & _MASK, 31) * _P1 & _MASK


def _rotated(number: int, bits: int) -> int:
    return (number << bits | number >> (64 - bits)) & _MASK
