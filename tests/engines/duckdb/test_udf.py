"""The functions that SQL can't say."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from huntlake.engines.duckdb.database import Database, literal
from huntlake.engines.duckdb.udf import functions
from huntlake.engines.duckdb.udf.addresses import ipv4_prefix, ipv6_compare, ipv6_prefix, parse_ipv4, parse_ipv6
from huntlake.engines.duckdb.udf.conversion import todatetime, toguid, totimespan
from huntlake.engines.duckdb.udf.encoding import (
    base64_decode_tostring,
    gzip_compress,
    gzip_decompress,
    idna_decode,
    punycode_decode,
    punycode_encode,
    xxhash64,
    zlib_compress,
    zlib_decompress,
)
from huntlake.engines.duckdb.udf.formats import format_datetime, format_timespan
from huntlake.engines.duckdb.udf.text import (
    parse_command_line,
    parse_csv,
    parse_path,
    parse_url,
    parse_urlquery,
    parse_xml,
)
from huntlake.engines.geography import NetworkTable, Nowhere

DAY = 864_000_000_000
FRANKFURT = {"country": "Germany", "state": "Hesse", "city": "Frankfurt", "latitude": 50.1, "longitude": 8.6}
MOMENT = datetime(2017, 1, 29, 9, 0, 5, 123_450)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    file = tmp_path_factory.mktemp("geo") / "places.csv"
    file.write_text(
        "network,country,state,city,latitude,longitude\n"
        "203.0.113.0/24,Germany,Hesse,Frankfurt,50.1,8.6\n203.0.113.128/25,Austria,,,50.1,8.6\n"
    )
    opened = Database(geography=NetworkTable(file))
    yield opened
    opened.close()


@pytest.mark.parametrize("name", sorted(functions(Nowhere())))
def test_every_function_takes_null(database: Database, name: str) -> None:
    parameters = functions(Nowhere())[name].parameters
    nulls = ", ".join(f"null::{type}" for type in parameters)
    assert database.table(f"select {name}({nulls}) as x from range(3)").num_rows == 3


def test_a_function_is_asked_once_for_each_distinct_value(database: Database) -> None:
    sql = "select hl_geo_info('203.0.113.' || (i % 2)) as x from range(300000) t(i)"
    assert database.table(f"select count(distinct x) as n, count(*) as all_ from ({sql})").to_pylist() == [
        {"n": 1, "all_": 300_000}
    ]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("203.0.113.1", FRANKFURT),
        ("::ffff:203.0.113.1", FRANKFURT),
        ("203.0.113.200", {**FRANKFURT, "country": "Austria", "state": "", "city": ""}),
        ("10.0.0.1", {}),
        ("no address", None),
        ("", None),
    ],
)
def test_an_address_has_a_place(database: Database, address: str, expected: object) -> None:
    (row,) = database.table(f"select hl_geo_info({literal(address)}) as x").to_pylist()
    assert (None if row["x"] is None else json.loads(row["x"])) == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("yy-MM-dd [hh:mm:ss tt]", "17-01-29 [09:00:05 AM]"),
        ("y-M-d h:m:s", "17-1-29 9:0:5"),
        ("yyyy/MM/dd HH.mm.ss", "2017/01/29 09.00.05"),
        ("fffffff fff FFFFFFF", "1234500 123 12345"),
    ],
)
def test_a_date_is_written_by_its_pattern(pattern: str, expected: str) -> None:
    assert format_datetime.of(MOMENT, pattern) == expected


@pytest.mark.parametrize(
    ("ticks", "pattern", "expected"),
    [
        (29 * DAY + 324_051_234_500, "dd.hh:mm:ss:FF", "29.09:00:05:12"),
        (29 * DAY + 324_051_234_500, "ddd.h:mm:ss [fffffff]", "029.9:00:05 [1234500]"),
        (-DAY, "d.hh:mm:ss", "-1.00:00:00"),
    ],
)
def test_a_timespan_is_written_by_its_pattern(ticks: int, pattern: str, expected: str) -> None:
    assert format_timespan.of(ticks, pattern) == expected


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ('echo "hello world!"', ["echo", "hello world!"]),
        (r'"C:\a b\c.exe" -x "a\"b" \\srv\y "q\\" z', [r"C:\a b\c.exe", "-x", 'a"b', r"\\srv\y", "q\\", "z"]),
        ('a""b "" c', ["ab", "", "c"]),
        ('"unclosed  text', ["unclosed  text"]),
        ("   ", None),
    ],
)
def test_a_command_line_is_split_as_windows_does(command: str, expected: list[str] | None) -> None:
    found = parse_command_line.of(command, "windows")
    assert (None if found is None else json.loads(str(found))) == expected


def test_a_url_falls_into_parts() -> None:
    found = json.loads(str(parse_url.of("scheme://user:pass@Host:1234/this/is/a/path?k1=v1&k2=v%202#fragment")))
    assert found == {
        "Scheme": "scheme",
        "Host": "Host",
        "Port": "1234",
        "Path": "/this/is/a/path",
        "Username": "user",
        "Password": "pass",
        "Query Parameters": {"k1": "v1", "k2": "v 2"},
        "Fragment": "fragment",
    }
    assert json.loads(str(parse_url.of("http://[broken")))["Host"] == ""
    assert json.loads(str(parse_urlquery.of("a=1&b"))) == {"Query Parameters": {"a": "1", "b": ""}}


@pytest.mark.parametrize(
    ("xml", "expected"),
    [
        (
            '<a x="1"><b>t</b><b y="2">u</b><c/></a>',
            {"a": {"@x": "1", "b": ["t", {"@y": "2", "#text": "u"}], "c": None}},
        ),
        ('<e xmlns="urn:x"><d>1</d></e>', {"e": {"d": "1"}}),
        ("<a><![CDATA[<!DOCTYPE x>]]></a>", {"a": "<!DOCTYPE x>"}),
        ("<a><b></a>", None),
        ("no xml", None),
        ('<!DOCTYPE x [<!ENTITY e "eeee">]><a>&e;</a>', None),
        ("<a>" * 100_000 + "</a>" * 100_000, None),
    ],
    ids=["plain", "namespace", "cdata", "broken", "text", "entities", "deep"],
)
def test_xml_becomes_a_bag_or_null(xml: str, expected: object) -> None:
    found = parse_xml.of(xml)
    assert (None if found is None else json.loads(str(found))) == expected


def test_a_table_of_places_that_is_none_is_named(tmp_path: Path) -> None:
    file = tmp_path / "places.csv"
    file.write_text("network,country,state,city,latitude,longitude\nnowhere,x,,,1,1\n")
    database = Database(geography=NetworkTable(file))
    with pytest.raises(Exception, match=r"places\.csv"):
        database.table("select hl_geo_info('203.0.113.1') as x")
    database.close()


def test_texts_become_values_of_other_types() -> None:
    assert todatetime.of("2026-11-21T12:00:00+02:00") == datetime(2026, 11, 21, 10)
    assert todatetime.of("Sat, 21 Nov 2026 10:00:00 GMT") == datetime(2026, 11, 21, 10)
    assert [todatetime.of(text) for text in ("", "infinity", "soon")] == [None] * 3
    assert totimespan.of("1.02:03:04.5") == 937_845_000_000
    assert [totimespan.of(text) for text in ("", "long", "99999999999d")] == [None] * 3
    assert toguid.of("{74BE27DE-1E4E-49D9-B579-FE0B331D3642}") == "74be27de-1e4e-49d9-b579-fe0b331d3642"
    assert toguid.of("74be27de") is None


@pytest.mark.parametrize(
    ("text", "number", "prefix"),
    [
        ("192.168.1.1", 3232235777, 32),
        ("192.168.1.1/24", 3232235776, 24),
        ("0.0.0.0/0", 0, 0),
        ("192.168.1.256", None, None),
        ("192.168.1.1/33", None, None),
        ("192.168.1.1/x", None, None),
        ("fe80::1", None, None),
        ("", None, None),
    ],
)
def test_an_ipv4_address_is_a_number(text: str, number: int | None, prefix: int | None) -> None:
    assert (parse_ipv4.of(text), ipv4_prefix.of(text)) == (number, prefix)


def test_ipv6_and_ipv4_addresses_are_one_kind() -> None:
    assert parse_ipv6.of("192.168.255.255/24", 128) == "0000:0000:0000:0000:0000:ffff:c0a8:ff00"
    assert parse_ipv6.of("fe80::85d:e82c:9446:7994", 120) == "fe80:0000:0000:0000:085d:e82c:9446:7900"
    assert [parse_ipv6.of(text, 128) for text in ("", "1.2.3", "g::1", "::1/129")] == [None] * 4
    assert parse_ipv6.of("::1", 129) is None
    assert ipv6_compare.of("192.168.1.1", "192.168.1.255/24", 128) == 0
    assert ipv6_compare.of("::1", "::2", 128) == -1
    assert ipv6_compare.of("192.168.1.2", "::ffff:192.168.1.1", 128) == 1
    assert ipv6_prefix.of("10.0.0.0/8") == 104


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        (r"C:\temp\file.txt", ["", "C:", r"C:\temp", "temp", "file.txt", "txt", ""]),
        (r"temp\file.txt", ["", "", "temp", "temp", "file.txt", "txt", ""]),
        ("file://C:/temp/file.txt:some.exe", ["file", "C:", "C:/temp", "temp", "file.txt", "txt", "some.exe"]),
        (r"\\shared\users\temp\f.txt.gz", ["", "", r"\\shared\users\temp", "temp", "f.txt.gz", "gz", ""]),
        ("/usr/lib/temp/file", ["", "", "/usr/lib/temp", "temp", "file", "", ""]),
        ("file.txt", ["", "", "", "", "file.txt", "txt", ""]),
    ],
)
def test_a_path_falls_into_parts(path: str, parts: list[str]) -> None:
    assert list(json.loads(str(parse_path.of(path))).values()) == parts


def test_the_first_record_of_csv_is_an_array() -> None:
    assert json.loads(str(parse_csv.of('a,"b, ""c""",\nx,y'))) == ["a", 'b, "c"', ""]
    assert parse_csv.of("") is None


