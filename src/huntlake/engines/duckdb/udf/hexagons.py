"""Cells of H3: hexagons all over the Earth, each level with seven for one of the level above. The package `h3` counts.

<https://h3geo.org>
"""

from __future__ import annotations

from typing import Any

from huntlake.engines.duckdb.udf import geojson
from huntlake.engines.duckdb.udf.bags import written
from huntlake.engines.duckdb.udf.function import udf

FINEST = 15
"""Resolutions are from 0 to this."""
_DEEPEST_CHILDREN = 5
"""Levels below a cell at which Kusto still lists its children."""
_FARTHEST_RING = 142


def _h3() -> Any:
    try:
        import h3
    except ImportError:
        raise ValueError("a cell of H3 is not supported without the package `h3`: install `huntlake[h3]`") from None
    return h3


def _cell(text: str | None) -> str | None:
    """The cell that `text` names; None where it names none."""
    cell = (text or "").lower()
    # Nothing shorter or longer is a cell; such text need not reach the package.
    return cell if len(cell) == 15 and _h3().is_valid_cell(cell) else None


@udf("hl_h3_cell", "DOUBLE", "DOUBLE", "BIGINT", returns="VARCHAR")
def h3_cell(longitude: float | None, latitude: float | None, resolution: int | None) -> str:
    """The name of the cell of a resolution in which a point is; empty where there is none."""
    if geojson.place(longitude, latitude) is None or resolution is None or not 0 <= resolution <= FINEST:
        return ""
    return str(_h3().latlng_to_cell(latitude, longitude, resolution))


@udf("hl_h3_centre", "VARCHAR", returns="VARCHAR")
def h3_centre(text: str | None) -> str | None:
    """The middle of a cell, as a GeoJSON point; null where it is none."""
    cell = _cell(text)
    if cell is None:
        return None
    latitude, longitude = _h3().cell_to_latlng(cell)
    return written({"type": "Point", "coordinates": [longitude, latitude]})


@udf("hl_h3_polygon", "VARCHAR", returns="VARCHAR")
def h3_polygon(text: str | None) -> str | None:
    """The area of a cell, as a GeoJSON polygon; null where it is none."""
    cell = _cell(text)
    if cell is None:
        return None
    places = [(longitude, latitude) for latitude, longitude in _h3().cell_to_boundary(cell)]
    return geojson.ring_text([*places, places[0]])


@udf("hl_h3_level", "VARCHAR", returns="INTEGER")
def h3_level(text: str | None) -> int | None:
    """The resolution of a cell; null where it is none."""
    cell = _cell(text)
    return None if cell is None else int(_h3().get_resolution(cell))


@udf("hl_h3_parent", "VARCHAR", "BIGINT", returns="VARCHAR")
def h3_parent(text: str | None, resolution: int | None) -> str:
    """The cell of a coarser resolution in which a cell is; of the next, where none is given; else empty."""
    cell = _cell(text)
    if cell is None:
        return ""
    own = _h3().get_resolution(cell)
    wanted = own - 1 if resolution is None else resolution
    return str(_h3().cell_to_parent(cell, wanted)) if 0 <= wanted <= own else ""


@udf("hl_h3_children", "VARCHAR", "BIGINT", returns="VARCHAR")
def h3_children(text: str | None, resolution: int | None) -> str | None:
    """The cells of a finer resolution in a cell; of the next, where none is given. Null where there are none."""
    cell = _cell(text)
    if cell is None:
        return None
    own = _h3().get_resolution(cell)
    wanted = own + 1 if resolution is None else resolution
    if not own <= wanted <= min(own + _DEEPEST_CHILDREN, FINEST):
        return None
    return written(list(_h3().cell_to_children(cell, wanted)))


@udf("hl_h3_rings", "VARCHAR", "BIGINT", returns="VARCHAR")
def h3_rings(text: str | None, distance: int | None) -> str | None:
    """The cells at each distance from a cell, from 0 to `distance`, as arrays; null where there are none."""
    cell = _cell(text)
    if cell is None or distance is None or not 0 <= distance <= _FARTHEST_RING:
        return None
    return written(_rings(cell, distance))


@udf("hl_h3_neighbors", "VARCHAR", returns="VARCHAR")
def h3_neighbors(text: str | None) -> str | None:
    """The cells around one, as an array; null where it is none."""
    cell = _cell(text)
    return None if cell is None else written(_rings(cell, 1)[1])


def _rings(cell: str, distance: int) -> list[list[str]]:
    rings: list[list[str]] = []
    within: set[str] = set()
    for k in range(distance + 1):
        # The disk comes in the order in which Kusto gives its cells; a ring alone does not.
        rings.append([c for c in _h3().grid_disk(cell, k) if c not in within])
        within.update(rings[-1])
    return rings
