"""Geohashes: a point on Earth as a few letters and digits, each one halving the place five times."""

from __future__ import annotations

from huntlake.engines.duckdb.udf.bags import written
from huntlake.engines.duckdb.udf.function import udf
from huntlake.engines.duckdb.udf.geojson import ring_text

_DIGITS = "0123456789bcdefghjkmnpqrstuvwxyz"
_LONGEST = 18


@udf("hl_geohash", "DOUBLE", "DOUBLE", "BIGINT", returns="VARCHAR")
def geohash(longitude: float | None, latitude: float | None, accuracy: int | None) -> str:
    """The geohash of a point in degrees, with `accuracy` characters; empty where there is none."""
    if longitude is None or latitude is None or accuracy is None or not 1 <= accuracy <= _LONGEST:
        return ""
    if not (-180 <= longitude <= 180 and -90 <= latitude <= 90):
        return ""
    bounds, wanted = [[-180.0, 180.0], [-90.0, 90.0]], (longitude, latitude)
    bits = 0
    for i in range(5 * accuracy):
        axis = i % 2
        low, high = bounds[axis]
        middle = (low + high) / 2
        above = wanted[axis] >= middle
        bounds[axis] = [middle, high] if above else [low, middle]
        bits = bits << 1 | above
    return "".join(_DIGITS[bits >> 5 * (accuracy - 1 - i) & 31] for i in range(accuracy))


@udf("hl_geohash_centre", "VARCHAR", returns="VARCHAR")
def geohash_centre(text: str | None) -> str | None:
    """The middle of a geohash as a GeoJSON point; null where it is none."""
    bounds = _bounds(text)
    return None if bounds is None else written({"type": "Point", "coordinates": [sum(b) / 2 for b in bounds]})


@udf("hl_geohash_polygon", "VARCHAR", returns="VARCHAR")
def geohash_polygon(text: str | None) -> str | None:
    """The area of a geohash as a GeoJSON polygon; null where it is none."""
    bounds = _bounds(text)
    if bounds is None:
        return None
    (west, east), (south, north) = bounds
    return ring_text([(west, south), (east, south), (east, north), (west, north), (west, south)])


@udf("hl_geohash_neighbors", "VARCHAR", returns="VARCHAR")
def geohash_neighbors(text: str | None) -> str | None:
    """The geohashes around one, as an array; null where it is none."""
    bounds = _bounds(text)
    if bounds is None or text is None:
        return None
    (west, east), (south, north) = bounds
    found = []
    for right, up in _AROUND:
        latitude = (south + north) / 2 + up * (north - south)
        # Around the Earth the first comes after the last; beyond a pole there is none.
        longitude = ((west + east) / 2 + right * (east - west) + 180) % 360 - 180
        if -90 < latitude < 90:
            found.append(str(geohash.of(longitude, latitude, len(text))))
    return written(list(dict.fromkeys(found)))


_AROUND = ((-1, -1), (-1, 1), (1, -1), (0, 1), (-1, 0), (1, 1), (1, 0), (0, -1))
"""The steps east and north to each neighbour, in the order in which Kusto gives them."""


def _bounds(text: str | None) -> tuple[tuple[float, float], tuple[float, float]] | None:
    if not text or len(text) > _LONGEST or not set(text.lower()) <= set(_DIGITS):
        return None
    bounds, axis = [(-180.0, 180.0), (-90.0, 90.0)], 0
    for character in text.lower():
        for shift in range(4, -1, -1):
            low, high = bounds[axis]
            middle = (low + high) / 2
            bounds[axis] = (middle, high) if _DIGITS.index(character) >> shift & 1 else (low, middle)
            axis = 1 - axis
    return bounds[0], bounds[1]
