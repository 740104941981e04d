"""Lines and polygons on the Earth, taken for a sphere as the reference does. They come and go as GeoJSON.

A polygon's edges are the shortest between their ends, and it is the smaller of the two sides of its border.
"""

from __future__ import annotations

from huntlake.kql.symbols import Bool, Dynamic, Real, Sql, String, Unsupported, scalar

# -- directions ------------------------------------------------------------------------


@scalar("geo_azimuth")
def geo_azimuth(lon1: Real, lat1: Real, lon2: Real, lat2: Real) -> Real:
    """The direction from one point to another, in radians clockwise from north; null between a point and itself.

    >>> round(degrees(geo_azimuth(5, 10, 10, -40)), 6)
    175.015654
    """
    return f"hl_geo_azimuth({lon1}, {lat1}, {lon2}, {lat2})"


@scalar("geo_angle")
def geo_angle(lon1: Real, lat1: Real, lon2: Real, lat2: Real, lon3: Real, lat3: Real) -> Real:
    """The angle at the second point, in radians clockwise from the first to the third.

    >>> round(geo_angle(0, 10, 0, 5, 3, -10), 8)
    2.94493843
    >>> isnull(geo_angle(0, 10, 0, 10, 3, -10))
    true
    """
    return f"hl_geo_angle({lon1}, {lat1}, {lon2}, {lat2}, {lon3}, {lat3})"


@scalar("geo_from_wkt")
def geo_from_wkt(wkt: String) -> Dynamic:
    """A shape written as well-known text; null where it holds none.

    >>> geo_from_wkt("POLYGON ((0 0, 2 0, 2 2, 0 0))")
    dynamic({"type":"Polygon","coordinates":[[[0,0],[2,0],[2,2],[0,0]]]})
    """
    return f"hl_geo_from_wkt({wkt})::JSON"


# -- lines -----------------------------------------------------------------------------


@scalar("geo_line_length")
def geo_line_length(lineString: Dynamic) -> Real:
    """The length of a line, in metres; null where there is none.

    >>> round(geo_line_length(geo_from_wkt("LINESTRING(-73.958 40.8, -73.949 40.797)")), 2)
    827.78
    >>> isnull(geo_line_length(geo_from_wkt("LINESTRING(1 1)")))
    true
    """
    return f"hl_geo_line_length({lineString}::VARCHAR)"


@scalar("geo_line_centroid")
def geo_line_centroid(lineString: Dynamic) -> Dynamic:
    """The middle of a line.

    >>> geo_line_centroid(geo_from_wkt("LINESTRING(1 0, 3 0)")).type
    dynamic("Point")
    """
    return f"hl_geo_line_centroid({lineString}::VARCHAR)::JSON"


@scalar("geo_line_interpolate_point")
def geo_line_interpolate_point(lineString: Dynamic, fraction: Real) -> Dynamic:
    """The point at a fraction of a line's length, from 0 to 1.

    >>> geo_line_interpolate_point(geo_from_wkt("LINESTRING(1 0, 3 0)"), 0).type
    dynamic("Point")
    """
    return f"hl_geo_line_interpolate({lineString}::VARCHAR, {fraction})::JSON"


@scalar("geo_line_locate_point")
def geo_line_locate_point(lineString: Dynamic, longitude: Real, latitude: Real) -> Real:
    """At which fraction of a line's length it is nearest to a point.

    >>> round(geo_line_locate_point(geo_from_wkt("LINESTRING(1 0, 3 0)"), 1.5, 1), 6)
    0.25
    """
    return f"hl_geo_line_locate({lineString}::VARCHAR, {longitude}, {latitude})"


@scalar("geo_line_densify")
def geo_line_densify(lineString: Dynamic, tolerance: Real = "10", preserve_crossing: Bool = "false") -> Dynamic:
    """A line drawn on a flat map, with more points: on the globe it stays within so many metres, 0.1 to 10000.

    >>> geo_line_densify(geo_from_wkt("LINESTRING(10 10, 10.5 10)")).coordinates[1]
    dynamic([10.25,10.0])
    """
    return f"hl_geo_line_densify({lineString}::VARCHAR, {_tolerance(tolerance, preserve_crossing)})::JSON"


