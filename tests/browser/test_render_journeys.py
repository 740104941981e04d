"""What `render` draws: read off the canvas, where the texts of a chart are written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from .conftest import NARROW, ask, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.timeout(600)

_WATCH = """
window.written = [];
const fill = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (text, ...more) {
  window.written.push(String(text));
  return fill.call(this, text, ...more);
};
"""
DAYS = (
    "datatable(Day:datetime, Many:long, Few:long, Odd:long)"
    "[datetime(2026-01-01), 1000, 1, 0, datetime(2026-01-02), 4000, 2, 1, datetime(2026-01-03), 2000, 0, 0]"
)
KINDS = "datatable(App:string, Town:string, N:long)['Mail', 'Rome', 600, 'Mail', 'Oslo', 300, 'Chat', 'Oslo', 100]"


def drawn(page: Page, text: str, look: str) -> list[str]:
    """Ask, and give what is written on the chart."""
    page.add_init_script(_WATCH)
    sign_in(page)
    page.locator(".monaco-editor").wait_for()
    ask(page, text)
    expect(page.get_by_role("img", name=look)).to_be_visible()
    page.locator(".chart canvas").first.wait_for()
    page.wait_for_timeout(500)
    found: list[str] = page.evaluate("window.written")
    return found


def left(page: Page) -> str:
    return page.locator(".chart-left").inner_text()


def test_a_treemap_has_a_rectangle_for_each_level_and_sums_within(page: Page) -> None:
    written = drawn(page, f"{KINDS} | render treemap with (title='By app')", "treemap")
    assert "By app" in written
    assert any("Mail" in w and "900" in w for w in written)
    assert {"Rome", "600", "Oslo", "300", "100"} <= set(written)


def test_the_series_of_a_treemap_say_its_levels(page: Page) -> None:
    written = drawn(page, f"{KINDS} | render treemap with (series=Town)", "treemap")
    assert {"Oslo", "400", "Rome", "600"} <= set(written)
    assert "Mail" not in written


def test_a_card_shows_the_first_row_large(page: Page) -> None:
    sign_in(page)
    ask(page, f"{KINDS} | extend Share = 0.25 | render card with (title='First of all', ymin=3)")
    card = page.get_by_role("figure", name="First of all")
    expect(card.get_by_role("term")).to_have_text(["App", "Town", "N", "Share"])
    expect(card.get_by_role("definition")).to_have_text(["Mail", "Rome", "600", "0.25"])
    assert left(page) == "ymin=3 is not supported for card: it is drawn without. This is the first of 3 rows."
    page.get_by_role("button", name="Table", exact=True).click()
    expect(page.get_by_role("grid")).to_contain_text("Chat")


def test_a_card_of_no_rows_says_so_and_a_wide_one_fits_a_telephone(page: Page) -> None:
    sign_in(page)
    ask(page, "print Word = 'x' | where Word == 'y' | render card")
    expect(page.get_by_role("figure", name="Card")).to_contain_text("The answer has no rows.")
    ask(page, "print A = strrep('long', 80), B = 12345678901234567, C = dynamic({'a': 1}) | render card")
    expect(page.get_by_role("figure", name="Card")).to_contain_text("12345678901234567")
    page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]


def test_a_pivot_chart_is_refused_by_its_name(page: Page) -> None:
    sign_in(page)
    ask(page, f"{KINDS} | render pivotchart")
    expect(page.get_by_text("render pivotchart is not supported here: these are the values.")).to_be_visible()
    expect(page.get_by_role("grid")).to_contain_text("Rome")


def test_panels_stand_below_one_another_each_with_its_own_measure(page: Page) -> None:
    written = drawn(page, f"{DAYS} | project-away Odd | render timechart with (ysplit=panels)", "timechart")
    # What a panel shows stands above it, beside the legend below all.
    assert written.count("Many") >= 2
    assert written.count("Few") >= 2
    # One goes up to thousands, the other to two.
    assert "4,000" in written
    assert "2" in written
    columns = ", ".join(f"C{n} = x + {n}" for n in range(7))
    ask(page, f"range x from 1 to 9 step 1 | extend {columns} | render linechart with (xcolumn=x, ysplit=panels)")
    expect(page.locator(".chart-left")).to_have_text("There are at most 5 panels; the other columns are in the table.")


def test_axes_of_their_own_make_small_series_readable(page: Page) -> None:
    written = drawn(page, f"{DAYS} | render timechart with (ysplit=axes, ycolumns=Many, Few)", "timechart")
    assert "4,000" in written
    assert "2" in written
    assert "Odd" not in written
    ask(page, "SigninLogs | summarize n = count() by Location, ResultType | render columnchart with (ysplit=axes)")
    told = page.locator(".chart-left")
    expect(told).to_contain_text("ysplit=axes is not supported for more than 5 series: all have one axis.")


def test_series_in_arrays_are_drawn(page: Page) -> None:
    text = (
        "let From = datetime(2026-01-01); datatable(At:datetime, Who:string)"
        "[datetime(2026-01-01), 'Ada', datetime(2026-01-02), 'Ada', datetime(2026-01-02), 'Bob']"
        " | make-series n = count() on At from From to From + 3d step 1d by Who | render timechart"
    )
    written = drawn(page, text, "timechart")
    assert {"Ada", "Bob"} <= set(written)
    assert any("2 Jan" in w for w in written)


def test_anomalies_are_marked_where_their_column_says(page: Page) -> None:
    page.add_init_script(_WATCH)
    sign_in(page)
    ask(page, f"{DAYS} | render anomalychart with (anomalycolumns=Odd, ycolumns=Many)")
    chart = page.get_by_role("img", name="anomalychart")
    expect(chart).to_be_visible()
    box = chart.bounding_box()
    assert box
    # The pointer at the middle, where the anomaly is, has it told.
    page.mouse.move(box["x"] + box["width"] / 2 + 18, box["y"] + box["height"] / 2)
    page.wait_for_function("window.written.some((w) => w.includes('anomaly'))")
    expect(page.locator(".chart-left")).to_have_count(0)
    ask(page, f"{DAYS} | render anomalychart with (ycolumns=Many)")
    expect(page.locator(".chart-left")).to_contain_text("No anomaly is marked: name the columns that tell them")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("render scatterchart with (kind=map)", "kind=map is not supported here: there are no maps."),
        ("render linechart with (kind=stacked)", "kind=stacked is not supported for linechart"),
        ("render piechart with (ysplit=panels, accumulate=true)", "accumulate=true is not supported for piechart"),
        ("render piechart with (ycolumns=Many, Few)", "Drawn is Many: a piechart has one measure."),
        ("render treemap with (ycolumns=Few)", "Not drawn: 1 value of 0 or less."),
        ("render timechart with (xaxis=log)", "xaxis=log is not supported for an axis of times."),
        ("render timechart with (xmin=3)", "xmin is not supported for an axis of times."),
        ("render timechart with (yaxis=log)", "Not drawn: 3 values of 0 or less, for which yaxis=log has no place."),
        ("render columnchart with (ycolumns=Day)", "Day is not drawn: it holds no numbers. Nothing is drawn"),
        ("render barchart with (ysplit=axes)", "ysplit=axes is not supported for barchart"),
        ("render areachart with (ysplit=axes, kind=stacked)", "What has axes of its own is not stacked."),
    ],
)
def test_what_a_chart_leaves_out_is_said_by_name(page: Page, text: str, told: str) -> None:
    sign_in(page)
    ask(page, f"{DAYS} | {text}")
    expect(page.locator(".chart-left")).to_contain_text(told)


def test_what_render_can_say_of_axes_is_obeyed(page: Page) -> None:
    text = (
        f"{DAYS} | project Many, Few, Odd | render scatterchart with (title='All of it', xtitle='Across', ytitle='Up',"
        " xcolumn=Many, ycolumns=Few, xmin=500, xmax=5500, ymin=-10, ymax=30, legend=visible)"
    )
    written = drawn(page, text, "scatterchart")
    assert {"All of it", "Across", "Up", "Few", "500", "5,500", "30"} <= set(written)
    assert any(w.endswith("10") and len(w) == 3 for w in written)
    assert "Odd" not in written
    assert page.locator(".chart-left").count() == 0


def test_accumulated_areas_that_are_stacked_never_fall(page: Page) -> None:
    text = (
        "datatable(Day:datetime, Who:string, N:long)[datetime(2026-01-01), 'a', 600, datetime(2026-01-02), 'b', 900,"
        " datetime(2026-01-03), 'a', 300] | render areachart with (kind=stacked, accumulate=true)"
    )
    # On the third day `b` has nothing new, and what it had lies on `a` still: 1,800 together.
    assert "1,500" in drawn(page, text, "areachart")
