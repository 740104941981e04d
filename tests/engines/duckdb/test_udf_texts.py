"""Functions of texts that SQL can't say: searching, encoding, hashing, geohashes."""

from __future__ import annotations

import pyarrow as pa
import pytest

from huntlake.engines.duckdb.udf.addresses import format_ipv4, ipv4_networks, ipv6_compare, ipv6_in_any
from huntlake.engines.duckdb.udf.encoding import (
    base64_decode_toarray,
    base64_decode_toguid,
    base64_encode_fromarray,
    base64_encode_fromguid,
    idna_encode,
    url_decode,
    url_encode,
    xxhash64,
    xxhash64_number,
)
from huntlake.engines.duckdb.udf.function import SHORT, Function
from huntlake.engines.duckdb.udf.geohash import geohash, geohash_centre
from huntlake.engines.duckdb.udf.json import canonical_json
from huntlake.engines.duckdb.udf.strings import indexof, replace_strings


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("abcabc", "c", 0, -1, 2), 5),
        (("abcabc", "c", 3, 2, 1), -1),
        (("abcabc", "c", -1, -1, 1), 5),
        (("abc", "", 0, -1, 1), 0),
        (("abc", "c", 0, -2, 1), None),
        (("abc", "c", 0, -1, 0), None),
    ],
)
def test_an_occurrence_is_found(arguments: tuple[object, ...], expected: int | None) -> None:
    assert indexof.of(*arguments) == expected


@pytest.mark.parametrize(
    ("lookups", "rewrites", "expected"),
    [
        ('["is","This"]', '["was","That"]', "Thwas was"),
        ('["This","is"]', '[12345,"was"]', "This was"),
        ('["This"]', "[]", "This is"),
        ('["",1]', '["x","y"]', "This is"),
        ("null", "{}", "This is"),
    ],
)
def test_the_earlier_lookup_goes_first(lookups: str, rewrites: str, expected: str) -> None:
    assert replace_strings.of("This is", lookups, rewrites) == expected


def test_bytes_and_guids_go_through_base64() -> None:
    guid = "ae3133f2-6e22-49ae-b06a-16e6a9b212eb"
    assert base64_encode_fromarray.of("[75,255]") == "S/8="
    assert base64_decode_toarray.of("S/8=") == "[75,255]"
    assert base64_decode_toguid.of(base64_encode_fromguid.of(guid)) == guid


@pytest.mark.parametrize("broken", ["[256]", '["a"]', "{}", "[1.5]"])
def test_what_are_no_bytes_is_empty(broken: str) -> None:
    assert base64_encode_fromarray.of(broken) == ""


@pytest.mark.parametrize("broken", ["S/8", "!!!!", "ж"])
def test_what_is_no_base64_is_null(broken: str) -> None:
    assert base64_decode_toarray.of(broken) is None
    assert base64_decode_toguid.of(broken) is None


def test_a_url_carries_text_and_gives_it_back() -> None:
    text = "a b+c/ü~*()!"
    assert url_encode.of(text, True) == "a+b%2bc%2f%c3%bc%7e*()!"
    assert url_encode.of(text, False) == "a%20b%2bc%2f%c3%bc%7e*()!"
    assert [url_decode.of(url_encode.of(text, plus)) for plus in (True, False)] == [text, text]


def test_only_labels_beyond_ascii_are_encoded() -> None:
    assert idna_encode.of("Riðill｡Skáldskaparmál｡org") == "xn--Riill-jta.xn--Skldskaparml-dbbj.org"


@pytest.mark.parametrize(("text", "expected"), [("", 0xEF46DB3751D8E999), ("a", 0xD24EC4F1A98C6E5B)])
def test_xxhash_gives_the_numbers_of_its_specification(text: str, expected: int) -> None:
    assert xxhash64.of(text) == expected - 2**64


def test_a_moment_hashes_as_its_ticks() -> None:
    assert xxhash64_number.of(635_556_672_000_000_000) == 1380966698541616202


def test_equal_bags_have_one_text() -> None:
    assert canonical_json.of('{"b": [2, {"z":1, "y":null}], "a": "é"}') == '{"a":"é","b":[2,{"y":null,"z":1}]}'
    assert canonical_json.of("null") == ""


def test_a_geohash_and_its_middle() -> None:
    assert geohash.of(-80.195829, 25.802215, 8) == "dhwfz15h"
    assert geohash.of(139.806115, 35.554128, 19) == ""
    assert geohash_centre.of("sunny") == '{"type":"Point","coordinates":[42.47314453125,23.70849609375]}'
    assert geohash_centre.of("a") is None


def test_networks_between_addresses() -> None:
    assert ipv4_networks.of("10.0.0.0", "10.0.0.4") == '["10.0.0.0/30", "10.0.0.4/32"]'
    assert ipv4_networks.of("10.0.0.4", "10.0.0.0") is None


def test_an_address_is_written_with_the_shorter_prefix() -> None:
    assert format_ipv4.of(3232236031, 24, 32, True) == "192.168.1.0/24"
    assert format_ipv4.of(3232236031, 32, 33, False) == ""


def test_ipv4_in_the_clothes_of_ipv6() -> None:
    assert ipv6_compare.of("::192.168.1.1/30", "192.168.1.255/24", 128) == 0
    assert ipv6_in_any.of("192.168.1.7", '["::1", 5, "192.168.1.0/24"]') is True
    assert ipv6_in_any.of("nothing", '["::1"]') is None


def test_answers_are_remembered_between_batches_but_not_for_long_texts() -> None:
    asked: list[str] = []

    def of(text: str) -> str:
        asked.append(text)
        return text

    over = Function("hl_told", ("VARCHAR",), "VARCHAR", of).of_columns()
    short, long = "a", "b" * (SHORT + 1)
    for _ in range(2):
        assert over(pa.array([short, long, short])).to_pylist() == [short, long, short]
    assert asked == [short, long, long]