@scalar("geo_distance_point_to_line")
def geo_distance_point_to_line(longitude: Real, latitude: Real, lineString: Dynamic) -> Real:
    """The shortest way from a point to a line, in metres.

    >>> round(geo_distance_point_to_line(2, 1, geo_from_wkt("LINESTRING(1 0, 3 0)")))
    111195.0
    """
    return f"hl_geo_distance_to_line({longitude}, {latitude}, {lineString}::VARCHAR)"


@scalar("geo_closest_point_on_line")
def geo_closest_point_on_line(longitude: Real, latitude: Real, lineString: Dynamic) -> Dynamic:
    """The point of a line that is nearest to a point.

    >>> isnull(geo_closest_point_on_line(300, 3, geo_from_wkt("LINESTRING(1 1, 2 2)")))
    true
    """
    return f"hl_geo_closest_on_line({longitude}, {latitude}, {lineString}::VARCHAR)::JSON"


# -- polygons --------------------------------------------------------------------------


@scalar("geo_point_in_polygon")
def geo_point_in_polygon(longitude: Real, latitude: Real, polygon: Dynamic) -> Bool:
    """Whether a point is inside a polygon; null where one of them is none.

    >>> geo_point_in_polygon(1, 1, geo_from_wkt("POLYGON((0 0, 4 0, 4 4, 0 4, 0 0))"))
    true
    >>> isnull(geo_point_in_polygon(1, 1, geo_from_wkt("POLYGON((0 0, 9 9, 9 9, 0 0))")))
    true
    """
    return f"hl_geo_in_polygon({longitude}, {latitude}, {polygon}::VARCHAR)"


@scalar("geo_distance_point_to_polygon")
def geo_distance_point_to_polygon(longitude: Real, latitude: Real, polygon: Dynamic) -> Real:
    """The shortest way from a point to a polygon, in metres; 0 inside.

    >>> geo_distance_point_to_polygon(1, 1, geo_from_wkt("POLYGON((0 0, 4 0, 4 4, 0 0))"))
    0.0
    """
    return f"hl_geo_distance_to_polygon({longitude}, {latitude}, {polygon}::VARCHAR)"


@scalar("geo_closest_point_on_polygon")
def geo_closest_point_on_polygon(longitude: Real, latitude: Real, polygon: Dynamic) -> Dynamic:
    """The point of a polygon that is nearest to a point: itself, inside.

    >>> isnull(geo_closest_point_on_polygon(500, 1, geo_from_wkt("POLYGON((0 0, 4 0, 4 4, 0 0))")))
    true
    """
    return f"hl_geo_closest_on_polygon({longitude}, {latitude}, {polygon}::VARCHAR)::JSON"


@scalar("geo_polygon_area")
def geo_polygon_area(polygon: Dynamic) -> Real:
    """The area of a polygon, in square metres.

    >>> round(geo_polygon_area(geo_from_wkt("POLYGON((0 0, 0.01 0, 0.01 0.01, 0 0))")))
    618218.0
    """
    return f"hl_geo_polygon_area({polygon}::VARCHAR)"


@scalar("geo_polygon_perimeter")
def geo_polygon_perimeter(polygon: Dynamic) -> Real:
    """The length of a polygon's border, in metres.

    >>> round(geo_polygon_perimeter(geo_from_wkt("POLYGON((0 0, 1 0, 0 1, 0 0))")))
    379640.0
    """
    return f"hl_geo_polygon_perimeter({polygon}::VARCHAR)"


@scalar("geo_polygon_centroid")
def geo_polygon_centroid(polygon: Dynamic) -> Dynamic:
    """The middle of a polygon's area.

    >>> geo_polygon_centroid(geo_from_wkt("POLYGON((0 0, 4 0, 4 4, 0 0))")).type
    dynamic("Point")
    """
    return f"hl_geo_polygon_centroid({polygon}::VARCHAR)::JSON"


