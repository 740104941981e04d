"""IP addresses, alone or with the length of a prefix, `192.0.2.0/24`.

<https://learn.microsoft.com/kusto/query/ipv4-ipv6-functions/>
"""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address, IPv6Address

from huntlake.engines.duckdb.udf.function import udf

_MAPPED = int(IPv6Address("::ffff:0:0"))


@udf("hl_parse_ipv4", "VARCHAR", returns="BIGINT")
def parse_ipv4(text: str | None) -> int | None:
    """The number of an IPv4 address, of which a prefix keeps the leading bits; null where it is none."""
    parts = _ipv4(text)
    return None if parts is None else _masked(*parts, 32)


@udf("hl_ipv4_prefix", "VARCHAR", returns="BIGINT")
def ipv4_prefix(text: str | None) -> int | None:
    """The length of the prefix of an IPv4 network, 32 for an address alone; null where it is neither."""
    parts = _ipv4(text)
    return None if parts is None else parts[1]


@udf("hl_parse_ipv6", "VARCHAR", "BIGINT", returns="VARCHAR")
def parse_ipv6(text: str | None, prefix: int | None) -> str | None:
    """An IPv6 or IPv4 address in full, eight groups of four digits, cut to the shorter of both prefixes.

    Null where it is no address, or `prefix` isn't between 0 and 128.
    """
    parts = _ipv6(text)
    if parts is None or prefix is None or not 0 <= prefix <= 128:
        return None
    return IPv6Address(_masked(parts[0], min(parts[1], prefix), 128)).exploded


@udf("hl_ipv6_compare", "VARCHAR", "VARCHAR", "BIGINT", returns="BIGINT")
def ipv6_compare(one: str | None, other: str | None, prefix: int | None) -> int | None:
    """-1, 0 or 1 as the first address stands to the second within the shortest prefix; null where either is none."""
    first, second = _ipv6(one), _ipv6(other)
    if first is None or second is None or prefix is None or not 0 <= prefix <= 128:
        return None
    bits = min(first[1], second[1], prefix)
    a, b = _masked(first[0], bits, 128), _masked(second[0], bits, 128)
    return (a > b) - (a < b)


@udf("hl_ipv6_prefix", "VARCHAR", returns="BIGINT")
def ipv6_prefix(text: str | None) -> int | None:
    """The length of the prefix of a network, counted in IPv6's 128 bits; null where it is none."""
    parts = _ipv6(text)
    return None if parts is None else parts[1]


def _ipv4(text: str | None) -> tuple[int, int] | None:
    address, _, prefix = (text or "").strip().partition("/")
    bits = _bits(prefix, 32)
    try:
        return None if bits is None else (int(IPv4Address(address)), bits)
    except AddressValueError:
        return None


def _ipv6(text: str | None) -> tuple[int, int] | None:
    address, _, prefix = (text or "").strip().partition("/")
    if "." in address and ":" not in address:
        four = _ipv4(text)
        return None if four is None else (four[0] + _MAPPED, four[1] + 96)
    bits = _bits(prefix, 128)
    try:
        # The zone of a link-local address says nothing of its number.
        return None if bits is None else (int(IPv6Address(address.partition("%")[0])), bits)
    except AddressValueError:
        return None


def _bits(prefix: str, whole: int) -> int | None:
    if not prefix:
        return whole
    return int(prefix) if prefix.isascii() and prefix.isdigit() and int(prefix) <= whole else None


def _masked(number: int, bits: int, whole: int) -> int:
    return number >> (whole - bits) << (whole - bits)
