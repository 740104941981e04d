from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb
import pytest

from huntlake.lake.forms import Form, from_json, from_plain, from_text, misfit


def converted(form: Form, text: str | None) -> Any:
    """What `text` becomes; the text "misfit" where it says something that isn't of that form."""
    with duckdb.connect() as engine:
        engine.execute("set TimeZone = 'UTC'")
        engine.execute("create table given (t VARCHAR)")
        engine.execute("insert into given values (?)", [text])
        value = from_text(form, "t")
        wrong = misfit(form, "t", f"({value})") or "false"
        return engine.execute(
            f"select case when {wrong} then 'misfit' else ({value})::VARCHAR end from given"
        ).fetchall()[0][0]


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-01T05:06:07.1234567Z", "2026-11-01 05:06:07.123456+00"),
        ("2026-11-01T05:06:07+02:00", "2026-11-01 03:06:07+00"),
        ("2026-11-01T05:06:07-0530", "2026-11-01 10:36:07+00"),
        (" 2026-11-01 05:06:07 ", "2026-11-01 05:06:07+00"),
        ("2026-11-01", "2026-11-01 00:00:00+00"),
        ("11/20/2026, 5:06:07.123 PM", "2026-11-20 17:06:07.123+00"),
        ("11/20/2026 5:06:07 AM", "2026-11-20 05:06:07+00"),
        ("1700000000", "2023-11-14 22:13:20+00"),
        ("1700000000.5", "2023-11-14 22:13:20.5+00"),
        ("1700000000123", "2023-11-14 22:13:20.123+00"),
        ("1700000000123456", "2023-11-14 22:13:20.123456+00"),
        ("1700000000123456789", "2023-11-14 22:13:20.123456+00"),
        ("", None),
        (None, None),
    ],
)
def test_times_become_utc(text: str | None, instant: str | None) -> None:
    assert converted(Form.INSTANT, text) == instant


@pytest.mark.parametrize(
    "text", ["infinity", "epoch", "44-01-01 (BC)", "133444444444444444", "12", "20/11/2026 17:06", "2026-13-01", "soon"]
)
def test_what_may_be_another_time_is_none(text: str) -> None:
    assert converted(Form.INSTANT, text) == "misfit"


@pytest.mark.parametrize(
    ("text", "number"),
    [("42", "42"), ("-7", "-7"), (" 42 ", "42"), ("42.0", "42"), ("0x2A", "42"), ("+5", "5"), ("", None), ("  ", None)],
)
def test_whole_numbers_in_every_spelling(text: str, number: str | None) -> None:
    assert converted(Form.BIGINT, text) == number


@pytest.mark.parametrize("text", ["42.5", "1_000", "1e3", "9223372036854775808", "true", "4 2"])
def test_no_number_is_rounded_or_guessed(text: str) -> None:
    assert converted(Form.BIGINT, text) == "misfit"


def test_an_int_has_32_bits() -> None:
    assert converted(Form.INTEGER, "2147483648") == "misfit"


@pytest.mark.parametrize(("text", "value"), [("true", "true"), ("1", "true"), ("0", "false"), ("FALSE", "false")])
def test_truth_in_every_spelling(text: str, value: str) -> None:
    assert converted(Form.BOOLEAN, text) == value


@pytest.mark.parametrize(
    ("text", "ticks"),
    [
        ("1.02:03:04.5", "937845000000"),
        ("00:00:00.0000001", "1"),
        ("-00:01:00", "-600000000"),
        ("10:00", "360000000000"),
        ("25:61:00", "misfit"),
        ("5", "misfit"),
    ],
)
def test_spans_of_time_become_ticks(text: str, ticks: str) -> None:
    assert converted(Form.TICKS, text) == ticks


def test_a_guid_loses_its_braces_and_capitals() -> None:
    assert converted(Form.UUID, "{01234567-89AB-CDEF-0123-456789ABCDEF}") == "01234567-89ab-cdef-0123-456789abcdef"


@pytest.mark.parametrize(("text", "json"), [("[1, 2]", "[1,2]"), ("plain", '"plain"'), ("null", None), ("", None)])
def test_text_becomes_json(text: str, json: str | None) -> None:
    assert converted(Form.JSON, text) == json


@pytest.mark.parametrize(
    ("given", "json"),
    [
        ('{"a":1}', '{"a":1}'),
        ('"{\\"a\\":1}"', '{"a":1}'),
        ('"[broken"', '"[broken"'),
        ('"5"', '"5"'),
        ("null", None),
        ('""', None),
    ],
)
def test_a_string_that_holds_a_bag_is_the_bag(given: str, json: str | None) -> None:
    with duckdb.connect() as engine:
        found = engine.execute(f"select {from_json('t')} from (select ?::VARCHAR as t)", [given]).fetchall()
    assert found == [(json,)]


def test_text_is_never_null() -> None:
    assert converted(Form.TEXT, None) == ""


@pytest.mark.parametrize(
    "text",
    [
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+05:00",
        "9999-12-31T23:59:59-05:00",
        " 9999-12-31T23:59:59-05:00",
        "01/01/0000 10:00:00 AM",
    ],
)
@pytest.mark.parametrize("read", [from_text, from_plain])
def test_a_time_of_no_day_that_a_row_can_be_kept_in_is_none(text: str, read: Callable[[Form, str], str]) -> None:
    with duckdb.connect() as engine:
        engine.execute("set TimeZone = 'UTC'")
        found = engine.execute(f"select {read(Form.INSTANT, 't')} is null from (select ?::VARCHAR as t)", [text])
        assert found.fetchall() == [(True,)]