@scalar("geo_polygon_densify")
def geo_polygon_densify(polygon: Dynamic, tolerance: Real = "10", preserve_crossing: Bool = "false") -> Dynamic:
    """A polygon drawn on a flat map, with more points: on the globe it stays within so many metres, 0.1 to 10000.

    >>> array_length(geo_polygon_densify(geo_from_wkt("POLYGON((10 10, 11 10, 10 11, 10 10))")).coordinates[0])
    10
    """
    return f"hl_geo_polygon_densify({polygon}::VARCHAR, {_tolerance(tolerance, preserve_crossing)})::JSON"


def _tolerance(tolerance: str, preserve_crossing: str) -> str:
    keeps = preserve_crossing.value if isinstance(preserve_crossing, Sql) else None
    if keeps is not False:
        raise Unsupported("`preserve_crossing`")
    return f"{tolerance}::DOUBLE"


# -- two shapes ------------------------------------------------------------------------


@scalar("geo_intersects_2lines")
def geo_intersects_2lines(lineString1: Dynamic, lineString2: Dynamic) -> Bool:
    """Whether two lines meet; null where one is none.

    >>> isnull(geo_intersects_2lines(geo_from_wkt("LINESTRING(1 1, 2 2)"), dynamic(null)))
    true
    """
    return _intersects(lineString1, lineString2, "ll")


@scalar("geo_intersects_line_with_polygon")
def geo_intersects_line_with_polygon(lineString: Dynamic, polygon: Dynamic) -> Bool:
    """Whether a line meets a polygon, or lies in it; null where one is none.

    >>> isnull(geo_intersects_line_with_polygon(geo_from_wkt("LINESTRING(1 1, 2 2)"), dynamic(null)))
    true
    """
    return _intersects(lineString, polygon, "lp")


@scalar("geo_intersects_2polygons")
def geo_intersects_2polygons(polygon1: Dynamic, polygon2: Dynamic) -> Bool:
    """Whether two polygons meet, or one lies in the other; null where one is none.

    >>> isnull(geo_intersects_2polygons(dynamic(null), geo_from_wkt("POLYGON((0 0, 4 0, 4 4, 0 0))")))
    true
    """
    return _intersects(polygon1, polygon2, "pp")


def _intersects(one: str, other: str, kinds: str) -> str:
    return f"hl_geo_intersects({one}::VARCHAR, {other}::VARCHAR, '{kinds}')"


@scalar("geo_intersection_2lines")
def geo_intersection_2lines(lineString1: Dynamic, lineString2: Dynamic) -> Dynamic:
    """What two lines have in common: a point, several, or lines; an empty collection where they don't meet.

    >>> geo_intersection_2lines(geo_from_wkt("LINESTRING(0 0, 1 1)"), geo_from_wkt("LINESTRING(2 2, 3 4)")).geometries
    dynamic([])
    """
    return f"hl_geo_intersection_ll({lineString1}::VARCHAR, {lineString2}::VARCHAR)::JSON"


@scalar("geo_intersection_line_with_polygon")
def geo_intersection_line_with_polygon(lineString: Dynamic, polygon: Dynamic) -> Dynamic:
    """What a line and a polygon have in common: lines; an empty collection where they don't meet.

    >>> isnull(geo_intersection_line_with_polygon(geo_from_wkt("LINESTRING(0 0, 1 1)"), dynamic({"type": "Polygon"})))
    true
    """
    return f"hl_geo_intersection_lp({lineString}::VARCHAR, {polygon}::VARCHAR)::JSON"


@scalar("geo_intersection_2polygons")
def geo_intersection_2polygons(polygon1: Dynamic, polygon2: Dynamic) -> Dynamic:
    """What two polygons have in common: polygons, or a corner; an empty collection where they don't meet.

    >>> isnull(geo_intersection_2polygons(geo_from_wkt("POLYGON((0 0, 4 0, 4 4, 0 0))"), dynamic(null)))
    true
    """
    return f"hl_geo_intersection_pp({polygon1}::VARCHAR, {polygon2}::VARCHAR)::JSON"


@scalar("geo_union_polygons_array")
def geo_union_polygons_array(polygons: Dynamic) -> Dynamic:
    """What an array's polygons cover together; null where one of them is none.

    >>> isnull(geo_union_polygons_array(dynamic([{"type": "Polygon"}])))
    true
    """
    return f"hl_geo_union_polygons({polygons}::VARCHAR)::JSON"
