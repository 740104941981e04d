"""Points, arcs and loops on a sphere of radius 1. A point is its vector from the centre; angles are in radians."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

RADIUS = 6371010.0
"""The Earth's, in metres."""

Point = tuple[float, float, float]


def point(longitude: float, latitude: float) -> Point:
    """The point at so many degrees."""
    across, up = math.radians(longitude), math.radians(latitude)
    return math.cos(up) * math.cos(across), math.cos(up) * math.sin(across), math.sin(up)


def degrees(p: Point) -> tuple[float, float]:
    """The longitude and the latitude of a point."""
    return math.degrees(math.atan2(p[1], p[0])), math.degrees(math.atan2(p[2], math.hypot(p[0], p[1])))


def dot(a: Point, b: Point) -> float:
    """The scalar product."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def cross(a: Point, b: Point) -> Point:
    """The vector product."""
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def plus(a: Point, b: Point, times: float = 1.0) -> Point:
    """`a`, and `b` so many times."""
    return a[0] + times * b[0], a[1] + times * b[1], a[2] + times * b[2]


def scaled(a: Point, by: float) -> Point:
    """A vector made longer."""
    return a[0] * by, a[1] * by, a[2] * by


def unit(a: Point) -> Point:
    """A vector brought to the length 1."""
    return scaled(a, 1 / math.sqrt(dot(a, a)))


def normal(a: Point, b: Point) -> Point:
    """The vector that stands upright on both, twice as long as `cross` makes it, and exact for points close by."""
    return cross(plus(b, a), plus(b, a, -1))


def angle(a: Point, b: Point) -> float:
    """How far two points are apart."""
    n = cross(a, b)
    return math.atan2(math.sqrt(dot(n, n)), dot(a, b))


def azimuth(a: Point, b: Point) -> float | None:
    """The direction from `a` to `b`, clockwise from north, in [0, 2π); None to itself and to the other side."""
    if a == b or plus(a, b) == (0.0, 0.0, 0.0):
        return None
    across = math.atan2(a[1], a[0])
    east = (-math.sin(across), math.cos(across), 0.0)
    north = cross(a, east)
    return math.atan2(dot(b, east), dot(b, north)) % math.tau


# -- arcs --------------------------------------------------------------------------------


def along(a: Point, b: Point, way: float) -> Point:
    """The point so far from `a` on the way to `b`."""
    ahead = unit(cross(normal(a, b), a))
    return unit(plus(scaled(a, math.cos(way)), ahead, math.sin(way)))


def nearest(p: Point, a: Point, b: Point) -> Point:
    """The point of an arc that is nearest to `p`."""
    n = normal(a, b)
    size = dot(n, n)
    if size > 0 and dot(cross(n, a), p) > 0 and dot(cross(b, n), p) > 0:
        flat = plus(p, n, -dot(p, n) / size)
        if dot(flat, flat) > 0:
            return unit(flat)
    return a if dot(p, a) >= dot(p, b) else b


def crossing(a: Point, b: Point, c: Point, d: Point) -> Point | None:
    """The inner point at which two arcs cross; None where they don't, or only touch."""
    if a in (c, d) or b in (c, d):
        return None
    ab = normal(a, b)
    acb, bda = -dot(ab, c), dot(ab, d)
    if acb * bda <= 0:
        return None
    cd = normal(c, d)
    cbd, dac = -dot(cd, b), dot(cd, a)
    if acb * cbd <= 0 or acb * dac <= 0:
        return None
    found = cross(unit(ab), unit(cd))
    size = dot(found, found)
    if size == 0:
        return None
    return unit(found) if dot(found, plus(a, b)) > 0 else scaled(unit(found), -1)


# -- chains and loops -----------------------------------------------------------------------


def edges(loop: Sequence[Point]) -> Iterator[tuple[Point, Point]]:
    """The arcs of a loop, the last of which leads back to its first point."""
    yield from pairwise(loop)
    yield loop[-1], loop[0]


def length(chain: Sequence[Point]) -> float:
    """How long a chain of arcs is."""
    return sum(angle(a, b) for a, b in pairwise(chain))


def area(loop: Sequence[Point]) -> float:
    """The area to the left of a loop, in [0, 4π)."""
    origin = loop[0]
    total = 0.0
    for a, b in pairwise(loop[1:]):
        # From differences: the product of three points that are close together would be lost in rounding.
        volume = dot(origin, cross(plus(a, origin, -1), plus(b, origin, -1)))
        total += 2 * math.atan2(volume, 1 + dot(origin, a) + dot(a, b) + dot(b, origin))
    return total % (4 * math.pi)


def moment(loop: Sequence[Point]) -> Point:
    """The sum of all points to the left of a loop: it points at the middle of the area, and is as long as that is."""
    total = (0.0, 0.0, 0.0)
    for a, b in pairwise(loop[1:]):
        total = plus(total, _moment(loop[0], a, b))
    return total


def _moment(a: Point, b: Point, c: Point) -> Point:
    # Each side's plane weighs in with the side's own angle by its sine; written as differences from `a`, so that
    # small triangles keep their digits.
    weights = [s / math.sin(s) if s else 1.0 for s in (angle(b, c), angle(c, a), angle(a, b))]
    x, y, z = ((a[i], b[i] - a[i], c[i] - a[i]) for i in range(3))
    w = (weights[0], weights[1] - weights[0], weights[2] - weights[0])
    return scaled((dot(cross(y, z), w), dot(cross(z, x), w), dot(cross(x, y), w)), 0.5)


def inside(p: Point, loop: Sequence[Point]) -> bool:
    """Whether a loop that has the smaller part of the sphere to its left goes around `p`."""
    around = 0.0
    for a, b in edges(loop):
        to_a, to_b = plus(a, p, -1), plus(b, p, -1)
        around += math.atan2(dot(p, cross(to_a, to_b)), dot(to_a, to_b) - dot(p, to_a) * dot(p, to_b))
    return around > math.pi
