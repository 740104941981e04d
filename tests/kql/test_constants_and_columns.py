"""What stands in the query as a constant means what the same value means in a column."""

from __future__ import annotations

import pytest
from tests import pages

from huntlake.core.diagnostics import SourceError
from huntlake.kql.binding import NoTables
from huntlake.kql.compiler import compile_kql


def refusal(query: str) -> str:
    with pytest.raises(SourceError) as caught:
        compile_kql(query, NoTables())
    return str(caught.value)


def values(query: str) -> list[list[object]]:
    return [list(row) for row in pages.rows(query)[0]]


def text(query: str) -> list[list[object]]:
    return values(f"{query} | project tostring(r)")


# -- decimals -----------------------------------------------------------------------


def test_a_decimal_keeps_its_fraction_beside_one_of_fewer_digits() -> None:
    assert text("datatable(r:decimal)[1.5, -0.01]") == [["1.5"], ["-0.01"]]
    assert text("union (print r = decimal(1.5)), (print r = decimal(-0.012)) | order by r desc") == [
        ["1.5"],
        ["-0.012"],
    ]
    assert text("datatable(d:decimal)[1.25] | extend r = iff(d > 1, d, decimal(5))") == [["1.25"]]
    assert text("print r = max_of(decimal(1.5), decimal(1.75))") == [["1.75"]]


@pytest.mark.parametrize(
    ("product", "answer"),
    [
        ("d * decimal(2)", "2.5"),
        ("d * d * decimal(123456789.5)", "192901233.59375"),
        ("d * decimal(-0.5)", "-0.625"),
        ("decimal(99999999999) * decimal(99999999)", "9999999899900000001"),
    ],
)
def test_a_product_of_decimals_is_exact(product: str, answer: str) -> None:
    assert text(f"datatable(d:decimal)[1.25] | extend r = {product}") == [[answer]]


# -- lists --------------------------------------------------------------------------


def test_a_dynamic_that_is_no_array_is_a_term() -> None:
    found = values("""
        datatable(s:string, d:dynamic)["x 1", dynamic("z"), "x 1", dynamic("x"), "x 1", dynamic(["x", "y"])]
        | project s has_any (d), s has_all (d)
    """)
    assert found == [[False, False], [True, True], [True, False]]


def test_terms_that_are_numbers_are_sought_as_texts() -> None:
    assert values('print a = "x 1" | project a has_any (2, 1), a has_all (1, "x"), a in~ (1, "X 1")') == [
        [True, True, True]
    ]


def test_what_no_element_can_be_is_in_no_list() -> None:
    assert values("""datatable(b:bool)[true] | project b !in (dynamic(["a"])), b in (dynamic(["a"]))""") == [
        [True, False]
    ]


def test_a_number_has_no_case() -> None:
    assert "not supported" in refusal("print a = 5 | where a in~ (1, 2)")


# -- others -------------------------------------------------------------------------


def test_a_bin_of_a_tick_is_the_time_itself() -> None:
    found = values("datatable(s:timespan)[1tick, 0s] | project bin(datetime(2020-02-29 12:34:56.789), s)")
    assert found == values("print bin(datetime(2020-02-29 12:34:56.789), 1tick) | union (print datetime(null))")


def test_no_time_is_an_endless_multiple() -> None:
    assert values("print 1.5h * real(+inf), real(nan) * 7d") == [[None, None]]


def test_a_modulus_that_is_null_leaves_nothing() -> None:
    assert values("print hash(5, long(null))") == [[None]]


def test_a_delimiter_may_come_from_the_row() -> None:
    found = values(
        'datatable(d:string)[";"] | project strcat_array(dynamic(["a", "b"]), d), strcat_array(dynamic([]), d)'
    )
    assert found == [["a;b", ""]]


def test_a_zone_of_one_digit_is_hours() -> None:
    found = values("print datetime(2020-01-01 12:00+1:30), datetime(2020-01-01 12:00+130)")
    assert found == values("print datetime(2020-01-01 10:30), datetime(2020-01-01 10:30)")


def test_a_subquery_may_stand_in_what_is_tried() -> None:
    assert values("print make_datetime(2017, 1, toscalar(print 2))") == values("print datetime(2017-01-02)")


@pytest.mark.parametrize(
    "call",
    [
        *("zip()", "array_concat()", "coalesce()", "min_of()", "bag_merge()", "hll_merge()", "tdigest_merge()"),
        *('bag_pack("a")', "1 in ()", "has_any()", 'array_sort_asc(startswith("a", "b"))'),
    ],
)
def test_a_call_without_what_it_needs_is_a_mistake_in_the_text(call: str) -> None:
    if call == "1 in ()":
        assert values("print 1 in ()") == [[False]]
    else:
        refusal(f"print {call}")


def test_a_column_beside_the_aggregates_is_a_mistake_in_the_text() -> None:
    query = 'datatable(a:string)["a"] | summarize count(), x = {} by k = strlen(a)'
    assert "`a` has a value in each row" in refusal(query.format("(a)"))
    assert "`a` has a value in each row" in refusal(query.format("count() + strlen(a)"))
    assert values(query.format("count() + strlen(max(a))")) == [[1, 1, 2]]


@pytest.mark.parametrize(
    "query", ["print -datetime(2016-01-01)", "print dynamic([-datetime(2016-01-01)])", "print -true"]
)
def test_what_has_no_negative_is_a_mistake_in_the_text(query: str) -> None:
    refusal(query)


@pytest.mark.parametrize("operator", ["sort by 2", "top 1 by 1.5", 'order by a asc, "x" desc'])
def test_a_constant_in_an_order_is_no_place_of_a_column(operator: str) -> None:
    assert "in no order" in refusal(f"datatable(a:long, b:long)[3, 1, 2, 5] | {operator}")


def test_a_bound_of_a_series_may_be_a_dynamic() -> None:
    table = "datatable(t:datetime, m:real)[datetime(2020-01-01), 1.0]"
    compile_kql(f"{table} | make-series avg(m) on t from datetime(2020-01-01) to dynamic([1]) step 1d", NoTables())


# -- characters ---------------------------------------------------------------------


def test_two_halves_of_a_surrogate_pair_are_one_character_and_half_of_one_breaks_no_query() -> None:
    assert values(r'print r = "\ud83d\ude00"') == [["\U0001f600"]]
    assert values(r'print r = "a\ud83d", x = "\ude00" == "\ufffd"') == [["a\ufffd", True]]
    assert values(r'print r = tostring(dynamic({"k": "\ud83d"}).k)') == [["\ufffd"]]


def test_a_percentile_that_is_none_is_refused_by_its_own_name_among_several() -> None:
    with pytest.raises(SourceError, match="`percentile` with a percentile that is not between 0 and 100"):
        values("range x from 1 to 3 step 1 | summarize percentile(x, 101), percentile(x, 1)")