def test_texts_are_packed_and_unpacked() -> None:
    text = "1234567890qwertyuiop"
    assert gzip_compress.of(text) == "H4sIAAAAAAAA/wEUAOv/MTIzNDU2Nzg5MHF3ZXJ0eXVpb3A6m7f2FAAAAA=="
    assert zlib_compress.of(text) == "eAEBFADr/zEyMzQ1Njc4OTBxd2VydHl1aW9wOAkGdw=="
    for sample in (text, "ä" * 10_000, ""):
        assert gzip_decompress.of(gzip_compress.of(sample)) == sample
        assert zlib_decompress.of(zlib_compress.of(sample)) == sample
    assert [gzip_decompress.of("x0x0x0"), zlib_decompress.of("x0x0x0"), base64_decode_tostring.of("/w==")] == [""] * 3
    assert base64_decode_tostring.of("S3VzdG8=") == "Kusto"


def test_a_packed_bomb_is_not_unfolded() -> None:
    bomb = base64.b64encode(gzip.compress(b"0" * 100_000_000)).decode()
    assert gzip_decompress.of(bomb) == ""


def test_domains_are_decoded() -> None:
    assert punycode_encode.of("académie-française") == "acadmie-franaise-npb1a"
    assert punycode_decode.of("acadmie-franaise-npb1a") == "académie-française"
    assert idna_decode.of("xn--Ge-mia.Bulg.edu") == "Gáe.Bulg.edu"
    assert idna_decode.of("xn--\u00e9") == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("World", 1846988464401551951),
        ("Hello", 753694413698530628),
        ("", -1205034819632174695),
        ("Nobody inspects the spammish repetition", 0xFBCEA83C8A378BF1 - 2**64),
    ],
)
def test_hashes_are_kustos(text: str, expected: int) -> None:
    assert xxhash64.of(text) == expected
