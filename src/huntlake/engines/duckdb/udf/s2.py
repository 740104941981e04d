"""Cells of S2: the six faces of a cube around the Earth, each quartered again and again along a curve.

<http://s2geometry.io/devguide/s2cell_hierarchy>
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from huntlake.engines.duckdb.udf import geojson, sphere
from huntlake.engines.duckdb.udf.bags import written
from huntlake.engines.duckdb.udf.function import udf
from huntlake.engines.duckdb.udf.geojson import Line, Polygon
from huntlake.engines.duckdb.udf.sphere import Point

DEEPEST = 30
SIZE = 1 << DEEPEST
MOST_CELLS = 65_536
"""A shape that takes more cells than these has null in Kusto."""

_POSITION = ((0, 1, 3, 2), (0, 3, 1, 2), (2, 3, 1, 0), (2, 1, 3, 0))
"""Where the curve comes to a quarter, whose two bits are those of i and j, in each of its four orientations."""
_QUARTER = tuple(tuple(row.index(position) for position in range(4)) for row in _POSITION)
_TURN = (1, 0, 0, 3)
"""How the orientation changes in the first, second, … quarter that the curve comes to."""


@dataclass(frozen=True)
class Cell:
    """The square of a level at the place i, j of a face; both count in squares of the deepest level."""

    face: int
    i: int
    j: int
    level: int

    @property
    def size(self) -> int:
        """How many squares of the deepest level lie along its side."""
        return 1 << DEEPEST - self.level

    @cached_property
    def token(self) -> str:
        """Its name: the hexadecimal digits of its number, without the zeros at the end."""
        turn, number = self.face & 1, 0
        for bit in range(DEEPEST - 1, DEEPEST - 1 - self.level, -1):
            position = _POSITION[turn][(self.i >> bit & 1) << 1 | self.j >> bit & 1]
            number = number << 2 | position
            turn ^= _TURN[position]
        rest = 2 * (DEEPEST - self.level)
        whole = self.face << 61 | number << rest + 1 | 1 << rest
        return f"{whole:016x}".rstrip("0")

    @cached_property
    def corners(self) -> tuple[Point, Point, Point, Point]:
        """Its four corners, counterclockwise."""
        i, j, far = self.i, self.j, self.size
        places = ((i, j), (i + far, j), (i + far, j + far), (i, j + far))
        return tuple(_point(self.face, 2 * a, 2 * b) for a, b in places)  # type: ignore[return-value]

    @property
    def centre(self) -> Point:
        """Its middle."""
        return _point(self.face, 2 * self.i + self.size, 2 * self.j + self.size)

    @property
    def quarters(self) -> Iterator[Cell]:
        """The four cells of the next level."""
        half = self.size // 2
        for a in (self.i, self.i + half):
            for b in (self.j, self.j + half):
                yield Cell(self.face, a, b, self.level + 1)


def cell(p: Point, level: int) -> Cell:
    """The cell of a level in which a point is."""
    face, i, j = _place(p)
    size = 1 << DEEPEST - level
    return Cell(face, i & -size, j & -size, level)


def cell_of(token: str | None) -> Cell | None:
    """The cell of a name; None where it is none's."""
    if not token or len(token) > 16 or not set(token.lower()) <= set("0123456789abcdef"):
        return None
    number = int(token.ljust(16, "0"), 16)
    mark = number & -number
    deep, odd = divmod(mark.bit_length() - 1, 2)
    if number == 0 or odd or number >> 61 > 5:
        return None
    face, level = number >> 61, DEEPEST - deep
    turn, i, j = face & 1, 0, 0
    for step in range(level):
        position = number >> 59 - 2 * step & 3
        quarter = _QUARTER[turn][position]
        i, j = i << 1 | quarter >> 1, j << 1 | quarter & 1
        turn ^= _TURN[position]
    return Cell(face, i << deep, j << deep, level)


def neighbors(of: Cell) -> list[Cell]:
    """The cells of its level that share a side or a corner with it, each once."""
    size, found = of.size, []
    for right, up in _AROUND:
        i, j = of.i + right * size, of.j + up * size
        if 0 <= i < SIZE and 0 <= j < SIZE:
            found.append(Cell(of.face, i, j, of.level))
        else:
            # Another face begins there: a point just beyond the edge tells which.
            found.append(cell(_point(of.face, 2 * i + size, 2 * j + size), of.level))
    return list(dict.fromkeys(c for c in found if c != of))


_AROUND = ((1, 1), (-1, -1), (1, -1), (0, -1), (0, 1), (1, 0), (-1, 0), (-1, 1))
"""The steps of i and j to each neighbour, in the order in which Kusto gives them."""


# -- places on the cube ----------------------------------------------------------------------


def _point(face: int, si: int, ti: int) -> Point:
    """The point of a face at a place in halves of the deepest squares; one beyond its edge is just beyond."""
    return sphere.unit(_on_cube(face, _flat(si), _flat(ti)))


def _on_cube(face: int, u: float, v: float) -> Point:
    return (
        (1.0, u, v),
        (-u, 1.0, v),
        (-u, -v, 1.0),
        (-1.0, -v, -u),
        (v, -1.0, -u),
        (v, u, -1.0),
    )[face]


def _on_face(face: int, p: Point) -> Point:
    """A point in the directions of a face: along u, along v, and out of it."""
    x, y, z = p
    return ((y, z, x), (-x, z, y), (-x, -y, z), (-z, -y, -x), (-z, x, -y), (y, x, -z))[face]


