"""What two shapes have in common, and what several polygons cover together.

Both borders are cut where they cross. Of the pieces, those inside the other shape bound what they have in common,
those outside bound what they cover together; walking from piece to piece gives the rings.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from huntlake.engines.duckdb.udf import geojson, sphere
from huntlake.engines.duckdb.udf.bags import written
from huntlake.engines.duckdb.udf.function import udf
from huntlake.engines.duckdb.udf.geojson import Line, Place, Polygon
from huntlake.engines.duckdb.udf.sphere import Point

Edge = tuple[Point, Point]
Loop = tuple[Point, ...]

_MOST_PAIRS = 4_000_000
"""Pairs of edges that are compared; more would keep a query busy for minutes."""
_SAME = 1e-14
"""Points nearer than this, in radians, are one: a fraction of a micrometre."""
_EMPTY: dict[str, object] = {"type": "GeometryCollection", "geometries": []}


@dataclass(frozen=True)
class Region:
    """A part of the sphere, to the left of each of its loops: shells turn one way, holes the other."""

    loops: tuple[Loop, ...]

    @property
    def edges(self) -> list[Edge]:
        """The arcs of all loops, in order."""
        return [edge for loop in self.loops for edge in sphere.edges(loop)]

    @property
    def size(self) -> int:
        """How many corners it has."""
        return sum(len(loop) for loop in self.loops)

    def holds(self, p: Point) -> bool:
        """Whether a point is inside."""
        around = 0
        for loop in self.loops:
            shell = _is_shell(loop)
            if sphere.inside(p, loop if shell else loop[::-1]):
                around += 1 if shell else -1
        return around > 0


def region(polygon: Polygon) -> Region:
    """The region of a polygon; of several, what they cover together."""
    return united(Region((tuple(shell), *(tuple(reversed(hole)) for hole in holes))) for shell, *holes in polygon.loops)


def united(regions: Iterable[Region]) -> Region:
    """What several regions cover together: always the two smallest first, as Kusto's library does."""
    queue = [(r.size, r) for r in regions]
    queue.sort(key=lambda entry: entry[0])
    while len(queue) > 1:
        (size, one), (other_size, other), *queue = queue
        queue.append((size + other_size, _overlay(one, other, common=False)))
        queue.sort(key=lambda entry: entry[0])
    return queue[0][1]


def intersected(one: Region, other: Region) -> Region:
    """What two regions have in common."""
    return _overlay(one, other, common=True)


def _is_shell(loop: Loop) -> bool:
    return sphere.area(loop) <= 2 * math.pi


# -- pieces ------------------------------------------------------------------------------


def _cut(edges: Sequence[Edge], by: Sequence[Edge]) -> tuple[list[Edge], list[Edge]]:
    """The arcs of both lists, each cut where one of the other list crosses it or has a corner on it."""
    if len(edges) * len(by) > _MOST_PAIRS:
        raise ValueError("an overlay of shapes with so many edges is not supported")
    left: list[list[Point]] = [[] for _ in edges]
    right: list[list[Point]] = [[] for _ in by]
    flats = [sphere.unit(sphere.normal(c, d)) for c, d in by]
    for i, (a, b) in enumerate(edges):
        flat = sphere.unit(sphere.normal(a, b))
        for j, (c, d) in enumerate(by):
            left[i] += [p for p in (c, d) if _is_on(p, a, b, flat)]
            right[j] += [p for p in (a, b) if _is_on(p, c, d, flats[j])]
            if (at := sphere.crossing(a, b, c, d)) is not None:
                # A crossing that is a corner but for rounding is that corner.
                at = next((corner for corner in (a, b, c, d) if sphere.angle(at, corner) < _SAME), at)
                left[i].append(at)
                right[j].append(at)
    return _pieces(edges, left), _pieces(by, right)


def _is_on(p: Point, a: Point, b: Point, flat: Point) -> bool:
    if abs(sphere.dot(p, flat)) >= _SAME or p in (a, b):
        return False
    return sphere.angle(p, sphere.nearest(p, a, b)) < _SAME


