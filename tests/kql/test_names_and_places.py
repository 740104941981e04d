"""No text of a query comes to stand in the SQL, and no name comes to mean another column."""

from __future__ import annotations

from typing import Any

import pytest
from tests import pages

from huntlake.core.diagnostics import SourceError
from huntlake.kql.binding import NoTables
from huntlake.kql.compiler import compile_kql
from huntlake.kql.syntax.commands import quoted_name
from huntlake.kql.types import Column, ScalarType


class Tables(NoTables):
    """One table."""

    def table(self, name: str, workspace: str | None = None) -> tuple[Column, ...] | None:
        columns = (Column("TimeGenerated", ScalarType.DATETIME), Column("a", ScalarType.LONG))
        return columns if name == "T" else None

    def table_names(self, workspace: str | None = None) -> tuple[str, ...]:
        return ("T",)

    tables_with_rows = table_names


def refusal(query: str) -> str:
    with pytest.raises(SourceError) as caught:
        compile_kql(query, Tables())
    return str(caught.value)


# -- text that would be SQL --------------------------------------------------------


HOSTILE = (
    r"\u0000(select 42\u0000)",
    r"\u0001t0\u0001",
    r"\u0000o",
    "') union select 'x' --",
    r"\"; drop table x; --",
    "{0}",
    "{rest}error('') || ",
    "'",
)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize(
    "query",
    [
        'print x = "{}" | extend y = prev(strcat(x, "{}")) | where x == "{}" | count',
        'print x = "{}" | where x has "{}" or x contains "{}" | count',
        'print x = "{}" | where x in ("{}") and x startswith "{}" and x endswith "{}" | count',
        'print d = dynamic({{"k": 1}}), x = "{}" | summarize n = countif(tostring(d["{}"]) == "") | project n',
        'print ["{}"] = 1 | summarize max(["{}"]) | count',
        'print x = "{}" | summarize make_set(x), m = max(strcat(x, "{}")) | where m has "{}" or true | count',
    ],
)
def test_text_of_a_query_is_never_sql(query: str, text: str) -> None:
    assert pages.values(query.replace("{}", text).replace("{{", "{").replace("}}", "}")) == [[1]]


def test_the_mark_of_a_table_in_a_text_reads_no_table() -> None:
    compiled = compile_kql(r'T | where tostring(dynamic({})["\u0001t0\u0001"]) == "\u0001t0\u0001"', Tables())
    (table,) = compiled.results
    assert table.sql({table.scans[0].relation: "SOURCE"}).count("SOURCE") == 1


# -- names ------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["~i", "~e0", "~h0", "~k", "~one", "~x", "~~i", "A~1", '"', "a'b"])
def test_any_name_is_a_column_beside_what_is_expanded(name: str) -> None:
    column = "['" + name.replace("'", r"\'") + "']"
    query = f"print {column} = 5, A = 1, a = 2, d = dynamic([7, 8])"
    assert pages.values(f"{query} | mv-expand d to typeof(long) | summarize sum({column}), sum(d), sum(A), sum(a)") == [
        [10, 15, 2, 4]
    ]


def test_a_column_of_the_row_is_not_taken_for_one_of_mv_apply() -> None:
    query = "print ['~y'] = 5, d = dynamic([1, 2]) | mv-apply e = d to typeof(long) on (summarize y = sum(e))"
    assert pages.values(f"{query} | project ['~y'], y") == [[5, 3]]


def test_mv_apply_gives_the_column_that_its_query_makes() -> None:
    query = "print d = dynamic([1, 2]), x = 9 | mv-apply e = d to typeof(long) on (summarize x = sum(e))"
    assert pages.values(query) == [[[1, 2], 3]]


def test_mv_apply_leaves_a_column_that_its_query_only_keeps() -> None:
    query = "print d = dynamic([1, 2]), x = 9 | mv-apply e = d to typeof(long) on (summarize s = sum(e) by x)"
    assert pages.values(query) == [[[1, 2], 9, 3]]


def test_an_index_takes_no_other_columns_name() -> None:
    assert pages.values("print d = dynamic([1]), a = 9 | mv-expand with_itemindex=a d") == [[1, 9, 0]]