def _flat(halves: int) -> float:
    if not 0 <= halves <= 2 * SIZE:
        return math.copysign(1 + 1e-15, halves)
    # The curve that gives cells of like size all over the face.
    s = halves / (2 * SIZE)
    return (4 * s * s - 1) / 3 if s >= 0.5 else (1 - 4 * (1 - s) * (1 - s)) / 3


def _place(p: Point) -> tuple[int, int, int]:
    """The face of a point, and its i and j."""
    axis = max(range(3), key=lambda k: abs(p[k]))
    face = axis if p[axis] >= 0 else axis + 3
    u, v, w = _on_face(face, p)
    return face, _step(u / w), _step(v / w)


def _step(u: float) -> int:
    s = 0.5 * math.sqrt(1 + 3 * u) if u >= 0 else 1 - 0.5 * math.sqrt(1 - 3 * u)
    return max(0, min(SIZE - 1, math.floor(SIZE * s)))


# -- shapes as cells ---------------------------------------------------------------------------

Edge = tuple[Point, Point]
Candidate = tuple[Cell, Sequence[Edge]]
"""A cell, and the arcs that have a point in it."""


def covering(shape: Line | Polygon, level: int) -> list[Cell] | None:
    """The cells of a level that have a point in common with a shape; None where they are too many."""
    open_: list[Candidate] = []
    full: list[Cell] = []
    for face in range(6):
        _sort(Cell(face, 0, 0, 0), tuple(shape.edges), shape, open_, full)
    for depth in range(level):
        quarters, open_ = open_, []
        for parent, near in quarters:
            for quarter in parent.quarters:
                _sort(quarter, near, shape, open_, full)
        if len(open_) + sum(4 ** (depth + 1 - c.level) for c in full) > MOST_CELLS:
            return None
    return [c for c, _ in open_] + [inner for c in full for inner in _parts(c, level)]


def _sort(
    candidate: Cell, near: Sequence[Edge], shape: Line | Polygon, open_: list[Candidate], full: list[Cell]
) -> None:
    met = tuple(edge for edge in near if _meets(candidate, edge))
    if met:
        open_.append((candidate, met))
    elif isinstance(shape, Polygon) and shape.holds(candidate.centre):
        full.append(candidate)


def _meets(candidate: Cell, edge: Edge) -> bool:
    """Whether an arc has a point in a cell, its border included."""
    far = candidate.size
    sides = [_flat(2 * k) for k in (candidate.i, candidate.i + far, candidate.j, candidate.j + far)]
    u, v, w = zip(*(_on_face(candidate.face, p) for p in edge), strict=True)
    # Four planes through the Earth's middle bound a cell: what the chord has on the inner side of all, the arc has.
    begin, end = 0.0, 1.0
    for across, sign, side in ((u, 1, sides[0]), (u, -1, sides[1]), (v, 1, sides[2]), (v, -1, sides[3])):
        from_, to = (sign * (x - side * y) + _PADDING * y for x, y in zip(across, w, strict=True))
        if from_ < 0 and to < 0:
            return False
        if from_ < 0:
            begin = max(begin, from_ / (from_ - to))
        elif to < 0:
            end = min(end, from_ / (from_ - to))
    return begin <= end


_PADDING = 1e-14
"""How much wider a cell is taken, so that an arc along its border is not lost in rounding."""


def _parts(of: Cell, level: int) -> Iterable[Cell]:
    if of.level == level:
        return [of]
    return (part for quarter in of.quarters for part in _parts(quarter, level))


# -- what the compiler calls ---------------------------------------------------------------------


@udf("hl_s2_cell", "DOUBLE", "DOUBLE", "BIGINT", returns="VARCHAR")
def s2_cell(longitude: float | None, latitude: float | None, level: int | None) -> str:
    """The name of the cell of a level in which a point is; empty where there is none."""
    p = geojson.place(longitude, latitude)
    return "" if p is None or level is None or not 0 <= level <= DEEPEST else cell(p, level).token


@udf("hl_s2_centre", "VARCHAR", returns="VARCHAR")
def s2_centre(token: str | None) -> str | None:
    """The middle of a cell, as a GeoJSON point; null where it is none."""
    found = cell_of(token)
    return None if found is None else geojson.point_text(found.centre)


@udf("hl_s2_polygon", "VARCHAR", returns="VARCHAR")
def s2_polygon(token: str | None) -> str | None:
    """The area of a cell, as a GeoJSON polygon; null where it is none."""
    found = cell_of(token)
    if found is None:
        return None
    places = [sphere.degrees(p) for p in found.corners]
    return geojson.ring_text([*places, places[0]])


@udf("hl_s2_neighbors", "VARCHAR", returns="VARCHAR")
def s2_neighbors(token: str | None) -> str | None:
    """The cells around one, as an array; null where it is none."""
    found = cell_of(token)
    return None if found is None else written([c.token for c in neighbors(found)])


@udf("hl_s2_cover_line", "VARCHAR", "BIGINT", returns="VARCHAR")
def s2_cover_line(text: str | None, level: int | None) -> str | None:
    """The cells of a level that a line goes through, as an array; null where there is no line, or they are too many."""
    return _covered(geojson.line(text), level)


@udf("hl_s2_cover_polygon", "VARCHAR", "BIGINT", returns="VARCHAR")
def s2_cover_polygon(text: str | None, level: int | None) -> str | None:
    """The cells of a level that a polygon reaches, as an array; null where there is none, or they are too many."""
    return _covered(geojson.polygon(text), level)


def _covered(shape: Line | Polygon | None, level: int | None) -> str | None:
    if shape is None or level is None or not 0 <= level <= DEEPEST:
        return None
    cells = covering(shape, level)
    return None if cells is None else written(sorted(c.token for c in cells))
