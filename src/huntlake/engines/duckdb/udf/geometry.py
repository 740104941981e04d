"""Lines and polygons on the Earth, taken for a sphere. A shape comes as GeoJSON; null where one is none.

<https://learn.microsoft.com/kusto/query/geospatial-grid-systems>
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from huntlake.engines.duckdb.udf import geojson, sphere
from huntlake.engines.duckdb.udf.bags import written
from huntlake.engines.duckdb.udf.function import udf
from huntlake.engines.duckdb.udf.geojson import Line, Place, Polygon
from huntlake.engines.duckdb.udf.overlay import Region, region
from huntlake.engines.duckdb.udf.sphere import RADIUS, Point

# -- directions --------------------------------------------------------------------------


@udf("hl_geo_azimuth", "DOUBLE", "DOUBLE", "DOUBLE", "DOUBLE", returns="DOUBLE")
def azimuth(lon1: float | None, lat1: float | None, lon2: float | None, lat2: float | None) -> float | None:
    """The direction from one point to another, clockwise from north, in radians."""
    a, b = geojson.place(lon1, lat1), geojson.place(lon2, lat2)
    return None if a is None or b is None else sphere.azimuth(a, b)


@udf("hl_geo_angle", "DOUBLE", "DOUBLE", "DOUBLE", "DOUBLE", "DOUBLE", "DOUBLE", returns="DOUBLE")
def angle(
    lon1: float | None,
    lat1: float | None,
    lon2: float | None,
    lat2: float | None,
    lon3: float | None,
    lat3: float | None,
) -> float | None:
    """The angle at the second of three points, clockwise from the first to the third, in radians."""
    a, b, c = geojson.place(lon1, lat1), geojson.place(lon2, lat2), geojson.place(lon3, lat3)
    if a is None or b is None or c is None:
        return None
    back, ahead = sphere.azimuth(b, a), sphere.azimuth(b, c)
    return None if back is None or ahead is None else (ahead - back) % math.tau


# -- lines -------------------------------------------------------------------------------


@udf("hl_geo_line_length", "VARCHAR", returns="DOUBLE")
def line_length(text: str | None) -> float | None:
    """The length in metres."""
    line = geojson.line(text)
    return None if line is None else RADIUS * sum(sphere.length(c) for c in line.chains)


@udf("hl_geo_line_centroid", "VARCHAR", returns="VARCHAR")
def line_centroid(text: str | None) -> str | None:
    """The middle of a line, as a GeoJSON point."""
    line = geojson.line(text)
    if line is None:
        return None
    total = (0.0, 0.0, 0.0)
    for a, b in line.edges:
        apart, together = sphere.plus(a, b, -1), sphere.plus(a, b)
        total = sphere.plus(total, together, math.sqrt(sphere.dot(apart, apart) / sphere.dot(together, together)))
    return geojson.point_text(sphere.unit(total)) if sphere.dot(total, total) > 0 else None


@udf("hl_geo_line_interpolate", "VARCHAR", "DOUBLE", returns="VARCHAR")
def line_interpolate(text: str | None, fraction: float | None) -> str | None:
    """The point at a fraction of a line's length, from 0 to 1, as GeoJSON."""
    line = geojson.line(text)
    if line is None or line.several or fraction is None or not 0 <= fraction <= 1:
        return None
    chain = line.chains[0]
    way = fraction * sphere.length(chain)
    for a, b in pairwise(chain):
        step = sphere.angle(a, b)
        if way < step:
            return geojson.point_text(sphere.along(a, b, way))
        way -= step
    return geojson.point_text(chain[-1])


@udf("hl_geo_line_locate", "VARCHAR", "DOUBLE", "DOUBLE", returns="DOUBLE")
def line_locate(text: str | None, longitude: float | None, latitude: float | None) -> float | None:
    """At which fraction of a line's length it is nearest to a point."""
    line, p = geojson.line(text), geojson.place(longitude, latitude)
    if line is None or line.several or p is None:
        return None
    chain = line.chains[0]
    passed, best, found = 0.0, math.inf, 0.0
    for a, b in pairwise(chain):
        near = sphere.nearest(p, a, b)
        if (distance := sphere.angle(p, near)) < best:
            best, found = distance, passed + sphere.angle(a, near)
        passed += sphere.angle(a, b)
    return min(1.0, found / passed)


@udf("hl_geo_distance_to_line", "DOUBLE", "DOUBLE", "VARCHAR", returns="DOUBLE")
def distance_to_line(longitude: float | None, latitude: float | None, text: str | None) -> float | None:
    """The metres from a point to a line."""
    line, p = geojson.line(text), geojson.place(longitude, latitude)
    return None if line is None or p is None else RADIUS * sphere.angle(p, _nearest(p, list(line.edges)))


@udf("hl_geo_closest_on_line", "DOUBLE", "DOUBLE", "VARCHAR", returns="VARCHAR")
def closest_on_line(longitude: float | None, latitude: float | None, text: str | None) -> str | None:
    """The point of a line that is nearest to a point, as GeoJSON."""
    line, p = geojson.line(text), geojson.place(longitude, latitude)
    return None if line is None or p is None else geojson.point_text(_nearest(p, list(line.edges)))


def _nearest(p: Point, edges: Sequence[tuple[Point, Point]]) -> Point:
    return min((sphere.nearest(p, a, b) for a, b in edges), key=lambda near: sphere.angle(p, near))


# -- polygons ----------------------------------------------------------------------------


