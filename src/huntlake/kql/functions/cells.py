"""Places on Earth in squares of one size: geohashes, the cells of S2 and those of H3."""

from __future__ import annotations

from huntlake.kql.symbols import Dynamic, Int, Long, Real, Sql, String, Unsupported, scalar

# -- geohashes -------------------------------------------------------------------------


@scalar("geo_point_to_geohash")
def geo_point_to_geohash(longitude: Real, latitude: Real, accuracy: Long = "5") -> String:
    """The geohash of a point, with so many characters, from 1 to 18; empty where it is no point on Earth.

    >>> geo_point_to_geohash(139.806115, 35.554128, 12)
    "xn76m27ty9g4"
    >>> geo_point_to_geohash(200, 1, 8)
    ""
    """
    return f"hl_geohash({longitude}, {latitude}, {accuracy})"


@scalar("geo_geohash_to_central_point")
def geo_geohash_to_central_point(geohash: String) -> Dynamic:
    """The point in the middle of a geohash, as GeoJSON; null where it is none.

    >>> geo_geohash_to_central_point("sunny").coordinates
    dynamic([42.47314453125,23.70849609375])
    """
    return f"hl_geohash_centre({geohash})::JSON"


@scalar("geo_geohash_to_polygon")
def geo_geohash_to_polygon(geohash: String) -> Dynamic:
    """The area of a geohash, as GeoJSON; null where it is none.

    >>> geo_geohash_to_polygon("sunny").coordinates[0][0]
    dynamic([42.451171875,23.6865234375])
    """
    return f"hl_geohash_polygon({geohash})::JSON"


@scalar("geo_geohash_neighbors")
def geo_geohash_neighbors(geohash: String) -> Dynamic:
    """The geohashes around one; null where it is none.

    >>> geo_geohash_neighbors("sunny")
    dynamic(["sunnt","sunpj","sunnx","sunpn","sunnv","sunpp","sunnz","sunnw"])
    """
    return f"hl_geohash_neighbors({geohash})::JSON"


# -- S2 --------------------------------------------------------------------------------


@scalar("geo_point_to_s2cell")
def geo_point_to_s2cell(longitude: Real, latitude: Real, level: Long = "11") -> String:
    """The S2 cell in which a point is, of a level from 0 to 30; empty where there is none.

    >>> geo_point_to_s2cell(-80.195829, 25.802215, 8)
    "88d9b"
    >>> geo_point_to_s2cell(1, 1, 35)
    ""
    """
    return f"hl_s2_cell({longitude}, {latitude}, {level})"


@scalar("geo_s2cell_to_central_point")
def geo_s2cell_to_central_point(s2cell: String) -> Dynamic:
    """The point in the middle of an S2 cell, as GeoJSON; null where it is none.

    >>> isnull(geo_s2cell_to_central_point("a"))
    true
    """
    return f"hl_s2_centre({s2cell})::JSON"


@scalar("geo_s2cell_to_polygon")
def geo_s2cell_to_polygon(s2cell: String) -> Dynamic:
    """The area of an S2 cell, as GeoJSON; null where it is none.

    >>> array_length(geo_s2cell_to_polygon("89c259").coordinates[0])
    5
    """
    return f"hl_s2_polygon({s2cell})::JSON"


@scalar("geo_s2cell_neighbors")
def geo_s2cell_neighbors(s2cell: String) -> Dynamic:
    """The S2 cells around one; null where it is none.

    >>> geo_s2cell_neighbors("89c259")
    dynamic(["89c25d","89c2f9","89c251","89c257","89c25f","89c25b","89c2f7","89c2f5"])
    """
    return f"hl_s2_neighbors({s2cell})::JSON"


