"""Runs the pages of tests/conformance. `pytest --accept` writes the answers in, for review to read."""

import pytest
from tests import pages


@pytest.mark.parametrize("case", pages.CASES, ids=lambda c: c.name)
def test_case(case: pages.Case, request: pytest.FixtureRequest) -> None:
    answer = pages.answer(case.kql, case.parameters)
    if request.config.getoption("--accept"):
        case.accept(answer)
    else:
        assert answer == case.answer


def test_titles_tell_cases_apart() -> None:
    names = [c.name for c in pages.CASES]
    assert len(names) == len(set(names))
