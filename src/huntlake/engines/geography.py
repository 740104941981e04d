"""Where an IP address is: a table of networks and places, or a MaxMind database file."""

from __future__ import annotations

import csv
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import Any, Protocol

from huntlake.core.errors import Invalid

Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Place:
    """Where a network is; latitude and longitude in degrees."""

    country: str
    state: str
    city: str
    latitude: float | None
    longitude: float | None


class Geography(Protocol):
    """Places IP addresses."""

    def place(self, address: Address) -> Place | None: ...


class Nowhere:
    """A geography that knows no place."""

    def place(self, address: Address) -> Place | None:
        return None


@dataclass(frozen=True)
class NetworkTable:
    """A CSV file with the columns `network,country,state,city,latitude,longitude`, read when first asked.

    Where networks lie within one another, the narrowest answers.
    """

    path: Path

    def place(self, address: Address) -> Place | None:
        starts, entries = self._ranges
        value = _number(address)
        # Of the ranges that start at or before the address, the last that reaches it is the narrowest.
        at = bisect_right(starts, value) - 1
        while at >= 0:
            end, parent, place = entries[at]
            if value <= end:
                return place
            at = parent
        return None

    @cached_property
    def _ranges(self) -> tuple[list[int], list[tuple[int, int, Place]]]:
        ranges = sorted(self._read(), key=lambda r: (r[0], -r[1]))
        starts: list[int] = []
        entries: list[tuple[int, int, Place]] = []
        around: list[int] = []
        for start, end, place in ranges:
            while around and entries[around[-1]][0] < start:
                around.pop()
            starts.append(start)
            entries.append((end, around[-1] if around else -1, place))
            around.append(len(entries) - 1)
        return starts, entries

    def _read(self) -> Iterable[tuple[int, int, Place]]:
        with self.path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(line for line in file if not line.startswith("#")):
                try:
                    network = ip_network(row["network"].strip())
                    place = Place(
                        row["country"], row["state"], row["city"], _degrees(row["latitude"]), _degrees(row["longitude"])
                    )
                except (KeyError, ValueError, AttributeError) as error:
                    raise Invalid(f"{self.path}: a row is not a network and its place: {row}") from error
                start = _number(network.network_address)
                yield start, start + network.num_addresses - 1, place


class MaxMindFile:
    """A user's own MMDB file, of the shape that city databases have; needs the extra `geoip`."""

    def __init__(self, path: Path, language: str = "en") -> None:
        self.path = path
        try:
            import maxminddb
        except ImportError as error:
            raise Invalid("reading an MMDB file needs the package `maxminddb`: install `huntlake[geoip]`") from error
        try:
            self._reader = maxminddb.open_database(path)
        except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
            raise Invalid(f"{path} is not a readable MMDB file: {error}") from error
        self._language = language

    def place(self, address: Address) -> Place | None:
        found: Any = self._reader.get(address)
        if not isinstance(found, dict):
            return None
        location = found.get("location") or {}
        states = found.get("subdivisions") or [{}]
        return Place(
            self._name(found.get("country") or found.get("registered_country")),
            self._name(states[0]),
            self._name(found.get("city")),
            location.get("latitude"),
            location.get("longitude"),
        )

    def _name(self, thing: Any) -> str:
        return str(((thing or {}).get("names") or {}).get(self._language, ""))


def parse_address(text: str) -> Address | None:
    """The IP address that `text` spells, or None. An IPv4 address mapped into IPv6 is an IPv4 address."""
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


_MAPPED = int(IPv6Address("::ffff:0:0"))


def _number(address: Address) -> int:
    # IPv4 has its own place among IPv6's numbers, so that one sorted list holds both.
    return int(address) + (_MAPPED if address.version == 4 else 0)


def _degrees(text: str) -> float | None:
    return float(text) if text.strip() else None
