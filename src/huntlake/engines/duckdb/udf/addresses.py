"""IP addresses, alone or with the length of a prefix, `192.0.2.0/24`.

<https://learn.microsoft.com/kusto/query/ipv4-ipv6-functions/>
"""

from __future__ import annotations

import json
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address, summarize_address_range

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
    # Not `exploded`: from Python 3.13 on it ends an IPv4 address that is mapped into IPv6 in dots.
    digits = f"{_masked(parts[0], min(parts[1], prefix), 128):032x}"
    return ":".join(digits[i : i + 4] for i in range(0, 32, 4))


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


@udf("hl_ipv4_in_any", "VARCHAR", "VARCHAR", returns="BOOLEAN")
def ipv4_in_any(text: str | None, ranges: str | None) -> bool | None:
    """Whether an IPv4 address lies in one of the networks of a JSON array; null where it, or a network, is none."""
    address = _ipv4(text)
    if address is None or not ranges:
        return None
    networks, unreadable = _ipv4_networks(ranges)
    number, own = address
    for bits, leading in networks.items():
        if own < bits:
            bits, leading = own, {n >> bits - own for n in leading}
        if number >> 32 - bits in leading:
            return True
    return None if unreadable else False


@lru_cache(maxsize=64)
def _ipv4_networks(ranges: str) -> tuple[dict[int, set[int]], bool]:
    """The leading bits of the networks of a JSON array, by their number, and whether there are others."""
    listed = json.loads(ranges)
    networks: dict[int, set[int]] = {}
    unreadable = not isinstance(listed, list)
    for network in listed if isinstance(listed, list) else ():
        parts = _ipv4(network) if isinstance(network, str) else None
        if parts is None:
            unreadable = True
        else:
            networks.setdefault(parts[1], set()).add(parts[0] >> 32 - parts[1])
    return networks, unreadable


@udf("hl_ipv6_in_any", "VARCHAR", "VARCHAR", returns="BOOLEAN")
def ipv6_in_any(text: str | None, ranges: str | None) -> bool | None:
    """Whether an address lies in one of the networks of a JSON array; null where it is no address."""
    address, listed = _ipv6(text), json.loads(ranges) if ranges else None
    if address is None or not isinstance(listed, list):
        return None
    for network in (_ipv6(n) for n in listed if isinstance(n, str)):
        if network is not None:
            bits = min(address[1], network[1])
            if _masked(address[0], bits, 128) == _masked(network[0], bits, 128):
                return True
    return False


@udf("hl_format_ipv4", "BIGINT", "BIGINT", "BIGINT", "BOOLEAN", returns="VARCHAR")
def format_ipv4(number: int | None, bits: int | None, prefix: int | None, mask: bool | None) -> str:
    """The address of a number, cut to the lesser of `bits` and `prefix`, which `mask` adds; empty if there is none."""
    if number is None or bits is None or prefix is None:
        return ""
    if not (0 <= number < 2**32 and 0 <= bits <= 32 and 0 <= prefix <= 32):
        return ""
    bits = min(bits, prefix)
    address = str(IPv4Address(_masked(number, bits, 32)))
    return f"{address}/{bits}" if mask else address


@udf("hl_ipv4_networks", "VARCHAR", "VARCHAR", returns="VARCHAR")
def ipv4_networks(first: str | None, last: str | None) -> str | None:
    """The networks that make up all addresses from the first to the last, as a JSON array; null if there are none."""
    low, high = _ipv4(first), _ipv4(last)
    if low is None or high is None or low[0] > high[0]:
        return None
    return json.dumps([str(n) for n in summarize_address_range(IPv4Address(low[0]), IPv4Address(high[0]))])


def _ipv4(text: str | None) -> tuple[int, int] | None:
    address, slash, prefix = (text or "").strip().partition("/")
    # Blanks may stand around the `/`, as in the pattern by which plain SQL reads a network.
    bits = _bits(prefix.strip(), 32) if slash else 32
    try:
        return None if bits is None else (int(IPv4Address(address.strip())), bits)
    except AddressValueError:
        return None


def _ipv6(text: str | None) -> tuple[int, int] | None:
    address, slash, prefix = (text or "").strip().partition("/")
    if "." in address and ":" not in address:
        four = _ipv4(text)
        return None if four is None else (four[0] + _MAPPED, four[1] + 96)
    # Kusto takes `::192.0.2.1/24` for IPv4 too, prefix and all.
    if address.startswith("::") and "." in address and ":" not in address[2:]:
        return _ipv6(f"{address[2:]}{slash}{prefix}")
    bits = _bits(prefix, 128) if slash else 128
    try:
        # The zone of a link-local address says nothing of its number.
        return None if bits is None else (int(IPv6Address(address.partition("%")[0])), bits)
    except AddressValueError:
        return None


def _bits(prefix: str, whole: int) -> int | None:
    # A log may hold a number of thousands of digits, which is an error to Python.
    short = len(prefix) <= 3 and prefix.isascii()
    return int(prefix) if short and prefix.isdigit() and int(prefix) <= whole else None


def _masked(number: int, bits: int, whole: int) -> int:
    return number >> (whole - bits) << (whole - bits)