def _pieces(edges: Sequence[Edge], inner: Sequence[list[Point]]) -> list[Edge]:
    found: list[Edge] = []
    for (a, b), points in zip(edges, inner, strict=True):
        ordered = sorted(dict.fromkeys(points), key=lambda p, a=a: sphere.angle(a, p))  # type: ignore[misc]
        found += [piece for piece in pairwise([a, *ordered, b]) if piece[0] != piece[1]]
    return found


def _middle(a: Point, b: Point) -> Point:
    return sphere.unit(sphere.plus(a, b))


def _overlay(one: Region, other: Region, *, common: bool) -> Region:
    """What two regions have in common, or cover together."""
    left, right = _cut(one.edges, other.edges)
    both = set(left) & set(right)
    across = {(b, a) for a, b in left} & set(right)
    if common and across:
        raise ValueError("what polygons on two sides of one border have in common is not supported")
    # What both have is kept once; where they lie on its two sides, it is inside of what they cover together.
    kept = [p for p in left if p in both or (p[::-1] not in across and other.holds(_middle(*p)) == common)]
    kept += [p for p in right if p not in both and p not in across and one.holds(_middle(*p)) == common]
    return Region(tuple(_walked(kept)))


def _walked(pieces: Sequence[Edge]) -> list[Loop]:
    """The loops that pieces make, each beginning after its last piece."""
    leaving: dict[Point, list[int]] = {}
    for number, (a, _) in enumerate(pieces):
        leaving.setdefault(a, []).append(number)
    unused: set[int] = set(range(len(pieces)))
    loops: list[Loop] = []
    for begin in range(len(pieces)):
        walk = [begin] if begin in unused else []
        while walk:
            unused.discard(walk[-1])
            came, at = pieces[walk[-1]]
            before = next((k for k, n in enumerate(walk) if pieces[n][0] == at), None)
            if before is not None:
                # Back at a corner: what lies between is a loop of its own.
                round_, walk = walk[before:], walk[:before]
                if len(round_) < 3:
                    raise ValueError("an overlay of shapes without an area is not supported")
                last = round_.index(max(round_))
                loops.append(tuple(pieces[n][0] for n in round_[last + 1 :] + round_[: last + 1]))
                if not walk:
                    break
            ways = [n for n in leaving[at] if n in unused] if at in leaving else []
            if not ways:
                raise ValueError("an overlay of shapes that touch so closely is not supported")
            walk.append(min(ways, key=lambda n: _turn(came, at, pieces[n][1])) if len(ways) > 1 else ways[0])
    return loops


def _turn(came: Point, at: Point, to: Point) -> float:
    """How far a way is from straight back, clockwise, over what is to the left: the least is the sharpest turn."""
    back, ahead = sphere.azimuth(at, came) or 0.0, sphere.azimuth(at, to) or 0.0
    return (ahead - back) % math.tau


# -- answers -----------------------------------------------------------------------------


Places = dict[Point, Place]
"""The places of corners as they were given: computed from their points they would lose a digit."""


def _places(*shapes: Line | Polygon) -> Places:
    found: Places = {}
    for shape in shapes:
        rings = shape.parts if isinstance(shape, Line) else (ring for part in shape.parts for ring in part)
        found.update((sphere.point(*p), p) for ring in rings for p in ring)
    return found


def _written(points: Iterable[Point], places: Places) -> list[list[float]]:
    return [list(places.get(p) or sphere.degrees(p)) for p in points]


def _shown(found: Region, places: Places) -> dict[str, object]:
    shells = [loop for loop in found.loops if _is_shell(loop)]
    parts: list[list[Loop]] = [[shell] for shell in shells]
    for hole in found.loops:
        if not _is_shell(hole):
            around = [part for part in parts if sphere.inside(_middle(*hole[:2]), part[0])]
            if not around:
                raise ValueError("a polygon of more than half of the Earth is not supported")
            min(around, key=lambda part: sphere.area(part[0])).append(hole)
    rings = [[_written((*loop, loop[0]), places) for loop in part] for part in parts]
    if len(rings) == 1:
        return {"type": "Polygon", "coordinates": rings[0]}
    return {"type": "MultiPolygon", "coordinates": rings} if rings else _EMPTY


