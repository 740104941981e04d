"""The quick ways of comparing IPv4 addresses give what the plain one gives."""

from __future__ import annotations

import random
from ipaddress import AddressValueError, IPv4Address

import pytest
from tests import pages

PRIVATE = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]
ODD = [
    "",
    "a",
    "1.2.3",
    "1.2.3.256",
    "1.2.3.4/33",
    "1.2.3.4/",
    "01.2.3.4",
    " 1.2.3.4 ",
    "1.2.3.4.5",
    "::1",
    "10.0.0.1/4",
]


@pytest.mark.parametrize("count", [1, 2, 5, 63, 80])
def test_an_address_is_in_the_networks_that_hold_it(count: int) -> None:
    dice = random.Random(count)
    texts = [*ODD, *(_address(dice) for _ in range(150)), *(_network(dice) for _ in range(50))]
    networks = [_network(dice) for _ in range(count)]
    expected = {t: _in_any(t, networks) for t in texts}
    assert _asked(f"ipv4_is_in_any_range(s, dynamic({networks}))", texts) == expected
    assert _asked(f"ipv4_is_in_any_range(s, toscalar(print dynamic({networks})))", texts) == expected


@pytest.mark.parametrize("prefix", [0, 7, 8, 20, 31, 32])
def test_the_shortest_prefix_counts(prefix: int) -> None:
    dice = random.Random(prefix)
    texts = [*ODD, *(_address(dice) for _ in range(100)), *(_network(dice) for _ in range(50))]
    network = _network(dice)
    matches = {t: _matches(t, network, prefix) for t in texts}
    assert _asked(f"ipv4_is_match(s, '{network}', {prefix})", texts) == matches
    assert _asked(f"ipv4_is_match(s, strcat(substring(s, 0, 0), '{network}'), {prefix})", texts) == matches
    assert _asked(f"ipv4_compare(s, '{network}', {prefix}) == 0", texts) == {
        # A comparison with null is false.
        t: bool(m)
        for t, m in matches.items()
    }


def test_private_addresses() -> None:
    dice = random.Random(1)
    texts = [*ODD, *(_address(dice) for _ in range(300)), *(_network(dice) for _ in range(50))]
    assert _asked("ipv4_is_private(s)", texts) == {t: _in_any(t, PRIVATE) for t in texts}


def test_what_is_no_address_is_null_and_never_an_error() -> None:
    calls = (
        "parse_ipv4(s)",
        "parse_ipv4_mask(s, 24)",
        "ipv4_netmask_suffix(s)",
        "ipv4_is_in_range(s, s)",
        "ipv4_range_to_cidr_list(s, '1.1.1.1')",
        "ipv6_is_match(s, '::1')",
        "geo_info_from_ip_address(s)",
    )
    texts = ["", "a", "1.2.3.256", "1.2.3.4/33"]
    for call in calls:
        assert _asked(f"isnull({call})", texts) == dict.fromkeys(texts, True), call
    assert _asked("strcat(parse_ipv6(s), format_ipv4(s), format_ipv4_mask(s, 3)) == ''", texts) == dict.fromkeys(
        texts, True
    )


def test_an_address_in_a_text_needs_edges() -> None:
    texts = ["from 10.0.0.1:80", "10.0.0.12", "x10.0.0.1", "(10.0.0.1)", "10.0.0.1", "10.0.0.300 and 10.0.0.1"]
    found = {t: t not in ("10.0.0.12", "x10.0.0.1") for t in texts}
    assert _asked("has_ipv4(s, '10.0.0.1')", texts) == found
    assert _asked("has_any_ipv4(s, '1.1.1.1', strcat(substring(s, 0, 0), '10.0.0.1'))", texts) == found
    assert _asked("has_ipv4_prefix(s, '10.0.')", texts) == {t: t != "x10.0.0.1" for t in texts}
    assert _asked("has_any_ipv4_prefix(s, pack_array(strcat(substring(s, 0, 0), '10.0.')))", texts) == {
        t: t != "x10.0.0.1" for t in texts
    }


def _asked(call: str, texts: list[str]) -> dict[str, bool | None]:
    rows = ", ".join(f'"{t}"' for t in texts)
    ((pairs,),) = pages.values(f"datatable(s:string)[{rows}] | summarize make_list(bag_pack('s', s, 'in', {call}))")
    return {p["s"]: p["in"] for p in pairs}


def _address(dice: random.Random) -> str:
    return ".".join(str(dice.choice([0, 1, 9, 10, 127, 128, 172, 16, 31, 32, 192, 168, 255])) for _ in range(4))


def _network(dice: random.Random) -> str:
    return f"{_address(dice)}/{dice.choice([0, 1, 5, 8, 9, 12, 16, 20, 24, 27, 31, 32])}"


def _in_any(text: str, networks: list[str]) -> bool | None:
    found = [_matches(text, n) for n in networks]
    return True if True in found else None if None in found else False


def _matches(text: str, network: str, prefix: int = 32) -> bool | None:
    one, other = _parsed(text), _parsed(network)
    if one is None or other is None:
        return None
    away = 32 - min(one[1], other[1], prefix)
    return one[0] >> away == other[0] >> away


def _parsed(text: str) -> tuple[int, int] | None:
    address, slash, prefix = text.strip().partition("/")
    try:
        bits = int(prefix) if slash else 32
        return (int(IPv4Address(address)), bits) if 0 <= bits <= 32 else None
    except (AddressValueError, ValueError):
        return None
