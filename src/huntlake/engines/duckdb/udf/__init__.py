"""The functions that SQL can't say. To add one: declare it in a family's module and list it here.

The compiler calls them by name, `hl_…`; the database registers those that a query names.
"""

from __future__ import annotations

from huntlake.engines.duckdb.udf import geometry, overlay
from huntlake.engines.duckdb.udf.addresses import (
    format_ipv4,
    ipv4_in_any,
    ipv4_networks,
    ipv4_prefix,
    ipv6_compare,
    ipv6_in_any,
    ipv6_prefix,
    parse_ipv4,
    parse_ipv6,
)
from huntlake.engines.duckdb.udf.bags import (
    bag_has_key,
    bag_remove_keys,
    bag_set_key,
    bag_zip,
    merge_bags,
    treepath,
)
from huntlake.engines.duckdb.udf.conversion import todatetime, toguid, totimespan
from huntlake.engines.duckdb.udf.encoding import (
    base64_decode_toarray,
    base64_decode_toguid,
    base64_decode_tostring,
    base64_encode_fromarray,
    base64_encode_fromguid,
    gzip_compress,
    gzip_decompress,
    idna_decode,
    idna_encode,
    punycode_decode,
    punycode_encode,
    url_decode,
    url_encode,
    xxhash64,
    xxhash64_number,
    xxhash64_real,
    zlib_compress,
    zlib_decompress,
)
from huntlake.engines.duckdb.udf.filters import series_fft, series_fir, series_ifft, series_iir
from huntlake.engines.duckdb.udf.fitting import series_fit_2lines, series_fit_line, series_fit_poly
from huntlake.engines.duckdb.udf.formats import format_datetime, format_timespan
from huntlake.engines.duckdb.udf.function import Function
from huntlake.engines.duckdb.udf.geography import geo_info
from huntlake.engines.duckdb.udf.geohash import geohash, geohash_centre, geohash_neighbors, geohash_polygon
from huntlake.engines.duckdb.udf.hexagons import (
    h3_cell,
    h3_centre,
    h3_children,
    h3_level,
    h3_neighbors,
    h3_parent,
    h3_polygon,
    h3_rings,
)
from huntlake.engines.duckdb.udf.json import canonical_json, strict_json
from huntlake.engines.duckdb.udf.key_values import parse_kv
from huntlake.engines.duckdb.udf.mining import autocluster, basket, diffpatterns
from huntlake.engines.duckdb.udf.outliers import series_outliers
from huntlake.engines.duckdb.udf.periods import series_periods_detect, series_periods_validate
from huntlake.engines.duckdb.udf.reduction import reduce
from huntlake.engines.duckdb.udf.s2 import s2_cell, s2_centre, s2_cover_line, s2_cover_polygon, s2_neighbors, s2_polygon
from huntlake.engines.duckdb.udf.schemas import schema
from huntlake.engines.duckdb.udf.seasons import series_decompose, series_decompose_anomalies, series_seasonal
from huntlake.engines.duckdb.udf.series import series_correlation, series_fill, series_fill_linear, series_stats
from huntlake.engines.duckdb.udf.sessions import row_window_session
from huntlake.engines.duckdb.udf.sets import (
    jaccard_index,
    set_difference,
    set_equals,
    set_intersect,
    set_union,
)
from huntlake.engines.duckdb.udf.statistics import beta_cdf, beta_inv, beta_pdf, erf, erfc, welch_test
from huntlake.engines.duckdb.udf.strings import has_term, indexof, replace_strings
from huntlake.engines.duckdb.udf.text import (
    parse_command_line,
    parse_csv,
    parse_path,
    parse_url,
    parse_urlquery,
    parse_xml,
)
from huntlake.engines.duckdb.udf.user_agents import parse_user_agent
from huntlake.engines.duckdb.udf.wkt import geo_from_wkt
from huntlake.engines.geography import Geography


def functions(geography: Geography) -> dict[str, Function]:
    """Every function, by its name in SQL."""
    listed = (
        autocluster,
        bag_has_key,
        bag_remove_keys,
        bag_set_key,
        bag_zip,
        base64_decode_toarray,
        base64_decode_toguid,
        base64_decode_tostring,
        base64_encode_fromarray,
        base64_encode_fromguid,
        basket,
        beta_cdf,
        beta_inv,
        beta_pdf,
        canonical_json,
        diffpatterns,
        erf,
        erfc,
        format_datetime,
        format_ipv4,
        format_timespan,
        geo_info(geography),
        geohash,
        geohash_centre,
        geohash_neighbors,
        geohash_polygon,
        geo_from_wkt,
        geometry.angle,
        geometry.azimuth,
        geometry.closest_on_line,
        geometry.closest_on_polygon,
        geometry.distance_to_line,
        geometry.distance_to_polygon,
        geometry.in_polygon,
        geometry.intersects,
        geometry.line_centroid,
        geometry.line_densify,
        geometry.line_interpolate,
        geometry.line_length,
        geometry.line_locate,
        geometry.polygon_area,
        geometry.polygon_centroid,
        geometry.polygon_densify,
        geometry.polygon_perimeter,
        s2_cell,
        s2_centre,
        s2_cover_line,
        s2_cover_polygon,
        s2_neighbors,
        s2_polygon,
        gzip_compress,
        gzip_decompress,
        h3_cell,
        h3_centre,
        h3_children,
        h3_level,
        h3_neighbors,
        h3_parent,
        h3_polygon,
        h3_rings,
        has_term,
        idna_decode,
        idna_encode,
        indexof,
        ipv4_in_any,
        ipv4_networks,
        ipv4_prefix,
        ipv6_compare,
        ipv6_in_any,
        ipv6_prefix,
        jaccard_index,
        merge_bags,
        overlay.intersection_of_line_and_polygon,
        overlay.intersection_of_lines,
        overlay.intersection_of_polygons,
        overlay.union_polygons,
        parse_command_line,
        parse_csv,
        parse_ipv4,
        parse_ipv6,
        parse_kv,
        parse_path,
        parse_url,
        parse_urlquery,
        parse_user_agent,
        parse_xml,
        punycode_decode,
        punycode_encode,
        reduce,
        replace_strings,
        row_window_session,
        schema,
        series_correlation,
        series_decompose,
        series_decompose_anomalies,
        series_fft,
        series_fill,
        series_fill_linear,
        series_fir,
        series_fit_2lines,
        series_fit_line,
        series_fit_poly,
        series_ifft,
        series_iir,
        series_outliers,
        series_periods_detect,
        series_periods_validate,
        series_seasonal,
        series_stats,
        set_difference,
        set_equals,
        set_intersect,
        set_union,
        strict_json,
        todatetime,
        toguid,
        totimespan,
        treepath,
        url_decode,
        url_encode,
        welch_test,
        xxhash64,
        xxhash64_number,
        xxhash64_real,
        zlib_compress,
        zlib_decompress,
    )
    return {f.name: f for f in listed}
