"""Parts of a partition keep the order of their rows, however many threads compute them."""

from tests import pages

_ROWS = "range i from 1 to 100000 step 1 | extend Part = tostring(i % 40), x = hash(i, 1000000) * 100000 + i"


def _answer(query: str) -> str:
    return pages.answer(query, {})


def test_a_window_sees_the_rows_of_a_part_in_order() -> None:
    inner = "sort by x asc | extend Wrong = prev(x) > x | summarize Wrong = countif(Wrong), Rows = count()"
    found = _answer(f"{_ROWS} | partition by Part ({inner}) | summarize sum(Wrong), sum(Rows), count()")
    assert found.splitlines()[-1] == "| 0 | 100000 | 40 |"


def test_the_first_rows_of_a_sorted_part_are_the_first() -> None:
    found = _answer(
        f"let T = {_ROWS}; T | partition by Part (sort by x asc | extend y = 1 | take 1)"
        " | join kind=inner (T | summarize Least = min(x) by Part) on Part | summarize countif(x != Least), count()"
    )
    assert found.splitlines()[-1] == "| 0 | 40 |"


def test_what_a_sorted_part_expands_to_stays_sorted() -> None:
    inner = (
        "sort by x asc | take 100 | mv-expand e = dynamic([1, 2]) to typeof(long) | extend y = x * 10 + e"
        " | extend Wrong = prev(y) > y | summarize Wrong = countif(Wrong), Rows = count()"
    )
    found = _answer(f"{_ROWS} | partition by Part ({inner}) | summarize sum(Wrong), sum(Rows)")
    assert found.splitlines()[-1] == "| 0 | 8000 |"
