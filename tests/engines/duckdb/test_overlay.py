"""Polygons laid over one another: what they cover together and what they have in common make up their areas."""

import json
import math
import random

import pytest

from huntlake.engines.duckdb.udf import geojson, overlay, sphere
from huntlake.engines.duckdb.udf.geometry import polygon_area


def _star(dice: random.Random, grid: float | None) -> str:
    x, y = dice.uniform(0, 4), dice.uniform(0, 4)
    angles = sorted(dice.uniform(0, math.tau) for _ in range(dice.randint(3, 9)))
    places = [[x + dice.uniform(0.5, 3) * math.cos(a), y + dice.uniform(0.5, 3) * math.sin(a)] for a in angles]
    if grid:
        places = [[round(c / grid) * grid for c in place] for place in places]
    return json.dumps({"type": "Polygon", "coordinates": [[*places, places[0]]]})


@pytest.mark.parametrize("grid", [None, 1.0, 0.5])
def test_areas_add_up_or_the_overlay_is_refused(grid: float | None) -> None:
    dice = random.Random(5)
    compared = 0
    for _ in range(300):
        one, other = _star(dice, grid), _star(dice, grid)
        first, second = geojson.polygon(one), geojson.polygon(other)
        if first is None or second is None:
            continue
        try:
            together = overlay.union_polygons.of(json.dumps([json.loads(one), json.loads(other)]))
            common = overlay.intersected(overlay.region(first), overlay.region(second))
        except ValueError:
            # On a grid polygons share borders, and corners lie on edges.
            assert grid
            continue
        inner = sphere.RADIUS**2 * (sum(sphere.area(loop) for loop in common.loops) % (4 * math.pi))
        both = float(str(polygon_area.of(one))) + float(str(polygon_area.of(other)))
        assert float(str(polygon_area.of(together))) + inner == pytest.approx(both, rel=1e-9)
        compared += 1
    assert compared > 50
