"""Points on the Earth, taken for a sphere as the reference does."""

from __future__ import annotations

from huntlake.kql.symbols import Bool, Real, scalar

_RADIUS = "6371010e0"
"""Metres."""


def _distance(lon1: str, lat1: str, lon2: str, lat2: str) -> str:
    valid = " and ".join(
        f"{angle} between -{most} and {most}" for angle, most in ((lon1, 180), (lat1, 90), (lon2, 180), (lat2, 90))
    )
    half = (
        f"pow(sin(radians({lat2} - {lat1}) / 2), 2) + "
        f"cos(radians({lat1})) * cos(radians({lat2})) * pow(sin(radians({lon2} - {lon1}) / 2), 2)"
    )
    return f"case when {valid} then 2 * {_RADIUS} * asin(least(1e0, sqrt({half}))) end"


@scalar("geo_distance_2points")
def geo_distance_2points(lon1: Real, lat1: Real, lon2: Real, lat2: Real) -> Real:
    """The shortest way between two points, in metres; null where one is no point on Earth.

    >>> tolong(geo_distance_2points(-122.407628, 47.578557, -118.275287, 34.019056))
    1546754
    >>> isnull(geo_distance_2points(300, 1, 1, 1))
    true
    """
    return _distance(lon1, lat1, lon2, lat2)


@scalar("geo_point_in_circle")
def geo_point_in_circle(lon: Real, lat: Real, centre_lon: Real, centre_lat: Real, radius: Real) -> Bool:
    """Whether a point lies within a circle, whose radius is in metres.

    >>> geo_point_in_circle(-122.143564, 47.535677, -122.100896, 47.527351, 3500)
    true
    >>> geo_point_in_circle(-122.137575, 47.630683, -122.100896, 47.527351, 3500)
    false
    """
    return f"case when {radius} >= 0 then {_distance(lon, lat, centre_lon, centre_lat)} <= {radius} end"