@udf("hl_geo_in_polygon", "DOUBLE", "DOUBLE", "VARCHAR", returns="BOOLEAN")
def in_polygon(longitude: float | None, latitude: float | None, text: str | None) -> bool | None:
    """Whether a point is inside a polygon."""
    polygon, p = geojson.polygon(text), geojson.place(longitude, latitude)
    return None if polygon is None or p is None else polygon.holds(p)


@udf("hl_geo_distance_to_polygon", "DOUBLE", "DOUBLE", "VARCHAR", returns="DOUBLE")
def distance_to_polygon(longitude: float | None, latitude: float | None, text: str | None) -> float | None:
    """The metres from a point to a polygon: 0 inside."""
    polygon, p = geojson.polygon(text), geojson.place(longitude, latitude)
    if polygon is None or p is None:
        return None
    return 0.0 if polygon.holds(p) else RADIUS * sphere.angle(p, _nearest(p, polygon.edges))


@udf("hl_geo_closest_on_polygon", "DOUBLE", "DOUBLE", "VARCHAR", returns="VARCHAR")
def closest_on_polygon(longitude: float | None, latitude: float | None, text: str | None) -> str | None:
    """The point of a polygon that is nearest to a point, as GeoJSON: itself, inside."""
    polygon, p = geojson.polygon(text), geojson.place(longitude, latitude)
    if polygon is None or p is None:
        return None
    return geojson.point_text(p if polygon.holds(p) else _nearest(p, polygon.edges))


@udf("hl_geo_polygon_area", "VARCHAR", returns="DOUBLE")
def polygon_area(text: str | None) -> float | None:
    """The area in square metres; of several polygons, what they cover together."""
    covered = _covered(text)
    if covered is None:
        return None
    # What is to the left of a hole is all but the hole.
    return RADIUS * RADIUS * (sum(sphere.area(loop) for loop in covered.loops) % (4 * math.pi))


@udf("hl_geo_polygon_perimeter", "VARCHAR", returns="DOUBLE")
def polygon_perimeter(text: str | None) -> float | None:
    """The length of the border in metres, that of holes with it."""
    covered = _covered(text)
    return None if covered is None else RADIUS * sum(sphere.angle(a, b) for a, b in covered.edges)


@udf("hl_geo_polygon_centroid", "VARCHAR", returns="VARCHAR")
def polygon_centroid(text: str | None) -> str | None:
    """The middle of a polygon's area, as a GeoJSON point."""
    covered = _covered(text)
    if covered is None:
        return None
    total = (0.0, 0.0, 0.0)
    for loop in covered.loops:
        total = sphere.plus(total, sphere.moment(loop))
    return geojson.point_text(sphere.unit(total)) if sphere.dot(total, total) > 0 else None


def _covered(text: str | None) -> Region | None:
    polygon = geojson.polygon(text)
    return None if polygon is None else region(polygon)


# -- two shapes --------------------------------------------------------------------------


@udf("hl_geo_intersects", "VARCHAR", "VARCHAR", "VARCHAR", returns="BOOLEAN")
def intersects(one: str | None, other: str | None, kinds: str | None) -> bool | None:
    """Whether two shapes have a point in common; `kinds` is `ll`, `lp` or `pp`, of lines and polygons."""
    first, second = (_READ[k] for k in kinds or "ll")
    left, right = first(one), second(other)
    return None if left is None or right is None else geojson.meet(left, right)


_READ: dict[str, Callable[[str | None], Line | Polygon | None]] = {"l": geojson.line, "p": geojson.polygon}


# -- more points -------------------------------------------------------------------------

_LEAST, _MOST = 0.1, 10_000.0
"""Metres that a tolerance may be."""


@udf("hl_geo_line_densify", "VARCHAR", "DOUBLE", returns="VARCHAR")
def line_densify(text: str | None, tolerance: float | None) -> str | None:
    """A line drawn on a flat map, with as many more points as arcs need to stay as near to it in metres."""
    line = geojson.line(text)
    if line is None or tolerance is None or not _LEAST <= tolerance <= _MOST:
        return None
    parts = [_densified(part, tolerance) for part in line.parts]
    kind = "MultiLineString" if line.several else "LineString"
    return written({"type": kind, "coordinates": parts if line.several else parts[0]})


@udf("hl_geo_polygon_densify", "VARCHAR", "DOUBLE", returns="VARCHAR")
def polygon_densify(text: str | None, tolerance: float | None) -> str | None:
    """A polygon drawn on a flat map, with more points as `line_densify` adds them."""
    polygon = geojson.polygon(text)
    if polygon is None or tolerance is None or not _LEAST <= tolerance <= _MOST:
        return None
    parts = [[_densified(ring, tolerance) for ring in part] for part in polygon.parts]
    kind = "MultiPolygon" if polygon.several else "Polygon"
    return written({"type": kind, "coordinates": parts if polygon.several else parts[0]})


def _densified(places: Sequence[Place], tolerance: float) -> list[list[float]]:
    found = [list(places[0])]
    for a, b in pairwise(places):
        if abs(a[0] - b[0]) > 180:
            raise ValueError("more points on an edge that goes over the antimeridian are not supported")
        _split(a, b, tolerance / RADIUS, found)
    return found


def _split(a: Place, b: Place, tolerance: float, found: list[list[float]]) -> None:
    middle = (a[0] + b[0]) / 2, (a[1] + b[1]) / 2
    one, other = sphere.point(*a), sphere.point(*b)
    straight = sphere.along(one, other, sphere.angle(one, other) / 2)
    if sphere.angle(sphere.point(*middle), straight) <= tolerance:
        found.append(list(b))
    else:
        _split(a, middle, tolerance, found)
        _split(middle, b, tolerance, found)