def _points(points: Sequence[Point], places: Places) -> dict[str, object]:
    found = _written(points, places)
    if len(found) == 1:
        return {"type": "Point", "coordinates": found[0]}
    return {"type": "MultiPoint", "coordinates": found} if found else _EMPTY


def _lines(chains: Sequence[Sequence[Point]], places: Places) -> dict[str, object]:
    lines = [_written(chain, places) for chain in chains]
    if len(lines) == 1:
        return {"type": "LineString", "coordinates": lines[0]}
    return {"type": "MultiLineString", "coordinates": lines} if lines else _EMPTY


def _chained(pieces: Iterable[Edge]) -> list[list[Point]]:
    """Pieces that follow one another as chains."""
    chains: list[list[Point]] = []
    for a, b in pieces:
        if chains and chains[-1][-1] == a:
            chains[-1].append(b)
        else:
            chains.append([a, b])
    return chains


@udf("hl_geo_union_polygons", "VARCHAR", returns="VARCHAR")
def union_polygons(texts: str | None) -> str | None:
    """What an array's polygons cover together; null where one of them is none."""
    polygons = [geojson.polygon(t) for t in geojson.items(texts)]
    whole = [p for p in polygons if p is not None]
    if not whole or len(whole) != len(polygons):
        return None
    return written(_shown(united(region(p) for p in whole), _places(*whole)))


@udf("hl_geo_intersection_pp", "VARCHAR", "VARCHAR", returns="VARCHAR")
def intersection_of_polygons(one: str | None, other: str | None) -> str | None:
    """What two polygons have in common; null where one of them is none."""
    first, second = geojson.polygon(one), geojson.polygon(other)
    if first is None or second is None:
        return None
    left, right, places = region(first), region(second), _places(first, second)
    found = intersected(left, right)
    corners = {p for loop in found.loops for p in loop}
    touching = [p for p in dict.fromkeys(e[0] for e in left.edges) if p in {e[0] for e in right.edges} - corners]
    if found.loops and touching:
        raise ValueError("what polygons have in common besides a corner is not supported")
    return written(_shown(found, places) if found.loops else _points(touching, places))


@udf("hl_geo_intersection_ll", "VARCHAR", "VARCHAR", returns="VARCHAR")
def intersection_of_lines(one: str | None, other: str | None) -> str | None:
    """What two lines have in common; null where one of them is none."""
    first, second = geojson.line(one), geojson.line(other)
    if first is None or second is None:
        return None
    left, right = _cut(list(first.edges), list(second.edges))
    either_way = {*right, *((b, a) for a, b in right)}
    shared = [e for e in left if e in either_way]
    on_shared = {p for e in shared for p in e}
    corners = {p for e in right for p in e}
    points = [p for p in dict.fromkeys(p for e in left for p in e) if p in corners - on_shared]
    if shared and points:
        raise ValueError("what lines have in common both in edges and in points is not supported")
    places = _places(first, second)
    return written(_lines(_chained(shared), places) if shared else _points(points, places))


@udf("hl_geo_intersection_lp", "VARCHAR", "VARCHAR", returns="VARCHAR")
def intersection_of_line_and_polygon(one: str | None, other: str | None) -> str | None:
    """What a line and a polygon have in common; null where one of them is none."""
    line, polygon = geojson.line(one), geojson.polygon(other)
    if line is None or polygon is None:
        return None
    area = region(polygon)
    chains: list[list[Point]] = []
    met: list[Point] = []
    for part in line.chains:
        pieces, by = _cut(list(pairwise(part)), area.edges)
        border = {*by, *((b, a) for a, b in by)}
        chains += _chained(p for p in pieces if p in border or area.holds(_middle(*p)))
        corners = {p for e in by for p in e}
        met += [p for p in dict.fromkeys(p for e in pieces for p in e) if p in corners]
    places = _places(line)
    if chains:
        return written(_lines(chains, places))
    return written(_points(met, places))