def test_arrays_expanded_to_one_name_are_refused() -> None:
    assert "one name" in refusal("print d = dynamic([1]) | mv-expand x = d, x = d")


def test_a_union_keeps_a_column_whose_name_was_taken() -> None:
    query = (
        'print a = 1 | union (print a = "x"), (print a_long = 7) | summarize sum(a_long), max(a_string), sum(a_long1)'
    )
    assert pages.values(query) == [[1, "x", 7]]


def test_a_union_keeps_a_column_named_as_its_source() -> None:
    query = "print a = 1 | union withsource=a (print a = 2) | summarize max(a), sum(a1)"
    assert pages.values(query) == [["union_arg1", 3]]


def test_a_bound_on_a_column_of_several_types_prunes_no_table() -> None:
    query = 'T | union (print TimeGenerated = "x") | where TimeGenerated_datetime > datetime(2026-01-01)'
    (table,) = compile_kql(query, Tables()).results
    assert [s.since for s in table.scans] == [None]


# -- functions ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        "toscalar(datatable(x: long) [1, 2] | where x == v | count)",
        "toscalar(datatable(x: long) [1, 2] | where x in (v) | count)",
        "toscalar(print v)",
        "toscalar(range y from 1 to v step 1 | count)",
    ],
)
def test_a_rows_value_is_not_taken_for_a_column_of_another_table(body: str) -> None:
    query = f"let f = (v: long) {{ {body} }}; print x = 5 | extend y = f(x)"
    assert "`v`, which differs from row to row, inside a table of its own is not supported" in refusal(query)


def test_functions_of_a_row_call_one_another() -> None:
    query = "let g = (w: long) { w * 2 }; let f = (v: long) { let k = v + 1; g(k) + v }; print x = 5 | project f(x)"
    assert pages.values(query) == [[17]]


def test_a_column_hides_a_let_and_a_parameter_hides_a_column() -> None:
    query = "let x = 1; let f = (x: long) { x + 100 }; print x = 5, y = 7 | project x, f(y)"
    assert pages.values(query) == [[5, 107]]


# -- dynamics -------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "*", "a.b", "a[0]", r"a\"b", r"a\\b", "a/b", "~", "é", "0", "$", "#"])
def test_every_name_of_a_property_is_found(name: str) -> None:
    bag = f'print d = dynamic({{"{name}": 1, "z": 2}}), k = "{name}"'
    assert pages.values(
        f'{bag} | project a = d["{name}"], b = d[k], c = tostring(d["{name}"]), n = d[strcat(k, "?")]'
    ) == [[1, 1, "1", None]]


def test_a_bag_of_any_names_can_be_expanded() -> None:
    bag = r'print d = dynamic({"": 1, "*": 2, "a\"b": 3, "a\\b": 4, "a/~b": 5})'
    assert pages.values(f"{bag} | mv-expand kind=array d | summarize sum(tolong(d[1]))") == [[15]]


def test_digits_are_no_index() -> None:
    assert pages.values('print d = dynamic([5, 6]), k = "1" | project d["1"], d[k], d[1], d[-1]') == [
        [None, None, 6, 6]
    ]


@pytest.mark.parametrize(
    "query",
    [
        "sort by d",
        "top 1 by d",
        "summarize count() by d",
        "distinct d",
        "summarize max(d)",
        "summarize arg_min(d, *)",
        "where d < d",
        "extend m = max_of(d, d)",
    ],
)
def test_dynamics_are_put_in_no_order(query: str) -> None:
    refusal(f"print d = dynamic({{}}) | {query}")


def answers(*expressions: str, of: str) -> list[Any]:
    """The values of expressions over a table of one row, so that nothing is known while compiling."""
    (row,) = pages.values(
        f"{of} | where rand() >= 0 | project {', '.join(f'c{i} = {e}' for i, e in enumerate(expressions))}"
    )
    return row


def test_a_fraction_in_a_dynamic_is_compared() -> None:
    row = "print d = dynamic({'x': 2.7, 'n': 9007199254740993})"
    found = answers(
        "d.x == 2",
        "d.x != 2",
        "d.x > 2",
        "d.x <= 2",
        "d.x in (2)",
        "d.x between (2 .. 2)",
        "d.n == 9007199254740992",
        of=row,
    )
    assert found == [False, True, True, False, False, False, False]


