"""IP addresses and networks.

An IPv4 address is compared as a number, in plain SQL, for rules ask it of every row; what is written as a
constant is read while compiling. IPv6 is left to functions of the engine.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from huntlake.kql.forms import ITEM, as_text
from huntlake.kql.symbols import Bool, Dynamic, Long, Scalar, Sql, String, Unsupported, quoted, scalar
from huntlake.kql.types import ScalarType

_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_ADDRESS = rf"{_OCTET}(?:\.{_OCTET}){{3}}"
_NETWORK = re.compile(rf"\s*({_ADDRESS})\s*(?:/\s*(3[0-2]|[12]?\d)\s*)?")
_NETWORK_SQL = quoted(rf"\s*{_ADDRESS}\s*(?:/\s*(?:3[0-2]|[12]?\d)\s*)?")
_ADDRESS_SQL = quoted(rf"\s*{_ADDRESS}\s*")
_MANY = 64
"""From so many networks on, a list of numbers is looked up sooner than a pattern of them all is matched."""
_EDGE = "[^0-9A-Za-z]"
_ALL = 32


@dataclass(frozen=True)
class _Network:
    """An IPv4 address and how many of its bits count, each a number where it is known, else SQL."""

    number: int | str | None
    bits: int | str

    @property
    def known(self) -> tuple[int, int] | None:
        """Both numbers, where they were written as a constant."""
        return (self.number, self.bits) if isinstance(self.number, int) and isinstance(self.bits, int) else None


def _network(text: str) -> _Network:
    if isinstance(text, Sql) and isinstance(text.value, str):
        match = _NETWORK.fullmatch(text.value)
        if match is None:
            return _Network(None, _ALL)
        octets = [int(o) for o in match[1].split(".")]
        return _Network(int.from_bytes(bytes(octets)), int(match[2] or _ALL))
    return _Network(_number(text), f"coalesce(try_cast(split_part({text}, '/', 2) as BIGINT), {_ALL})")


def _number(text: str) -> str:
    last = f"split_part(split_part({text}, '.', 4), '/', 1)"
    parts = [f"split_part({text}, '.', {i})" for i in (1, 2, 3)] + [last]
    sum_ = " + ".join(
        f"(try_cast({p} as BIGINT) << {24 - 8 * i})" if i < 3 else f"try_cast({p} as BIGINT)"
        for i, p in enumerate(parts)
    )
    return f"case when regexp_full_match({text}, {_NETWORK_SQL}) then {sum_} end"


def _least(*bits: int | str) -> int | str:
    known = [b for b in bits if isinstance(b, int)]
    texts = [b for b in bits if isinstance(b, str)]
    least = min(known, default=_ALL)
    if not texts or least == 0:
        return least
    return f"least({', '.join([*texts, str(least)])})"


def _shifted(number: int | str | None, bits: int | str) -> str:
    """The leading bits of an address."""
    if isinstance(number, int) and isinstance(bits, int):
        return str(number >> (_ALL - bits))
    if isinstance(bits, int):
        return f"(({number}) >> {_ALL - bits})" if bits < _ALL else f"({number})"
    return f"(({number})::BIGINT >> ({_ALL} - {bits}))"


def _prefix(prefix: str) -> tuple[int | str, str | None]:
    """A prefix length given as an argument, and the condition under which it is one."""
    if isinstance(prefix, Sql) and isinstance(prefix.value, int):
        return prefix.value, None if 0 <= prefix.value <= _ALL else "false"
    return f"{prefix}", f"{prefix} between 0 and {_ALL}"


def _compared(first: str, second: str, prefix: str, write: str) -> str:
    a, b = _network(first), _network(second)
    length, valid = _prefix(prefix)
    if a.number is None or b.number is None or valid == "false":
        return "null"
    bits = _least(a.bits, b.bits, length)
    text = write.format(a=_shifted(a.number, bits), b=_shifted(b.number, bits))
    return f"case when {valid} then {text} end" if valid else text


# -- IPv4 ----------------------------------------------------------------------------


@scalar("parse_ipv4")
def parse_ipv4(ip: String) -> Long:
    """An IPv4 address as a number; of a network, its first address. Null where it is none.

    >>> parse_ipv4("127.0.0.1")
    2130706433
    >>> parse_ipv4("192.1.168.2/24") == parse_ipv4("192.1.168.0")
    true
    """
    network = _network(ip)
    return _masked(network, network.bits)


@scalar("parse_ipv4_mask")
def parse_ipv4_mask(ip: String, prefix: Long) -> Long:
    """An IPv4 address as a number, of which only the leading `prefix` bits are kept.

    >>> parse_ipv4_mask("127.0.0.1", 24)
    2130706432
    >>> parse_ipv4_mask("192.1.168.2", 31)
    3221334018
    """
    network = _network(ip)
    length, valid = _prefix(prefix)
    text = _masked(network, _least(network.bits, length)) if valid != "false" else "null::BIGINT"
    return f"case when {valid} then {text} end" if valid and valid != "false" else text


def _masked(network: _Network, bits: int | str) -> str:
    if network.number is None:
        return "null::BIGINT"
    if isinstance(bits, int):
        return (
            f"({_shifted(network.number, bits)})::BIGINT << {_ALL - bits}"
            if bits < _ALL
            else f"({network.number})::BIGINT"
        )
    return f"{_shifted(network.number, bits)} << ({_ALL} - {bits})"


@scalar("ipv4_compare")
def ipv4_compare(ip1: String, ip2: String, prefix: Long = "32") -> Long:
    """Which of two IPv4 addresses is less: -1, 0 or 1. The shortest of all prefixes counts.

    >>> ipv4_compare("192.168.1.1", "192.168.1.255")
    -1
    >>> ipv4_compare("192.168.1.1/24", "192.168.1.255")
    0
    """
    return f"({_compared(ip1, ip2, prefix, 'sign({a} - {b})')})::BIGINT"


@scalar("ipv4_is_match")
def ipv4_is_match(ip1: String, ip2: String, prefix: Long = "32") -> Bool:
    """Whether two IPv4 addresses are equal in the bits that the shortest of all prefixes leaves.

    >>> ipv4_is_match("192.168.1.1", "192.168.1.255")
    false
    >>> ipv4_is_match("192.168.1.1", "192.168.1.255", 24)
    true
    """
    if isinstance(ip1, Sql) and ip1.constant:
        ip1, ip2 = ip2, ip1
    known, length = _network(ip2).known, _prefix(prefix)[0]
    if known and isinstance(length, int) and 0 <= length <= _ALL:
        return _in_any(ip1, [_constant(f"{_dotted(known[0])}/{min(known[1], length)}")])
    return f"({_compared(ip1, ip2, prefix, '{a} = {b}')})::BOOLEAN"


@scalar("ipv4_is_in_range")
def ipv4_is_in_range(ip: String, network: String) -> Bool:
    """Whether an IPv4 address lies in a network; null where one of them is none.

    >>> ipv4_is_in_range("192.168.1.6", "192.168.1.1/24")
    true
    >>> ipv4_is_in_range("192.168.2.1", "192.168.1.1/24")
    false
    """
    return _in_any(ip, [network])


def _within(ip: str, network: str) -> str:
    return _compared(ip, network, "32", "{a} = {b}")


@scalar("ipv4_is_in_any_range")
def ipv4_is_in_any_range(ip: String, ranges: Dynamic) -> Bool:
    """Whether an IPv4 address lies in one of the networks.

    >>> ipv4_is_in_any_range("192.168.1.6", "192.168.1.1/24", "10.0.0.1/8")
    true
    >>> ipv4_is_in_any_range("127.0.0.1", dynamic(["127.0.0.1", "192.168.1.1"]))
    true
    """
    if isinstance(ranges, Sql) and isinstance(ranges.value, list):
        return _in_any(ip, [_constant(str(r)) for r in ranges.value])
    return f"hl_ipv4_in_any({ip}, {ranges}::VARCHAR)"


@ipv4_is_in_any_range.overload
def _(ip: String, *ranges: String) -> Bool:
    return _in_any(ip, ranges)


@ipv4_is_in_any_range.overload
def _(ip: Dynamic, ranges: Dynamic) -> Bool:
    return ipv4_is_in_any_range.signatures[0].body(_string(ip), ranges)


@ipv4_is_in_any_range.overload
def _(ip: Dynamic, *ranges: String) -> Bool:
    return _in_any(_string(ip), ranges)


def _in_any(ip: str, ranges: Sequence[str]) -> str:
    slow = " or ".join(f"({_within(ip, r)})::BOOLEAN" for r in ranges) or "false"
    known = [network for network in (_network(r).known for r in ranges) if network]
    if len(known) < len(ranges) or not known or (isinstance(ip, Sql) and ip.constant):
        return slow
    # Text is matched several times faster than it is made a number. A prefix of the address's own is seldom there: the
    # engine reads and plans the name of a function sooner than the arithmetic.
    listed = json.dumps([f"{_dotted(number)}/{bits}" for number, bits in known])
    plain = f"regexp_full_match({ip}, {_ADDRESS_SQL})"
    if len(known) < _MANY:
        pattern = quoted(rf"\s*(?:{'|'.join(_pattern_of(*n) for n in known)})\s*")
        found = (
            f"when regexp_full_match({ip}, {pattern}) then true when regexp_full_match({ip}, {_ADDRESS_SQL}) then false"
        )
    else:
        found = f"when {plain} then {_listed(_number(ip), known)}"
    return f"case {found} when regexp_full_match({ip}, {_NETWORK_SQL}) then hl_ipv4_in_any({ip}, {quoted(listed)}) end"


def _pattern_of(number: int, bits: int) -> str:
    """A pattern of the addresses in a network."""
    octets = []
    for octet, fixed in zip(number.to_bytes(4), range(bits, bits - 32, -8), strict=True):
        free = 8 - min(max(fixed, 0), 8)
        first = octet >> free << free
        octets.append(_OCTET if free == 8 else f"(?:{'|'.join(map(str, range(first, first + 2**free)))})")
    return r"\.".join(octets)


def _listed(number: str, networks: Sequence[tuple[int, int]]) -> str:
    """Whether a number is in one of many networks; written so that it is computed once."""
    by_bits: dict[int, set[int]] = {}
    for address, bits in networks:
        by_bits.setdefault(bits, set()).add(address >> (_ALL - bits))
    conditions = (f"(n >> {_ALL - b}) in ({', '.join(map(str, sorted(ns)))})" for b, ns in by_bits.items())
    return f"list_transform([{number}], lambda n: {' or '.join(conditions)})[1]"


def _dotted(number: int) -> str:
    return ".".join(map(str, number.to_bytes(4)))


@scalar("ipv4_is_private")
def ipv4_is_private(ip: String) -> Bool:
    """Whether an IPv4 address is of a private network; null where it is no address.

    >>> ipv4_is_private("192.168.1.1/24")
    true
    >>> ipv4_is_private("127.0.0.1")
    false
    """
    return _in_any(ip, [_constant(n) for n in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")])


@scalar("ipv4_netmask_suffix")
def ipv4_netmask_suffix(ip: String) -> Long:
    """The length of a network's prefix, 32 of an address alone; null where it is neither.

    >>> ipv4_netmask_suffix("10.1.2.3/24")
    24
    """
    network = _network(ip)
    if network.number is None:
        return "null::BIGINT"
    if isinstance(network.bits, int):
        return f"{network.bits}::BIGINT"
    return f"case when regexp_full_match({ip}, {_NETWORK_SQL}) then {network.bits} end"


@scalar("ipv4_range_to_cidr_list")
def ipv4_range_to_cidr_list(first: String, last: String) -> Dynamic:
    """The networks that together are all addresses from the first to the last; null where there are none.

    >>> ipv4_range_to_cidr_list("1.1.128.0", "1.1.140.255")
    dynamic(["1.1.128.0/21","1.1.136.0/22","1.1.140.0/24"])
    """
    return f"hl_ipv4_networks({first}, {last})::JSON"


@scalar("format_ipv4")
def format_ipv4(ip: Scalar, prefix: Long = "32") -> String:
    """An IPv4 address, given as text or number, of which the leading `prefix` bits are kept; empty where it is none.

    >>> format_ipv4("192.168.1.255", 24)
    "192.168.1.0"
    >>> format_ipv4(3232236031, 24)
    "192.168.1.0"
    """
    return _formatted(ip, prefix, mask=False)


@scalar("format_ipv4_mask")
def format_ipv4_mask(ip: Scalar, prefix: Long = "32") -> String:
    """A network in CIDR notation, of an IPv4 address given as text or number; empty where it is none.

    >>> format_ipv4_mask("192.168.1.255", 24)
    "192.168.1.0/24"
    >>> format_ipv4_mask("192.168.1.1/24", 32)
    "192.168.1.0/24"
    """
    return _formatted(ip, prefix, mask=True)


def _formatted(ip: str, prefix: str, *, mask: bool) -> str:
    assert isinstance(ip, Sql)
    if ip.type in (ScalarType.INT, ScalarType.LONG):
        number = f"case when {ip} between 0 and 4294967295 then ({ip})::BIGINT end"
        return f"hl_format_ipv4({number}, {_ALL}, {prefix}, {str(mask).lower()})"
    if ip.type not in (ScalarType.STRING, ScalarType.DYNAMIC):
        raise Unsupported(f"a `{ip.type}`")
    network = _network(_string(ip))
    number = "null::BIGINT" if network.number is None else str(network.number)
    return f"hl_format_ipv4({number}, {network.bits}, {prefix}, {str(mask).lower()})"


# -- addresses in a text ---------------------------------------------------------------


@scalar("has_ipv4", total=True)
def has_ipv4(source: String, ip: String) -> Bool:
    """Whether a text has an IPv4 address, with no letter or digit at its edges.

    >>> has_ipv4("05:04:54 127.0.0.1 GET /favicon.ico 404", "127.0.0.1")
    true
    >>> has_ipv4("05:04:54 127.0.0.256 GET /favicon.ico 404", "127.0.0.256")
    false
    >>> has_ipv4("05:04:54127.0.0.1 GET /favicon.ico 404", "127.0.0.1")
    false
    """
    return _has(source, [ip], prefix=False)


@scalar("has_any_ipv4", total=True)
def has_any_ipv4(source: String, ips: Dynamic) -> Bool:
    """Whether a text has one of the IPv4 addresses.

    >>> has_any_ipv4("05:04:54 127.0.0.1 GET", dynamic(["127.0.0.1", "127.0.0.2"]))
    true
    >>> has_any_ipv4("05:04:54 127.0.0.1 GET", "192.168.1.1", "127.0.0.1")
    true
    """
    return _has_listed(source, ips, prefix=False)


@has_any_ipv4.overload
def _(source: String, *ips: String) -> Bool:
    return _has(source, ips, prefix=False)


@scalar("has_ipv4_prefix", total=True)
def has_ipv4_prefix(source: String, prefix: String) -> Bool:
    """Whether a text has an IPv4 address that begins with `prefix`, itself an address or ending in a dot.

    >>> has_ipv4_prefix("05:04:54 127.0.0.1 GET /favicon.ico 404", "127.0.")
    true
    >>> has_ipv4_prefix("05:04:54 127.0.0.1 GET /favicon.ico 404", "127.0")
    false
    """
    return _has(source, [prefix], prefix=True)


@scalar("has_any_ipv4_prefix", total=True)
def has_any_ipv4_prefix(source: String, prefixes: Dynamic) -> Bool:
    """Whether a text has an IPv4 address that begins with one of the prefixes.

    >>> has_any_ipv4_prefix("05:04:54 127.0.0.1 GET", dynamic(["127.0.", "192.168."]))
    true
    >>> has_any_ipv4_prefix("05:04:54 127.0.0.1 GET", "127.0")
    false
    """
    return _has_listed(source, prefixes, prefix=True)


@has_any_ipv4_prefix.overload
def _(source: String, *prefixes: String) -> Bool:
    return _has(source, prefixes, prefix=True)


@has_ipv4.overload
def _(source: Dynamic, ip: String) -> Bool:
    return _has(_string(source), [ip], prefix=False)


@has_ipv4_prefix.overload
def _(source: Dynamic, prefix: String) -> Bool:
    return _has(_string(source), [prefix], prefix=True)


def _has_listed(source: str, listed: str, *, prefix: bool) -> str:
    if isinstance(listed, Sql) and isinstance(listed.value, list):
        return _has(source, [_constant(str(v)) for v in listed.value], prefix=prefix)
    inner = _has_computed(source, ITEM, prefix=prefix)
    texts = f"json_extract_string({listed}, '$[*]')::VARCHAR[]"
    return f"coalesce(list_bool_or(list_transform({texts}, lambda {ITEM}: {inner})), false)"


def _has(source: str, needles: Sequence[str], *, prefix: bool) -> str:
    constant = [n.value for n in needles if isinstance(n, Sql) and isinstance(n.value, str)]
    conditions = [_has_computed(source, n, prefix=prefix) for n in needles if not (isinstance(n, Sql) and n.constant)]
    patterns = [p for p in (_pattern(n, prefix=prefix) for n in constant) if p]
    if patterns:
        pattern = f"(?:^|{_EDGE})(?:{'|'.join(patterns)})(?:$|{_EDGE})"
        conditions.append(f"regexp_matches({source}, {quoted(pattern)})")
    return " or ".join(conditions) or "false"


def _pattern(needle: str, *, prefix: bool) -> str | None:
    """What finds an address, or one that begins so; None where the needle is neither."""
    if re.fullmatch(_ADDRESS, needle):
        return re.escape(needle)
    if prefix and re.fullmatch(rf"(?:{_OCTET}\.){{1,3}}", needle):
        rest = 3 - needle.count(".")
        return rf"{re.escape(needle)}{_OCTET}(?:\.{_OCTET}){{{rest}}}"
    return None


def _has_computed(source: str, needle: str, *, prefix: bool) -> str:
    # Not by `format`: the source may be a text of the query that holds braces.
    begin, end = f"regexp_matches({source}, '(?:^|{_EDGE})' || regexp_escape({needle}) || ", f"'(?:$|{_EDGE})')"
    whole = f"regexp_full_match({needle}, {quoted(_ADDRESS)}) and {begin}{end}"
    if not prefix:
        return f"({whole})"
    begun = quoted(rf"(?:{_OCTET}\.){{1,3}}")
    rest = rf"'{_OCTET}' || repeat('\.{_OCTET}', 3 - (length({needle}) - length(replace({needle}, '.', '')))) || "
    return f"({whole} or regexp_full_match({needle}, {begun}) and {begin}{rest}{end})"


# -- IPv6 ----------------------------------------------------------------------------


@scalar("parse_ipv6")
def parse_ipv6(ip: String) -> String:
    """An IPv6 or IPv4 address in full, as IPv6; of a network, its first address. Empty where it is none.

    >>> parse_ipv6("127.0.0.1")
    "0000:0000:0000:0000:0000:ffff:7f00:0001"
    >>> parse_ipv6("192.168.255.255/24")
    "0000:0000:0000:0000:0000:ffff:c0a8:ff00"
    """
    return f"coalesce(hl_parse_ipv6({ip}, 128), '')"


@scalar("parse_ipv6_mask")
def parse_ipv6_mask(ip: String, prefix: Long) -> String:
    """As `parse_ipv6`, but of the 128 bits only the leading `prefix` are kept.

    >>> parse_ipv6_mask("fe80::85d:e82c:9446:7994/120", 124)
    "fe80:0000:0000:0000:085d:e82c:9446:7900"
    """
    return f"coalesce(hl_parse_ipv6({ip}, {prefix}), '')"


@scalar("ipv6_compare")
def ipv6_compare(ip1: String, ip2: String, prefix: Long = "128") -> Long:
    """Which of two addresses, IPv6 or IPv4, is less: -1, 0 or 1. The shortest of all prefixes counts.

    >>> ipv6_compare("192.168.1.1", "::ffff:c0a8:0101")
    0
    >>> ipv6_compare("fe80::85d:e82c:9446:7994/120", "fe80::85d:e82c:9446:7998")
    0
    """
    return f"hl_ipv6_compare({ip1}, {ip2}, {prefix})"


@scalar("ipv6_is_match")
def ipv6_is_match(ip1: String, ip2: String, prefix: Long = "128") -> Bool:
    """Whether two addresses, IPv6 or IPv4, are equal in the bits that the shortest of all prefixes leaves.

    >>> ipv6_is_match("192.168.1.1/24", "::ffff:c0a8:01ff")
    true
    """
    return f"hl_ipv6_compare({ip1}, {ip2}, {prefix}) = 0"


@scalar("ipv6_is_in_range")
def ipv6_is_in_range(ip: String, network: String) -> Bool:
    """Whether an address, IPv6 or IPv4, lies in a network.

    >>> ipv6_is_in_range("a5e:f127:8a9d:146d:e102:b5d3:c755:abcd", "a5e:f127:8a9d:146d:e102:b5d3:c755:0/112")
    true
    """
    return f"hl_ipv6_compare({ip}, {network}, 128) = 0"


@scalar("ipv6_is_in_any_range")
def ipv6_is_in_any_range(ip: String, ranges: Dynamic) -> Bool:
    """Whether an address, IPv6 or IPv4, lies in one of the networks.

    >>> ipv6_is_in_any_range("192.168.1.6", dynamic(["10.0.0.0/8", "192.168.1.0/24"]))
    true
    """
    return f"hl_ipv6_in_any({ip}, {ranges}::VARCHAR)"


@ipv6_is_in_any_range.overload
def _(ip: String, *ranges: String) -> Bool:
    return f"hl_ipv6_in_any({ip}, json_array({', '.join(ranges)})::VARCHAR)"


@ipv6_is_in_any_range.overload
def _(ip: Dynamic, ranges: Dynamic) -> Bool:
    return f"hl_ipv6_in_any({as_text(ip)}, {ranges}::VARCHAR)"


# -- places --------------------------------------------------------------------------


@scalar("geo_info_from_ip_address")
def geo_info_from_ip_address(ip: String) -> Dynamic:
    """Where an IP address is, as far as the geography that was set up knows: a bag, empty where it doesn't.

    >>> isnull(geo_info_from_ip_address("nowhere"))
    true
    """
    return f"hl_geo_info({ip})::JSON"


def _constant(text: str) -> Sql:
    return Sql(quoted(text), ScalarType.STRING, text, nullable=False)


def _string(value: str) -> Sql:
    assert isinstance(value, Sql)
    return value if value.type is ScalarType.STRING else Sql(as_text(value), ScalarType.STRING, nullable=False)
