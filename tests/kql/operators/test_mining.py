"""The patterns that `basket` and its kin find, against all that there are."""

import random
from collections import Counter
from itertools import combinations

from tests import pages

COLUMNS = ("a", "b", "c", "d")


def _rows(seed: int, count: int) -> list[tuple[str, ...]]:
    dice = random.Random(seed)
    rows: list[tuple[str, ...]] = []
    for _ in range(count):
        a = dice.choice(["p", "p", "q", "r"])
        b = a if dice.random() < 0.7 else dice.choice(["s", "t"])
        rows.append((a, b, dice.choice(["u", "v"]), str(dice.randrange(60))))
    return rows


def _table(rows: list[tuple[str, ...]]) -> str:
    cells = ", ".join(f"'{cell}'" for row in rows for cell in row)
    return f"datatable({', '.join(f'{c}:string' for c in COLUMNS)})[{cells}]"


def _closed(rows: list[tuple[str, ...]], least: float) -> dict[tuple[str, ...], int]:
    """Every closed pattern that enough rows have, `` where a column isn't fixed."""
    found: dict[tuple[str, ...], int] = {}
    for size in range(1, len(COLUMNS) + 1):
        for fixed in combinations(range(len(COLUMNS)), size):
            for values, count in Counter(tuple(r[i] for i in fixed) for r in rows).items():
                if count < least * len(rows):
                    continue
                having = [r for r in rows if all(r[i] == v for i, v in zip(fixed, values, strict=True))]
                shared = [{r[i] for r in having} for i in range(len(COLUMNS))]
                found[tuple(min(s) if len(s) == 1 else "" for s in shared)] = count
    return found


def _answer(query: str) -> list[list[str]]:
    lines = pages.answer(query, {}).splitlines()[2:]
    return [[cell.strip() for cell in line.removeprefix("|").removesuffix("|").split("|")] for line in lines]


def test_a_basket_holds_every_closed_pattern() -> None:
    rows = _rows(1, 400)
    found = _answer(f"{_table(rows)} | evaluate basket(0.1)")
    assert {tuple(f[3:]): int(f[1]) for f in found} == _closed(rows, 0.1)
    assert [f[0] for f in found] == [str(i) for i in range(len(found))]


def test_rows_count_by_their_weight() -> None:
    rows = _rows(2, 200)
    weighed = f"{_table(rows)} | extend Weight = iff(c == 'u', 3, 1)"
    heavy = [r for r in rows for _ in range(3 if r[2] == "u" else 1)]
    found = _answer(f"{weighed} | evaluate basket(0.15, Weight)")
    assert {tuple(f[3:]): int(f[1]) for f in found} == _closed(heavy, 0.15)


def test_what_autocluster_says_of_a_pattern_is_so() -> None:
    rows = _rows(3, 300)
    found = _answer(f"{_table(rows)} | evaluate autocluster()")
    assert found
    for _, count, percent, *values in found:
        having = [r for r in rows if all(v in ("", c) for v, c in zip(values, r, strict=True))]
        assert (len(having), round(100 * len(having) / len(rows), 1)) == (int(count), float(percent))


def test_a_difference_that_was_planted_is_found_first() -> None:
    rows: list[tuple[str, ...]] = [
        ("x" if i % 3 else "y", "same", "bad" if i % 3 and i % 10 else "good", str(i)) for i in range(300)
    ]
    found = _answer(f"{_table(rows)} | project a, b, c, Half = d | evaluate diffpatterns(c, 'bad', 'good')")
    assert found[0][6:] == ["x", "same", ""]
    bad = [r for r in rows if r[2] == "bad"]
    assert found[0][1] == str(sum(r[0] == "x" for r in bad))
    assert float(found[0][3]) == 100 * int(found[0][1]) / len(bad)


def test_a_share_of_exactly_the_threshold_is_enough() -> None:
    rows = 'range i from 1 to 100 step 1 | project a = iff(i <= 7, "x", tostring(i))'
    assert pages.values(f"{rows} | evaluate basket(0.07)") == [[0, 7, 7.0, "x"]]
    halves = 'range i from 1 to 200 step 1 | extend s = iff(i <= 100, "A", "B")'
    halves += ' | project s, a = case(i <= 35, "x", i between (101 .. 130), "x", tostring(i))'
    assert pages.values(f'{halves} | evaluate diffpatterns(s, "A", "B", "~", 0.05)') == [
        [0, 35, 30, 35.0, 30.0, 5.0, "x"]
    ]