@scalar("geo_polygon_to_s2cells")
def geo_polygon_to_s2cells(polygon: Dynamic, level: Long = "11", radius: Real = "0") -> Dynamic:
    """The S2 cells of a level that a polygon reaches; null where there is none, or they are more than 65536.

    >>> array_length(geo_polygon_to_s2cells(geo_from_wkt("POLYGON((0 0, 0 50, 100 50, 0 0))"), 5))
    286
    """
    return f"hl_s2_cover_polygon({polygon}::VARCHAR, {_exactly(level, radius)})::JSON"


@scalar("geo_line_to_s2cells")
def geo_line_to_s2cells(lineString: Dynamic, level: Long = "11", radius: Real = "0") -> Dynamic:
    """The S2 cells of a level that a line goes through; null where there is none, or they are more than 65536.

    >>> geo_line_to_s2cells(geo_from_wkt("LINESTRING(-80.2 25.8, -80.201 25.8)"), 8)
    dynamic(["88d9b"])
    """
    return f"hl_s2_cover_line({lineString}::VARCHAR, {_exactly(level, radius)})::JSON"


def _exactly(level: str, radius: str) -> str:
    around = radius.value if isinstance(radius, Sql) else None
    if isinstance(around, bool) or around != 0:
        raise Unsupported("a radius")
    return level


# -- H3 --------------------------------------------------------------------------------


@scalar("geo_point_to_h3cell")
def geo_point_to_h3cell(longitude: Real, latitude: Real, resolution: Long = "6") -> String:
    """The H3 cell in which a point is, of a resolution from 0 to 15; empty where there is none.

    This and the functions of cells of H3 need the package `h3`, the extra `huntlake[h3]`.

    >>> geo_point_to_h3cell(1, 1, 16)
    ""
    """
    return f"hl_h3_cell({longitude}, {latitude}, {resolution})"


@scalar("geo_h3cell_to_central_point")
def geo_h3cell_to_central_point(h3cell: String) -> Dynamic:
    """The point in the middle of an H3 cell, as GeoJSON; null where it is none.

    >>> isnull(geo_h3cell_to_central_point("1"))
    true
    """
    return f"hl_h3_centre({h3cell})::JSON"


@scalar("geo_h3cell_to_polygon")
def geo_h3cell_to_polygon(h3cell: String) -> Dynamic:
    """The area of an H3 cell, as GeoJSON; null where it is none.

    >>> isnull(geo_h3cell_to_polygon("@"))
    true
    """
    return f"hl_h3_polygon({h3cell})::JSON"


@scalar("geo_h3cell_level")
def geo_h3cell_level(h3cell: String) -> Int:
    """The resolution of an H3 cell; null where it is none.

    >>> isnull(geo_h3cell_level("1"))
    true
    """
    return f"hl_h3_level({h3cell})"


@scalar("geo_h3cell_parent")
def geo_h3cell_parent(h3cell: String, resolution: Long = "null::BIGINT") -> String:
    """The coarser H3 cell in which a cell is, the next where no resolution is given; empty where there is none.

    >>> geo_h3cell_parent("123")
    ""
    """
    return f"hl_h3_parent({h3cell}, {resolution})"


@scalar("geo_h3cell_children")
def geo_h3cell_children(h3cell: String, resolution: Long = "null::BIGINT") -> Dynamic:
    """The finer H3 cells in a cell, the next where no resolution is given; null where there are none.

    >>> isnull(geo_h3cell_children("123"))
    true
    """
    return f"hl_h3_children({h3cell}, {resolution})::JSON"


@scalar("geo_h3cell_rings")
def geo_h3cell_rings(h3cell: String, distance: Long) -> Dynamic:
    """The H3 cells at each distance from a cell, as an array of arrays; null where there are none.

    >>> isnull(geo_h3cell_rings("abc", 1))
    true
    """
    return f"hl_h3_rings({h3cell}, {distance})::JSON"


@scalar("geo_h3cell_neighbors")
def geo_h3cell_neighbors(h3cell: String) -> Dynamic:
    """The H3 cells around one; null where it is none.

    >>> isnull(geo_h3cell_neighbors("abc"))
    true
    """
    return f"hl_h3_neighbors({h3cell})::JSON"
