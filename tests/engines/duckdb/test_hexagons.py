"""Cells of H3, where the package that counts them is installed."""

import pytest
from tests import pages

from huntlake.engines.duckdb.udf import hexagons

CELL = "862a1072fffffff"


def test_what_is_no_cell_needs_no_package() -> None:
    assert hexagons.h3_level.of("abc") is None
    assert hexagons.h3_cell.of(200.0, 1.0, 5) == ""
    assert hexagons.h3_cell.of(1.0, 1.0, None) == ""


def test_a_cell_goes_into_the_queries_of_kql() -> None:
    pytest.importorskip("h3")
    asked = (
        f'print a = geo_h3cell_level("{CELL}"), b = geo_h3cell_parent("{CELL}"), c = geo_h3cell_parent("{CELL}", 15), '
        f'd = geo_point_to_h3cell(-73.956683, 40.807907, 5), e = array_length(geo_h3cell_children("{CELL}")), '
        f'f = round(toreal(geo_h3cell_to_central_point("{CELL}").coordinates[0]), 6), '
        f'g = array_length(geo_h3cell_to_polygon("{CELL}").coordinates[0])'
    )
    assert "| 6 | 852a1073fffffff |  | 852a100bfffffff | 7 | -74.016008 | 7 |" in pages.answer(asked, {})


def test_neighbours_and_rings_come_in_the_order_in_which_kusto_gives_them() -> None:
    pytest.importorskip("h3")
    around = (
        '["862a10727ffffff","862a10707ffffff","862a1070fffffff","862a10777ffffff","862a100dfffffff","862a100d7ffffff"]'
    )
    assert hexagons.h3_neighbors.of(CELL) == around
    assert hexagons.h3_rings.of(CELL, 1) == f'[["{CELL}"],{around}]'


def test_children_of_children_end_where_kusto_ends_them() -> None:
    pytest.importorskip("h3")
    assert hexagons.h3_children.of(hexagons.h3_cell.of(1.0, 1.0, 9), 15) is None
    assert hexagons.h3_children.of(CELL, 5) is None
