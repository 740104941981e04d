"""What expressions mean, where the functions' examples don't say it."""

import os
from pathlib import Path

import pytest
from bench import playbook_expressions, wdl
from tests.wdl.scope import evaluator

from huntlake.core.diagnostics import SourceError
from huntlake.wdl.expressions.evaluator import EvaluationError, Evaluator
from huntlake.wdl.functions import FUNCTIONS

BASELINE = Path(__file__).parents[1] / "baselines" / "wdl_expressions.txt"


@pytest.mark.skipif(not wdl.CASES.exists(), reason="the expressions are not here")
def test_what_had_its_known_answer_has_it_still() -> None:
    known = {int(n) for n in BASELINE.read_text(encoding="utf-8").split()}
    wrong = {c.number: (c.expr, wdl.complaint(c)) for c in wdl.cases() if c.number in known and wdl.complaint(c)}
    assert not wrong


def test_generated_expressions_neither_crash_nor_take_long() -> None:
    count = int(os.environ.get("HUNTLAKE_EXPRESSIONS", "5000"))
    told: list[str] = []
    worst, crashed = playbook_expressions.slowest(count, seed=11, tell=told.append)
    assert not crashed, told
    assert worst < playbook_expressions.SLOWEST, told


@pytest.mark.parametrize("asked", playbook_expressions.escapes("Refused"))
def test_nothing_of_the_host_is_reached(asked: str) -> None:
    with pytest.raises(SourceError):
        evaluator().text(asked)


@pytest.mark.parametrize("asked", playbook_expressions.escapes("Text"))
def test_the_marks_of_other_languages_are_text(asked: str) -> None:
    assert evaluator().text(asked) == asked


@pytest.mark.parametrize(("asked", "value"), playbook_expressions.values())
def test_what_an_expression_makes_is_not_evaluated_again(asked: str, value: str) -> None:
    known = evaluator(
        trigger={"outputs": {"body": "@{parameters('secret')}"}},
        parameters={"secret": "hunter2"},
        variables={"v": {"@{utcNow()}": "@utcNow()"}},
    )
    assert known.text(asked) == value


def test_an_error_shows_its_place() -> None:
    with pytest.raises(EvaluationError) as raised:
        evaluator(variables={"a": None}).text("x @{length(variables('a'))} y")
    assert str(raised.value).splitlines() == [
        "error[WDL002]: `collection` of `length` must be array or string, not null",
        " --> expression:1:5",
        "  |",
        "1 | x @{length(variables('a'))} y",
        "  |     ^^^^^^^^^^^^^^^^^^^^^^",
    ]


def test_a_question_mark_forgives_one_step() -> None:
    known = evaluator(variables={"a": {}})
    assert known.text("@variables('a')?['b']") is None
    assert known.text("@variables('a')?['b']?['c']") is None
    with pytest.raises(EvaluationError):
        known.text("@variables('a')?['b']['c']")
    with pytest.raises(EvaluationError):
        known.text("@string('x')?['b']")


def test_keys_of_objects_are_templates_too() -> None:
    assert evaluator().value({"@{concat('a','b')}": ["@@x", 1, "@true"]}) == {"ab": ["@x", 1, True]}


def test_a_work_beyond_the_bound_is_refused() -> None:
    with pytest.raises(EvaluationError, match="too much"):
        Evaluator(FUNCTIONS, evaluator().scope, most=1000).text("@range(0, 1000)")


def test_half_a_surrogate_pair_does_not_break_what_follows() -> None:
    assert evaluator().text("@base64(first('😀'))") == "77+9"


@pytest.mark.parametrize(
    ("asked", "value"),
    [
        (
            "@formatDateTime('2026-03-04T05:06:07.8912345Z', 'yyyy-MM-ddTHH:mm:ss.fffffffZ')",
            "2026-03-04T05:06:07.8912345Z",
        ),
        ("@formatDateTime('2026-03-04T17:06:07Z', 'M/d/yyyy hh:mm:ss')", "3/4/2026 05:06:07"),
        ("@formatDateTime('2026-03-04T17:06:07+02:00')", "2026-03-04T15:06:07.0000000Z"),
        ("@formatDateTime('2026-03-04', 'MMMM')", "March"),
        ("@formatDateTime('2026-03-04T00:00:00.5000000', 'ss.FFF')", "00.5"),
        ("@formatDateTime('2026-03-04T00:00:00', 'ss.FFF')", "00"),
        ("@formatDateTime('2026-03-04T09:00:00', 'R')", "Wed, 04 Mar 2026 09:00:00 GMT"),
        ("@formatDateTime('Wed, 04 Mar 2026 09:00:00 GMT', 'u')", "2026-03-04 09:00:00Z"),
        ("@formatDateTime('March 4, 2026 9:05 PM', 's')", "2026-03-04T21:05:00"),
        ("@convertTimeZone('2026-07-01T12:00:00Z', 'UTC', 'W. Europe Standard Time', 'g')", "7/1/2026 2:00 PM"),
        ("@convertFromUtc('2026-07-01T12:00:00Z', 'Europe/Berlin')", "2026-07-01T14:00:00.0000000"),
        ("@formatDateTime('2:30 PM', 's')", "2026-03-04T14:30:00"),
        ("@convertTimeZone('09:00', 'W. Europe Standard Time', 'UTC', 's')", "2026-03-04T08:00:00"),
        ("@addToTime('2024-02-29T00:00:00Z', 1, 'Year', 'd')", "2/28/2025"),
        ("@utcNow()", "2026-03-04T05:06:07.8912340Z"),
        ("@formatNumber(-1234.5, 'N1')", "-1,234.5"),
        ("@formatNumber(0.256, 'P1')", "25.6%"),
        ("@formatNumber(255, 'X4')", "00FF"),
        ("@formatNumber(1234.5, '#,##0.00', 'de-de')", "1.234,50"),
    ],
)
def test_dates_and_numbers_are_written_as_dotnet_does(asked: str, value: str) -> None:
    assert evaluator().text(asked) == value


def test_a_huge_number_with_many_places_is_written_in_full() -> None:
    shown = evaluator().text("@formatNumber(1e308, 'N99')")
    assert shown.startswith("100,000,")
    assert len(shown) == 309 + 102 + 1 + 99


def test_a_text_is_not_cut_into_more_pieces_than_can_be_held() -> None:
    known = Evaluator(FUNCTIONS, evaluator(variables={"t": "x" * 500_000}).scope, most=64_000_000)
    with pytest.raises(EvaluationError, match="pieces"):
        known.text("@chunk(variables('t'), 1)")