def test_a_dynamic_is_among_numbers_and_texts() -> None:
    row = 'print d = dynamic({"n": 9, "r": 9.0, "s": "9", "t": "x"})'
    found = answers("d.n in (9)", "d.r in (9)", "d.s in (9)", "d.t in (9)", 'd.n in ("9")', "d.missing !in (9)", of=row)
    assert found == [True, True, True, False, True, True]


def test_a_fraction_of_an_array_is_no_whole_number() -> None:
    assert answers("x in (dynamic([2.7]))", "x in (dynamic([2.0]))", of="print x = 2") == [False, True]


def test_values_of_every_type_are_found_in_an_array() -> None:
    row = "print x = 2, r = 2.5, t = datetime(2020-01-01), s = 1h, b = true, n = 'a', m = decimal(2.5)"
    array = 'pack_array(2, 2.5, datetime(2020-01-01), 1h, true, "A")'
    found = answers(*(f"{c} in ({array})" for c in "xrtsbnm"), f"n in~ ({array})", of=row)
    assert found == [True, True, True, True, True, False, True, True]


# -- texts that are read -----------------------------------------------------------------


def read(function: str, text: str) -> Any:
    return answers(f"{function}(s)", of=f'print s = "{text}"')[0]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2020-01-01T10:00:00+0530", "2020-01-01T04:30:00.0000000Z"),
        ("2020-01-01 10:00:00+02:00", "2020-01-01T08:00:00.0000000Z"),
        ("2020-01-01T10:00:00.1234567Z", "2020-01-01T10:00:00.1234560Z"),
        ("2020-01-01", "2020-01-01T00:00:00.0000000Z"),
        ("2020/01/02", "2020-01-02T00:00:00.0000000Z"),
        ("infinity", ""),
        ("epoch", ""),
        ("290000-01-01", ""),
        ("0000-01-01", ""),
        ("2020-01-01T24:00:00", ""),
        ("2020-01-01 10:00 Europe/Oslo", ""),
    ],
)
def test_the_text_of_a_time_means_one_moment_or_none(text: str, wanted: str) -> None:
    assert answers("tostring(todatetime(s))", of=f'print s = "{text}"') == [wanted]


@pytest.mark.parametrize("function", ["todouble", "todecimal", "tolong", "toint"])
def test_digits_with_underscores_are_no_number(function: str) -> None:
    assert read(function, "1_000") is None


@pytest.mark.parametrize("expression", ["t + 10d", "t - -10d", "10d + t", "todatetime(9223372036854775807)"])
def test_beyond_the_year_9999_there_is_no_time(expression: str) -> None:
    assert answers(expression, of="print t = datetime(9999-12-31)") == [None]


def test_a_range_that_ends_beyond_the_year_9999_has_what_is_in_it() -> None:
    found = answers("t between (t .. 10d)", "t !between (t .. 10d)", of="print t = datetime(9999-12-31)")
    assert found == [True, False]


def test_long_numbers_are_binned_exactly() -> None:
    assert answers("bin(x, y)", "bin(-x, y)", of="print x = 9007199254740993, y = 2") == [
        9007199254740992,
        -9007199254740994,
    ]


def test_a_guid_equals_its_text_in_a_filter() -> None:
    guid = "aaaaaaaa-0000-4000-8000-000000000001"
    table = f"datatable(s: string, g: guid) ['{guid.upper()}', guid({guid})]"
    assert pages.values(f"{table} | where s == g and not(s != g) | count; {table} | where s != g | count") == [[1], [0]]


# -- numbers ------------------------------------------------------------------------------


def test_nan_is_neither_more_nor_equal_nor_less() -> None:
    row = "print a = real(nan), b = real(nan), c = 1.5"
    found = answers("a == b", "a != b", "a > c", "a >= b", "c < a", "a < c", "a == c", "a != c", of=row)
    assert found == [False, True, False, False, False, False, False, True]


def test_a_filter_keeps_no_nan_that_is_not_more() -> None:
    table = "datatable(a: real, b: real) [real(nan), real(nan), 2.0, 1.0]"
    query = "; ".join(f"{table} | where {c} | count" for c in ("a > b", "a == b", "a != b", "a > 1 or b > a"))
    assert pages.values(query) == [[1], [0], [2], [1]]


