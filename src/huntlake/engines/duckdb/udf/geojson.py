"""GeoJSON read as lines and polygons on the sphere, as Kusto's geospatial functions take them, and written."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise

from huntlake.engines.duckdb.udf import sphere
from huntlake.engines.duckdb.udf.bags import written
from huntlake.engines.duckdb.udf.sphere import Point

Place = tuple[float, float]
"""A longitude and a latitude, in degrees."""
Ring = tuple[Place, ...]

_KEPT = 256
"""Shapes that are remembered as read: a query compares all its rows with a few of them."""


class NoShape(Exception):
    """A text holds no shape that Kusto would take."""


@dataclass(frozen=True)
class Line:
    """One line or several."""

    parts: tuple[Ring, ...]
    several: bool

    @cached_property
    def chains(self) -> tuple[tuple[Point, ...], ...]:
        """The points of each part."""
        return tuple(tuple(sphere.point(*p) for p in part) for part in self.parts)

    @property
    def edges(self) -> Iterator[tuple[Point, Point]]:
        """Every arc of every part."""
        return (edge for chain in self.chains for edge in pairwise(chain))


@dataclass(frozen=True)
class Polygon:
    """One polygon or several: each a shell, and holes in it."""

    parts: tuple[tuple[Ring, ...], ...]
    several: bool

    @cached_property
    def loops(self) -> tuple[tuple[tuple[Point, ...], ...], ...]:
        """The rings of each part without their last point, each with the smaller side to its left."""
        return tuple(tuple(_turned(ring) for ring in part) for part in self.parts)

    @cached_property
    def edges(self) -> tuple[tuple[Point, Point], ...]:
        """Every arc of every ring."""
        return tuple(edge for part in self.loops for loop in part for edge in sphere.edges(loop))

    def holds(self, p: Point) -> bool:
        """Whether a point is inside."""
        return any(
            sphere.inside(p, shell) and not any(sphere.inside(p, hole) for hole in holes)
            for shell, *holes in self.loops
        )


# -- reading -----------------------------------------------------------------------------


@lru_cache(maxsize=_KEPT)
def line(text: str | None) -> Line | None:
    """The line that a text holds; None where it holds none."""
    try:
        kind, coordinates = _shape(text)
        if kind == "LineString":
            return Line((_chain(coordinates),), False)
        if kind == "MultiLineString":
            return Line(tuple(_chain(c) for c in _parts(coordinates, 2)), True)
    except NoShape:
        pass
    return None


@lru_cache(maxsize=_KEPT)
def polygon(text: str | None) -> Polygon | None:
    """The polygon that a text holds; None where it holds none."""
    try:
        kind, coordinates = _shape(text)
        if kind == "Polygon":
            return Polygon((_rings(coordinates),), False)
        if kind == "MultiPolygon":
            return Polygon(tuple(_rings(c) for c in _parts(coordinates, 3)), True)
    except NoShape:
        pass
    return None


def items(texts: str | None) -> list[str]:
    """The elements of a JSON array, each as text; none where it is no array."""
    value = json.loads(texts) if texts else None
    return [written(v) for v in value] if isinstance(value, list) else []


def place(longitude: float | None, latitude: float | None) -> Point | None:
    """A point on Earth; None where there is none."""
    if longitude is None or latitude is None or not (-180 <= longitude <= 180 and -90 <= latitude <= 90):
        return None
    return sphere.point(longitude, latitude)


def _shape(text: str | None) -> tuple[object, object]:
    value = json.loads(text) if text else None
    if not isinstance(value, dict):
        raise NoShape
    return value.get("type"), value.get("coordinates")


def _parts(coordinates: object, depth: int) -> list[object]:
    """The parts of several lines or polygons, each with its places so many lists deep. Kusto takes a list more."""
    parts: list[object] = []
    for part in _list(coordinates):
        parts += _list(part) if _depth(part) > depth else [part]
    return parts


def _depth(value: object) -> int:
    depth = 0
    while isinstance(value, list) and value:
        value, depth = value[0], depth + 1
    return depth


def _list(value: object) -> list[object]:
    if not isinstance(value, list) or not value:
        raise NoShape
    return value


def _place(value: object) -> Place:
    numbers = [n for n in _list(value)[:2] if isinstance(n, int | float) and not isinstance(n, bool)]
    if len(numbers) != 2 or not (-180 <= numbers[0] <= 180 and -90 <= numbers[1] <= 90):
        raise NoShape
    return float(numbers[0]), float(numbers[1])


def _chain(value: object) -> Ring:
    chain = tuple(_place(v) for v in _list(value))
    points = [sphere.point(*p) for p in chain]
    if len(chain) < 2 or any(a == b or sphere.dot(a, b) < -1 + 1e-15 for a, b in pairwise(points)):
        raise NoShape
    return chain


def _rings(value: object) -> tuple[Ring, ...]:
    rings = tuple(_ring(v) for v in _list(value))
    if _crossed([edge for ring in rings for edge in pairwise([sphere.point(*p) for p in ring])]):
        raise NoShape
    return rings


def _ring(value: object) -> Ring:
    ring = _chain(value)
    if len(ring) < 4 or ring[0] != ring[-1] or len(set(ring)) != len(ring) - 1:
        raise NoShape
    return ring


def _turned(ring: Ring) -> tuple[Point, ...]:
    loop = tuple(sphere.point(*p) for p in ring[:-1])
    return loop if sphere.area(loop) <= 2 * math.pi else loop[:1] + loop[:0:-1]


def _crossed(edges: Sequence[tuple[Point, Point]]) -> bool:
    """Whether two of the arcs cross. Only those are compared that reach over the same heights."""
    spans = sorted((*_heights(a, b), a, b) for a, b in edges)
    open_: list[tuple[float, float, Point, Point]] = []
    for span in spans:
        low, _, a, b = span
        open_ = [other for other in open_ if other[1] >= low]
        if any(sphere.crossing(a, b, c, d) is not None for _, _, c, d in open_):
            return True
        open_.append(span)
    return False


def _heights(a: Point, b: Point) -> tuple[float, float]:
    # An arc bulges toward its pole: it may reach further than both of its ends.
    low, high = min(a[2], b[2]), max(a[2], b[2])
    n = sphere.unit(sphere.normal(a, b))
    reach = math.sqrt(max(0.0, 1 - n[2] * n[2]))
    for top in (1.0, -1.0):
        peak = sphere.plus((0.0, 0.0, top), n, -top * n[2])
        if sphere.dot(sphere.cross(n, a), peak) > 0 and sphere.dot(sphere.cross(b, n), peak) > 0:
            low, high = min(low, top * reach), max(high, top * reach)
    return low, high


# -- two shapes together --------------------------------------------------------------------


def meet(one: Line | Polygon, other: Line | Polygon) -> bool:
    """Whether two shapes have a point in common."""
    left, right = list(one.edges), list(other.edges)
    corners = {p for edge in left for p in edge}
    if not corners.isdisjoint(p for edge in right for p in edge):
        return True
    if any(sphere.crossing(a, b, c, d) is not None for a, b in left for c, d in right):
        return True
    # No arcs cross: if one is inside the other, each of its parts is.
    return _within(one, other) or _within(other, one)


def _within(one: Line | Polygon, other: Line | Polygon) -> bool:
    if isinstance(other, Line):
        return False
    firsts = [chain[0] for chain in one.chains] if isinstance(one, Line) else [part[0][0] for part in one.loops]
    return any(other.holds(p) for p in firsts)


# -- writing -----------------------------------------------------------------------------


def point_text(p: Point) -> str:
    """A point, as GeoJSON."""
    return written({"type": "Point", "coordinates": list(sphere.degrees(p))})


def ring_text(places: Iterable[Place]) -> str:
    """A polygon of one ring, as GeoJSON."""
    return written({"type": "Polygon", "coordinates": [[list(p) for p in places]]})
