"""Where addresses are."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from huntlake.core.errors import Invalid
from huntlake.engines.geography import MaxMindFile, NetworkTable, parse_address

PLACES = """\
# Comments are passed over.
network,country,state,city,latitude,longitude
10.0.0.0/8,Wide,,,1,2
10.1.0.0/16,Middle,,,1,2
10.1.1.0/24,Narrow,,,1,2
10.3.0.0/16,Beside,,,,
2001:db8::/32,Six,,,1,2
"""


@pytest.fixture
def places(tmp_path: Path) -> NetworkTable:
    file = tmp_path / "places.csv"
    file.write_text(PLACES)
    return NetworkTable(file)


@pytest.mark.parametrize(
    ("address", "country"),
    [
        ("10.0.0.0", "Wide"),
        ("10.1.0.1", "Middle"),
        ("10.1.1.255", "Narrow"),
        ("10.1.2.0", "Middle"),
        ("10.2.0.0", "Wide"),
        ("10.3.255.255", "Beside"),
        ("10.255.255.255", "Wide"),
        ("11.0.0.0", None),
        ("9.255.255.255", None),
        ("2001:db8::1", "Six"),
        ("2001:db9::1", None),
        ("::a00:1", None),
    ],
)
def test_the_narrowest_network_answers(places: NetworkTable, address: str, country: str | None) -> None:
    parsed = parse_address(address)
    assert parsed is not None
    place = places.place(parsed)
    assert (place.country if place else None) == country


@pytest.mark.parametrize("text", ["", "10.0.0", "10.0.0.256", "10.0.0.1/8", "host.example", "1" * 5000])
def test_what_is_no_address_has_none(text: str) -> None:
    assert parse_address(text) is None


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    file = tmp_path / "places.mmdb"
    file.write_bytes(b"nothing of the kind")
    wanted = r"places\.mmdb" if find_spec("maxminddb") else r"huntlake\[geoip\]"
    with pytest.raises(Invalid, match=wanted):
        MaxMindFile(file)
