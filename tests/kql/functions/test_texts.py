"""Functions of texts on what their examples don't show: nulls, patterns from data, refusals."""

from __future__ import annotations

from typing import Any

import pytest
from tests import pages

from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import DomainError
from huntlake.kql.functions.patterns import group_names
from huntlake.kql.symbols import Function, listed
from huntlake.kql.types import ScalarType

from huntlake.kql.functions import addresses, encoding, geography, hashing, parsing, patterns, strings  # isort: skip

FUNCTIONS = {f.name: f for f in listed(addresses, encoding, geography, hashing, parsing, patterns, strings).values()}
CONSTANT = {
    "extract": "extract('a', 0, s)",
    "extract_all": "extract_all('(a)', dynamic([1]), s)",
    "extract_json": "extract_json('$.a', s)",
    "parse_command_line": "parse_command_line(s, 'windows')",
    "unicode_codepoints_to_string": "unicode_codepoints_to_string(long(null), dynamic(null))",
    "format_ipv4": "format_ipv4(long(null))",
    "format_ipv4_mask": "format_ipv4_mask(long(null))",
    "parse_user_agent": "parse_user_agent(s, 'os')",
}
"""Calls of functions that want some argument constant."""
NULLS = {
    ScalarType.STRING: "s",
    ScalarType.LONG: "long(null)",
    ScalarType.INT: "int(null)",
    ScalarType.REAL: "real(null)",
    ScalarType.DYNAMIC: "dynamic(null)",
    ScalarType.BOOL: "bool(null)",
    ScalarType.GUID: "guid(null)",
    ScalarType.DATETIME: "datetime(null)",
    ScalarType.TIMESPAN: "timespan(null)",
    ScalarType.DECIMAL: "decimal(null)",
}


def value(call: str, text: str = "") -> Any:
    ((answer,),) = pages.values(f"datatable(s:string)[@'{text}'] | project x = {call}")
    return answer


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS.keys())
def test_nulls_and_empty_texts_break_nothing(function: Function) -> None:
    for signature in function.signatures:
        call = CONSTANT.get(function.name)
        arguments = [NULLS[p.accepts.types[-1]] for p in signature.parameters if p.default is None]
        answer = value(call or f"{function.name}({', '.join(arguments)})")
        assert answer is not None or signature.returns.types[0] is not ScalarType.STRING


@pytest.mark.parametrize(
    "call", ["replace_regex('a(', s, 'b')", "trim(s, 'a(')", "trim_end(s, 'a')", "extract(s, 0, 'a')"]
)
def test_a_pattern_from_data_that_is_none_gives_an_empty_text(call: str) -> None:
    assert value(call, "(") == ""


def test_a_pattern_may_be_a_table_s_value() -> None:
    assert value('replace_regex(s, toscalar(print "b+"), "x")', "abbc") == "axc"
    assert value('trim(toscalar(print "b+"), s)', "bbcb") == "c"
    assert value('countof(s, toscalar(print "b+"), "regex")', "abbc") == 1


def test_a_pattern_in_the_query_that_is_none_is_an_error() -> None:
    with pytest.raises(DomainError):
        value("trim('(', s)", "a")


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("a", []),
        ("(a)(?:b)(c)", [None, None]),
        (r"\((a)\)[(](?i)(?P<n>x)(?<m>y)", [None, "n", "m"]),
        (r"[\](](a)[[:alpha:](](b)[](](c)", [None, None, None]),
        (r"\Q(a)\E(b)", [None]),
    ],
)
def test_the_groups_of_a_pattern_are_counted(pattern: str, names: list[str | None]) -> None:
    assert group_names(pattern) == names


def test_a_group_that_takes_no_part_is_empty() -> None:
    assert value('extract_all("(x)?(X|b)", s)', "Xb") == [["", "X"], ["", "b"]]
    assert value('extract_all("(x)?b", s)', "b") == [""]


@pytest.mark.parametrize(
    "call",
    [
        "extract_all('a', s)",
        "extract_all(s, s)",
        "extract_json('$..a', s)",
        "extract_json('$.*', s)",
        "split(s, ',', -1)",
        "parse_command_line(s, 'unix')",
        "hash_combine(1, 2)",
        "parse_user_agent(s, 'cpu')",
    ],
)
def test_what_is_not_built_is_refused(call: str) -> None:
    with pytest.raises(SourceError, match="not supported"):
        value(call)


@pytest.mark.parametrize(
    ("path", "expected"),
    [("$.a['b c'][0].d", "1"), ("$", '{"a":{"b c":[{"d":1}]}}'), ("$.a", '{"b c":[{"d":1}]}'), ("$.x", "")],
)
def test_a_json_path_leads_to_a_text(path: str, expected: str) -> None:
    assert value(f'extract_json("{path}", s)', '{"a":{"b c":[{"d":1}]}}') == expected


def test_a_json_path_into_no_json_is_empty() -> None:
    assert value("extract_json('$.a', s)", "{broken") == ""


def test_the_last_argument_names_the_type() -> None:
    assert value("gettype(extract('[0-9]+', 0, s, typeof(long)))", "a 12") == "long"
    assert value("extractjson('$.a', s, typeof(real))", '{"a":"1.5"}') == 1.5


def test_versions_are_ordered_part_by_part() -> None:
    assert value("parse_version('10.2') > parse_version(s)", "9.99.99") is True
    assert value("parse_version('1.0') == parse_version(s)", "1") is True
    assert value("isnull(parse_version(s))", "1.2.3.4.5") is True


def test_a_text_is_cut_as_far_as_it_reaches() -> None:
    assert [value(f"substring(s, {a})", "ABCD") for a in ("-1", "-10, 2", "9", "1, -1", "0, 9223372036854775807")] == [
        "D", "AB", "", "", "ABCD",
    ]  # fmt: skip


def test_chance_is_different_in_each_row() -> None:
    counted = pages.values(
        "range i from 1 to 100 step 1 | summarize dcount(rand()), dcount(new_guid()), max(rand(3)) <= 2.0"
    )
    assert counted == [[100, 100, True]]
