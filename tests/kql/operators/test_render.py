"""What `render` says reaches the answer, and what means nothing is refused."""

from __future__ import annotations

import pytest

from huntlake.core.diagnostics import SourceError
from huntlake.kql.binding import NoTables
from huntlake.kql.compiler import compile_kql
from huntlake.kql.operators.render import KINDS, PROPERTIES

T = "datatable(a:long, ['b c']:string, d:real)[]"


def drawn(render: str, table: str = T) -> object:
    (result,) = compile_kql(f"{table} | {render}", NoTables()).results
    return result.visualization


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_known(kind: str) -> None:
    assert drawn(f"render {kind}") == {"visualization": kind, "isquerysorted": False}


def test_every_property_is_said() -> None:
    said = (
        "title = 'x' 'y', xtitle='x' ytitle='y', xcolumn=a, ycolumns=d, a, series=['b c'], anomalycolumns=d, "
        "xaxis=log, yaxis=linear, legend=hidden, ysplit=panels, accumulate=true, kind=stacked100, "
        "xmin=-1, xmax=2.5, ymin=0, ymax=1"
    )
    assert drawn(f"render columnchart with ({said})") == {
        "visualization": "columnchart",
        "isquerysorted": False,
        "title": "xy",
        "xtitle": "x",
        "ytitle": "y",
        "xcolumn": "a",
        "ycolumns": ["d", "a"],
        "series": ["b c"],
        "anomalycolumns": ["d"],
        "xaxis": "log",
        "yaxis": "linear",
        "legend": "hidden",
        "ysplit": "panels",
        "accumulate": True,
        "kind": "stacked100",
        "xmin": -1,
        "xmax": 2.5,
        "ymin": 0,
        "ymax": 1,
    }
    assert all(name in said for name in PROPERTIES)


def test_older_ways_of_writing_it() -> None:
    assert drawn("render timechart kind=stacked by ['b c']") == {
        "visualization": "timechart",
        "isquerysorted": False,
        "kind": "stacked",
        "series": ["b c"],
    }
    assert drawn("render piechart with ()") == {"visualization": "piechart", "isquerysorted": False}


def test_rows_in_order_are_said_to_be() -> None:
    assert drawn("sort by a | take 5 | render barchart") == {"visualization": "barchart", "isquerysorted": True}


@pytest.mark.parametrize(
    ("render", "told"),
    [
        ("render timecharts", "did you mean `timechart`?"),
        ("render map", "no kind of visualization"),
        ("render timechart with (titles='x')", "did you mean `title`?"),
        ("render timechart with (title='x', title='y')", "given twice"),
        ("render timechart with (kind=stack)", "`stacked`"),
        ("render timechart with (accumulate=1)", "`true`, `false`"),
        ("render timechart with (ymin='x')", "`ymin` is a number"),
        ("render timechart with (xcolumn=z)", "no column is named `z`"),
        ("render timechart with (title=1)", "a `string` is expected"),
        ("render timechart with (series=)", "a name is missing"),
    ],
)
def test_what_means_nothing_is_refused(render: str, told: str) -> None:
    with pytest.raises(SourceError) as caught:
        drawn(render)
    assert told in str(caught.value)