def test_a_fraction_in_a_dynamic_joins_no_whole_number() -> None:
    left = "datatable(k: dynamic, n: long) [dynamic(1.5), 1, dynamic(1), 2]"
    assert pages.values(f"{left} | join kind=inner (print k = 1) on k | summarize make_list(n)") == [[[2]]]


def test_a_number_too_large_for_a_parameter_is_null() -> None:
    assert pages.values("let f = (a: int) { a }; print f(3000000000)") == [[None]]


@pytest.mark.parametrize(
    ("number", "text"),
    [("1e15", "1E+15"), ("-1234567890123456.5", "-1.2345678901234565E+15"), ("999999999999999.0", "999999999999999")],
)
def test_the_exponent_begins_where_it_does_in_kusto(number: str, text: str) -> None:
    assert answers("tostring(x)", of=f"print x = real({number})") == [text]


@pytest.mark.parametrize("between", ["(datetime(9999-12-01) .. 100d)", "(datetime(0001-01-01) .. -1d)"])
def test_bounds_stay_within_the_years(between: str) -> None:
    (table,) = compile_kql(f"T | where TimeGenerated between {between}", Tables()).results
    assert table.scans[0].since is not None


# -- JSON -----------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["NaN", "[1,]", r"{\"a\":1, }", "[-inf]", "Infinity", r"{\"a\":1}x", "01"])
def test_what_no_client_could_read_is_text_and_no_json(text: str) -> None:
    found = answers("gettype(parse_json(s))", "tostring(parse_json(s)) == s", of=f'print s = "{text}"')
    assert found == ["string", True]


@pytest.mark.parametrize("text", [r"{\"a\":\"NaN, ]\"}", r"[\"inf\"]", r"{\"a\\\"nan,]\": [1, 2 ]}", " [1] "])
def test_texts_inside_json_may_hold_anything(text: str) -> None:
    assert answers("gettype(parse_json(s)) in ('array', 'dictionary')", of=f'print s = "{text}"') == [True]


def test_a_null_with_blanks_around_is_null() -> None:
    assert answers("isnull(parse_json(s))", of='print s = " null "') == [True]


def test_json_holds_no_bare_nan() -> None:
    found = answers("pack_array(x, -x)", 'bag_pack("k", x)', of="print x = real(+inf)")
    assert found == [["Infinity", "-Infinity"], {"k": "Infinity"}]


# -- lists ------------------------------------------------------------------------------------


def test_texts_in_a_list_mean_the_values_type() -> None:
    row = "print n = 5, g = guid(aaaaaaaa-0000-4000-8000-000000000001)"
    found = answers(
        'n in ("5", "x")',
        'n !in ("x")',
        'g in ("AAAAAAAA-0000-4000-8000-000000000001")',
        'g !in ("AAAAAAAA-0000-4000-8000-000000000001", "x")',
        of=row,
    )
    assert found == [True, True, True, False]


@pytest.mark.parametrize("text", ["{rest}error('here') || ", "{0}", "{", "{rest.__class__}"])
def test_braces_in_a_text_leave_an_address_sought_in_a_column_what_it_is(text: str) -> None:
    found = pages.rows(f"""
        datatable(n:string)["10.1.", "10.1.2.3", "9."]
        | project p = has_ipv4_prefix("{text} 10.1.2.3", n), w = has_ipv4("{text} 10.1.2.3", n)
    """)
    assert found == [[(True, False), (True, True), (False, False)]]


def test_a_column_whose_name_is_empty_is_one() -> None:
    assert pages.values('print d = dynamic({"": 1, "x": 2}) | evaluate bag_unpack(d)') == [[1, 2]]


@pytest.mark.parametrize("name", ["True", "FALSE", "a b", 'a"b', "by", "null"])
def test_a_name_that_is_written_into_a_query_means_the_column_whatever_it_is(name: str) -> None:
    query = f"datatable({quoted_name(name)}: string)['x', 'y'] | where {quoted_name(name)} == 'y' | count"
    assert pages.rows(query) == [[(1,)]]
